import { api, array, defaulted, int16, int32, nullable, since, string, struct, uuid } from '../schema.ts';

const topicPartitions = array({ topicId: uuid, partitions: array(int32) });

/**
 * ConsumerGroupHeartbeat (KIP-848). Null = unchanged since the last heartbeat, both ways. Member epochs: 0 joins, -1 leaves,
 * -2 a static member leaves for a while. v1 subscribes by regular expression, and the member makes its own id.
 * Source: ConsumerGroupHeartbeatRequest.json, ConsumerGroupHeartbeatResponse.json.
 */
export const ConsumerGroupHeartbeat = api(
  68,
  'ConsumerGroupHeartbeat',
  { versions: '0-1', flexible: 0 },
  {
    request: {
      groupId: string,
      memberId: string,
      memberEpoch: int32,
      instanceId: defaulted(nullable(string), null),
      rackId: defaulted(nullable(string), null),
      rebalanceTimeoutMs: defaulted(int32, -1),
      subscribedTopicNames: defaulted(nullable(array(string)), null),
      subscribedTopicRegex: since(1, nullable(string), null),
      serverAssignor: defaulted(nullable(string), null),
      topicPartitions: defaulted(nullable(topicPartitions), null),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      errorCode: int16,
      errorMessage: defaulted(nullable(string), null),
      memberId: defaulted(nullable(string), null),
      memberEpoch: int32,
      heartbeatIntervalMs: int32,
      assignment: defaulted(nullable(struct({ topicPartitions })), null),
    },
  },
);
