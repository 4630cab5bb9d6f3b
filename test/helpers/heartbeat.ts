import type { ConsumerGroupHeartbeat } from '../../src/protocol/apis/68-consumer-group-heartbeat.ts';
import type { RequestOf } from '../../src/protocol/schema.ts';

/** A heartbeat of a KIP-848 member that says nothing but `said`: the rest is as it was. */
export function heartbeat(
  said: Partial<RequestOf<typeof ConsumerGroupHeartbeat>>,
): RequestOf<typeof ConsumerGroupHeartbeat> {
  return {
    groupId: 'g',
    memberId: 'm',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: null,
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: null,
    ...said,
  };
}
