import type { AnyApi } from '../schema.ts';
import { Produce } from './00-produce.ts';
import { Fetch } from './01-fetch.ts';
import { ListOffsets } from './02-list-offsets.ts';
import { Metadata } from './03-metadata.ts';
import { OffsetCommit } from './08-offset-commit.ts';
import { OffsetFetch } from './09-offset-fetch.ts';
import { FindCoordinator } from './10-find-coordinator.ts';
import { JoinGroup } from './11-join-group.ts';
import { Heartbeat } from './12-heartbeat.ts';
import { LeaveGroup } from './13-leave-group.ts';
import { SyncGroup } from './14-sync-group.ts';
import { DescribeGroups } from './15-describe-groups.ts';
import { ListGroups } from './16-list-groups.ts';
import { ApiVersions } from './18-api-versions.ts';
import { CreateTopics } from './19-create-topics.ts';
import { DeleteTopics } from './20-delete-topics.ts';
import { DeleteRecords } from './21-delete-records.ts';
import { InitProducerId } from './22-init-producer-id.ts';
import { OffsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts';
import { DescribeConfigs } from './32-describe-configs.ts';
import { AlterConfigs } from './33-alter-configs.ts';
import { DescribeLogDirs } from './35-describe-log-dirs.ts';
import { CreatePartitions } from './37-create-partitions.ts';
import { DeleteGroups } from './42-delete-groups.ts';
import { ElectLeaders } from './43-elect-leaders.ts';
import { IncrementalAlterConfigs } from './44-incremental-alter-configs.ts';
import { OffsetDelete } from './47-offset-delete.ts';
import { DescribeCluster } from './60-describe-cluster.ts';
import { DescribeProducers } from './61-describe-producers.ts';
import { ConsumerGroupHeartbeat } from './68-consumer-group-heartbeat.ts';
import { ConsumerGroupDescribe } from './69-consumer-group-describe.ts';
import { ListConfigResources } from './74-list-config-resources.ts';
import { DescribeTopicPartitions } from './75-describe-topic-partitions.ts';

export {
  AlterConfigs,
  ApiVersions,
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  CreatePartitions,
  CreateTopics,
  DeleteGroups,
  DeleteRecords,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeGroups,
  DescribeLogDirs,
  DescribeProducers,
  DescribeTopicPartitions,
  ElectLeaders,
  Fetch,
  FindCoordinator,
  Heartbeat,
  IncrementalAlterConfigs,
  InitProducerId,
  JoinGroup,
  LeaveGroup,
  ListConfigResources,
  ListGroups,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  OffsetForLeaderEpoch,
  Produce,
  SyncGroup,
};

/** Every API that we can read and write, by its key, in the order of keys. */
export const API_BY_KEY: ReadonlyMap<number, AnyApi> = new Map(
  [
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    OffsetCommit,
    OffsetFetch,
    FindCoordinator,
    JoinGroup,
    Heartbeat,
    LeaveGroup,
    SyncGroup,
    DescribeGroups,
    ListGroups,
    ApiVersions,
    CreateTopics,
    DeleteTopics,
    DeleteRecords,
    InitProducerId,
    OffsetForLeaderEpoch,
    DescribeConfigs,
    AlterConfigs,
    DescribeLogDirs,
    CreatePartitions,
    DeleteGroups,
    ElectLeaders,
    IncrementalAlterConfigs,
    OffsetDelete,
    DescribeCluster,
    DescribeProducers,
    ConsumerGroupHeartbeat,
    ConsumerGroupDescribe,
    ListConfigResources,
    DescribeTopicPartitions,
  ].map((api: AnyApi) => [api.key, api]),
);
