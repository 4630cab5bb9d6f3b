import {
  api,
  array,
  defaulted,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  nullable,
  records,
  since,
  string,
  struct,
  tagged,
  uuid,
  ZERO_UUID,
} from '../schema.ts';
import { currentLeader, NO_CURRENT_LEADER, nodeEndpoints } from './current-leader.ts';

const INT64_MAX = 9223372036854775807n;

/**
 * Fetch. v7 sessions, v9 leader epoch, v12 flexible with truncation by epoch, v13 topic ids only, v15 moves the replica id
 * into a tag, v17 directory id, v18 the follower's high watermark. `records` of an answer must be empty, never null
 * (KAFKA-18646). Source: FetchRequest.json, FetchResponse.json.
 */
export const Fetch = api(
  1,
  'Fetch',
  { versions: '4-18', flexible: 12 },
  {
    request: {
      clusterId: ignorable(tagged(0, 12, nullable(string), null)),
      replicaId: since('0-14', int32, -1),
      replicaState: tagged(1, 15, struct({ replicaId: defaulted(int32, -1), replicaEpoch: defaulted(int64, -1n) }), {
        replicaId: -1,
        replicaEpoch: -1n,
      }),
      maxWaitMs: int32,
      minBytes: int32,
      maxBytes: ignorable(since(3, int32, 0x7fffffff)),
      isolationLevel: ignorable(since(4, int8, 0)),
      sessionId: ignorable(since(7, int32, 0)),
      sessionEpoch: ignorable(since(7, int32, -1)),
      topics: array({
        topic: ignorable(since('0-12', string, '')),
        topicId: ignorable(since(13, uuid, ZERO_UUID)),
        partitions: array({
          partition: int32,
          currentLeaderEpoch: ignorable(since(9, int32, -1)),
          fetchOffset: int64,
          lastFetchedEpoch: since(12, int32, -1),
          logStartOffset: ignorable(since(5, int64, -1n)),
          partitionMaxBytes: int32,
          replicaDirectoryId: ignorable(tagged(0, 17, uuid, ZERO_UUID)),
          highWatermark: ignorable(tagged(1, 18, int64, INT64_MAX)),
        }),
      }),
      forgottenTopicsData: since(
        7,
        array({
          topic: ignorable(since('7-12', string, '')),
          topicId: ignorable(since(13, uuid, ZERO_UUID)),
          partitions: array(int32),
        }),
        [],
      ),
      rackId: ignorable(since(11, string, '')),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      errorCode: ignorable(since(7, int16, 0)),
      sessionId: since(7, int32, 0),
      responses: array({
        topic: ignorable(since('0-12', string, '')),
        topicId: ignorable(since(13, uuid, ZERO_UUID)),
        partitions: array({
          partitionIndex: int32,
          errorCode: int16,
          highWatermark: int64,
          lastStableOffset: ignorable(since(4, int64, -1n)),
          logStartOffset: ignorable(since(5, int64, -1n)),
          divergingEpoch: tagged(0, 12, struct({ epoch: defaulted(int32, -1), endOffset: defaulted(int64, -1n) }), {
            epoch: -1,
            endOffset: -1n,
          }),
          currentLeader: tagged(1, 12, currentLeader, NO_CURRENT_LEADER),
          snapshotId: tagged(2, 12, struct({ endOffset: defaulted(int64, -1n), epoch: defaulted(int32, -1) }), {
            endOffset: -1n,
            epoch: -1,
          }),
          abortedTransactions: nullable(array({ producerId: int64, firstOffset: int64 })),
          preferredReadReplica: since(11, int32, -1),
          records: nullable(records),
        }),
      }),
      nodeEndpoints: tagged(0, 16, nodeEndpoints, []),
    },
  },
);
