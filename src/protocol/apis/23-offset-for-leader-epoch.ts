import { api, array, defaulted, ignorable, int16, int32, int64, since, string } from '../schema.ts';

/**
 * OffsetForLeaderEpoch: where a leader epoch ended (KIP-101, KIP-320). v3 replica id, v4 is flexible.
 * Source: OffsetForLeaderEpochRequest.json, OffsetForLeaderEpochResponse.json.
 */
export const OffsetForLeaderEpoch = api(
  23,
  'OffsetForLeaderEpoch',
  { versions: '2-4', flexible: 4 },
  {
    request: {
      replicaId: ignorable(since(3, int32, -2)),
      topics: array({
        topic: string,
        partitions: array({
          partition: int32,
          currentLeaderEpoch: ignorable(defaulted(int32, -1)),
          leaderEpoch: int32,
        }),
      }),
    },
    response: {
      throttleTimeMs: ignorable(defaulted(int32, 0)),
      topics: array({
        topic: string,
        partitions: array({
          errorCode: int16,
          partition: int32,
          leaderEpoch: ignorable(defaulted(int32, -1)),
          endOffset: defaulted(int64, -1n),
        }),
      }),
    },
  },
);
