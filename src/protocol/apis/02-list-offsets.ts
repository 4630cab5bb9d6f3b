import { api, array, ignorable, int8, int16, int32, int64, since, string } from '../schema.ts';

/**
 * ListOffsets. v2 isolation level, v4 leader epoch, v6 flexible, v7 max timestamp (-3), v8 earliest local (-4), v9 latest
 * tiered (-5), v10 timeout, v11 earliest pending upload (-6). Source: ListOffsetsRequest.json, ListOffsetsResponse.json.
 */
export const ListOffsets = api(
  2,
  'ListOffsets',
  { versions: '1-11', flexible: 6 },
  {
    request: {
      replicaId: int32,
      isolationLevel: since(2, int8, 0),
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          currentLeaderEpoch: ignorable(since(4, int32, -1)),
          timestamp: int64,
        }),
      }),
      timeoutMs: ignorable(since(10, int32, 0)),
    },
    response: {
      throttleTimeMs: ignorable(since(2, int32, 0)),
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          errorCode: int16,
          timestamp: since(1, int64, -1n),
          offset: since(1, int64, -1n),
          leaderEpoch: since(4, int32, -1),
        }),
      }),
    },
  },
);
