/** The whole answer to a Fetch of one partition. */
import type { Fetch } from '../../src/protocol/apis/index.ts';
import type { ResponseOf } from '../../src/protocol/schema.ts';

export function fetchAnswer(records: Buffer): ResponseOf<typeof Fetch> {
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    responses: [
      {
        topic: 't',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
        partitions: [
          {
            partitionIndex: 0,
            errorCode: 0,
            highWatermark: 0n,
            lastStableOffset: 0n,
            logStartOffset: 0n,
            divergingEpoch: { epoch: -1, endOffset: -1n },
            currentLeader: { leaderId: -1, leaderEpoch: -1 },
            snapshotId: { endOffset: -1n, epoch: -1 },
            abortedTransactions: null,
            preferredReadReplica: -1,
            records: [records],
          },
        ],
      },
    ],
    nodeEndpoints: [],
  };
}
