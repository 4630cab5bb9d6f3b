import {
  api,
  array,
  defaulted,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  uuid,
  ZERO_UUID,
} from '../schema.ts';

/**
 * OffsetCommit. v2-4 carry a retention time that Kafka ignores since 2.1, v6 the leader epoch, v7 static members, v8 is
 * flexible, v9 also for members of KIP-848 groups (their epoch as the generation), v10 topic ids instead of names.
 * Source: OffsetCommitRequest.json, OffsetCommitResponse.json.
 */
export const OffsetCommit = api(
  8,
  'OffsetCommit',
  { versions: '2-10', flexible: 8 },
  {
    request: {
      groupId: string,
      generationIdOrMemberEpoch: defaulted(int32, -1),
      memberId: defaulted(string, ''),
      groupInstanceId: since(7, nullable(string), null),
      retentionTimeMs: ignorable(since('2-4', int64, -1n)),
      topics: array({
        name: ignorable(since('0-9', string, '')),
        topicId: ignorable(since(10, uuid, ZERO_UUID)),
        partitions: array({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: ignorable(since(6, int32, -1)),
          committedMetadata: nullable(string),
        }),
      }),
    },
    response: {
      throttleTimeMs: ignorable(since(3, int32, 0)),
      topics: array({
        name: ignorable(since('0-9', string, '')),
        topicId: ignorable(since(10, uuid, ZERO_UUID)),
        partitions: array({ partitionIndex: int32, errorCode: int16 }),
      }),
    },
  },
);
