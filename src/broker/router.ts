/**
 * The table of what is served: key -> API, versions and handler. ApiVersions advertises from the same table, so that nothing
 * is promised that is not there. No rules about requests live here.
 */

import {
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
} from '../protocol/apis/index.ts';
import { DirectoryHandshake } from '../protocol/private/directory-handshake.ts';
import { HandOver } from '../protocol/private/hand-over.ts';
import type { AnyApi, RequestOf } from '../protocol/schema.ts';
import { handleProduce } from './handlers/00-produce.ts';
import { handleFetch } from './handlers/01-fetch.ts';
import { handleListOffsets } from './handlers/02-list-offsets.ts';
import { handleMetadata } from './handlers/03-metadata.ts';
import { handleOffsetCommit } from './handlers/08-offset-commit.ts';
import { handleOffsetFetch } from './handlers/09-offset-fetch.ts';
import { handleFindCoordinator } from './handlers/10-find-coordinator.ts';
import { handleJoinGroup } from './handlers/11-join-group.ts';
import { handleHeartbeat } from './handlers/12-heartbeat.ts';
import { handleLeaveGroup } from './handlers/13-leave-group.ts';
import { handleSyncGroup } from './handlers/14-sync-group.ts';
import { handleDescribeGroups } from './handlers/15-describe-groups.ts';
import { handleListGroups } from './handlers/16-list-groups.ts';
import { handleApiVersions } from './handlers/18-api-versions.ts';
import { handleCreateTopics } from './handlers/19-create-topics.ts';
import { handleDeleteTopics } from './handlers/20-delete-topics.ts';
import { handleDeleteRecords } from './handlers/21-delete-records.ts';
import { handleInitProducerId } from './handlers/22-init-producer-id.ts';
import { handleOffsetForLeaderEpoch } from './handlers/23-offset-for-leader-epoch.ts';
import { handleDescribeConfigs } from './handlers/32-describe-configs.ts';
import { handleAlterConfigs } from './handlers/33-alter-configs.ts';
import { handleDescribeLogDirs } from './handlers/35-describe-log-dirs.ts';
import { handleCreatePartitions } from './handlers/37-create-partitions.ts';
import { handleDeleteGroups } from './handlers/42-delete-groups.ts';
import { handleElectLeaders } from './handlers/43-elect-leaders.ts';
import { handleIncrementalAlterConfigs } from './handlers/44-incremental-alter-configs.ts';
import { handleOffsetDelete } from './handlers/47-offset-delete.ts';
import { handleDescribeCluster } from './handlers/60-describe-cluster.ts';
import { handleDescribeProducers } from './handlers/61-describe-producers.ts';
import { handleConsumerGroupHeartbeat } from './handlers/68-consumer-group-heartbeat.ts';
import { handleConsumerGroupDescribe } from './handlers/69-consumer-group-describe.ts';
import { handleListConfigResources } from './handlers/74-list-config-resources.ts';
import { handleDescribeTopicPartitions } from './handlers/75-describe-topic-partitions.ts';
import { handleDirectoryHandshake, handleHandOver } from './handlers/private-directory.ts';
import type { Reply, RequestContext } from './request.ts';
import type { AdvertisedVersions, BrokerServices, Call } from './services.ts';

export interface Route {
  readonly api: AnyApi;
  /** Answered on the directory's socket only, even while the broker stops, and not advertised. */
  readonly isPrivate: boolean;
  /** The handler works with the request's own bytes; of other requests they may be reused once decoded. */
  readonly keepsFrame: boolean;
  /**
   * A short request may have a long answer: of one connection one such request is served at a time, as Kafka does with all, and
   * none while too much lies unread.
   */
  readonly answersMuch: boolean;
  readonly handle: (services: BrokerServices, message: object, call: Call) => Promise<Reply>;
}

type Handler<A extends AnyApi> = (services: BrokerServices, request: RequestOf<A>, call: Call) => Promise<Reply>;

const ROUTES: readonly Route[] = [
  route(Produce, handleProduce, { keepsFrame: true }),
  route(Fetch, handleFetch),
  route(ListOffsets, handleListOffsets),
  route(Metadata, handleMetadata, { answersMuch: true }),
  route(OffsetCommit, handleOffsetCommit),
  route(OffsetFetch, handleOffsetFetch, { answersMuch: true }),
  route(FindCoordinator, handleFindCoordinator),
  route(JoinGroup, handleJoinGroup),
  route(Heartbeat, handleHeartbeat),
  route(LeaveGroup, handleLeaveGroup),
  route(SyncGroup, handleSyncGroup),
  route(DescribeGroups, handleDescribeGroups, { answersMuch: true }),
  route(ListGroups, handleListGroups, { answersMuch: true }),
  route(ApiVersions, handleApiVersions),
  route(CreateTopics, handleCreateTopics, { answersMuch: true }),
  route(DeleteTopics, handleDeleteTopics, { answersMuch: true }),
  route(DeleteRecords, handleDeleteRecords, { answersMuch: true }),
  route(InitProducerId, handleInitProducerId),
  route(OffsetForLeaderEpoch, handleOffsetForLeaderEpoch),
  route(DescribeConfigs, handleDescribeConfigs, { answersMuch: true }),
  route(AlterConfigs, handleAlterConfigs, { answersMuch: true }),
  route(DescribeLogDirs, handleDescribeLogDirs, { answersMuch: true }),
  route(CreatePartitions, handleCreatePartitions, { answersMuch: true }),
  route(DeleteGroups, handleDeleteGroups),
  route(ElectLeaders, handleElectLeaders, { answersMuch: true }),
  route(IncrementalAlterConfigs, handleIncrementalAlterConfigs, { answersMuch: true }),
  route(OffsetDelete, handleOffsetDelete),
  route(DescribeCluster, handleDescribeCluster),
  route(DescribeProducers, handleDescribeProducers, { answersMuch: true }),
  route(ConsumerGroupHeartbeat, handleConsumerGroupHeartbeat),
  route(ConsumerGroupDescribe, handleConsumerGroupDescribe, { answersMuch: true }),
  route(ListConfigResources, handleListConfigResources, { answersMuch: true }),
  route(DescribeTopicPartitions, handleDescribeTopicPartitions, { answersMuch: true }),
  route(DirectoryHandshake, handleDirectoryHandshake, { isPrivate: true }),
  route(HandOver, handleHandOver, { isPrivate: true }),
];
const ROUTE_BY_KEY: ReadonlyMap<number, Route> = new Map(ROUTES.map((entry) => [entry.api.key, entry]));

/** undefined when nothing answers that key on that listener. */
export function routeOf(apiKey: number, listener: RequestContext['listener']): Route | undefined {
  const found = ROUTE_BY_KEY.get(apiKey);
  return found?.isPrivate === true && listener === 'tcp' ? undefined : found;
}

export function isServed({ api }: Route, version: number): boolean {
  return version >= api.versions.min && version <= api.versions.max;
}

export function advertisedVersions(): readonly AdvertisedVersions[] {
  return ROUTES.filter(({ isPrivate }) => !isPrivate).map(({ api }) => ({
    apiKey: api.key,
    minVersion: api.advertised.min,
    maxVersion: api.advertised.max,
  }));
}

function route<A extends AnyApi>(
  api: A,
  handler: Handler<A>,
  { isPrivate = false, keepsFrame = false, answersMuch = false }: Partial<Omit<Route, 'api' | 'handle'>> = {},
): Route {
  return {
    api,
    isPrivate,
    keepsFrame,
    answersMuch,
    handle: (services, message, call) => handler(services, message as RequestOf<A>, call),
  };
}
