import type { AnyApi } from '../schema.ts';
import { Produce } from './00-produce.ts';
import { Fetch } from './01-fetch.ts';
import { ListOffsets } from './02-list-offsets.ts';
import { Metadata } from './03-metadata.ts';
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
import { ElectLeaders } from './43-elect-leaders.ts';
import { IncrementalAlterConfigs } from './44-incremental-alter-configs.ts';
import { DescribeCluster } from './60-describe-cluster.ts';
import { DescribeProducers } from './61-describe-producers.ts';
import { ListConfigResources } from './74-list-config-resources.ts';
import { DescribeTopicPartitions } from './75-describe-topic-partitions.ts';

export {
  AlterConfigs,
  ApiVersions,
  CreatePartitions,
  CreateTopics,
  DeleteRecords,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  DescribeLogDirs,
  DescribeProducers,
  DescribeTopicPartitions,
  ElectLeaders,
  Fetch,
  IncrementalAlterConfigs,
  InitProducerId,
  ListConfigResources,
  ListOffsets,
  Metadata,
  OffsetForLeaderEpoch,
  Produce,
};

/** Every API that we can read and write, by its key, in the order of keys. */
export const API_BY_KEY: ReadonlyMap<number, AnyApi> = new Map(
  [
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
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
    ElectLeaders,
    IncrementalAlterConfigs,
    DescribeCluster,
    DescribeProducers,
    ListConfigResources,
    DescribeTopicPartitions,
  ].map((api: AnyApi) => [api.key, api]),
);
