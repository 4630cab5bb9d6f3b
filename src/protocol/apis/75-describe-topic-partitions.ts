import { api, array, boolean, defaulted, ignorable, int16, int32, nullable, string, struct, uuid } from '../schema.ts';

const cursor = defaulted(nullable(struct({ topicName: string, partitionIndex: int32 })), null);

/**
 * DescribeTopicPartitions: topics page by page (KIP-966). No topics = all; the cursor is where the page begins.
 * Source: DescribeTopicPartitionsRequest.json, DescribeTopicPartitionsResponse.json.
 */
export const DescribeTopicPartitions = api(
  75,
  'DescribeTopicPartitions',
  { versions: '0', flexible: 0 },
  {
    request: {
      topics: array({ name: string }),
      responsePartitionLimit: defaulted(int32, 2000),
      cursor,
    },
    response: {
      throttleTimeMs: ignorable(defaulted(int32, 0)),
      topics: array({
        errorCode: int16,
        name: nullable(string),
        topicId: uuid,
        isInternal: ignorable(defaulted(boolean, false)),
        partitions: array({
          errorCode: int16,
          partitionIndex: int32,
          leaderId: int32,
          leaderEpoch: ignorable(defaulted(int32, -1)),
          replicaNodes: array(int32),
          isrNodes: array(int32),
          eligibleLeaderReplicas: defaulted(nullable(array(int32)), null),
          lastKnownElr: defaulted(nullable(array(int32)), null),
          offlineReplicas: ignorable(defaulted(array(int32), [])),
        }),
        topicAuthorizedOperations: defaulted(int32, -2147483648),
      }),
      nextCursor: cursor,
    },
  },
);
