/** What a shard needs of the log of its partition, and that over a partition's log. */
import { assert } from '../kernel/assert.ts';
import type { AppendRequest, PartitionLog } from '../log/partition-log.ts';

export interface CoordinatorLog {
  readonly startOffset: number;
  readonly sizeBytes: number;
  /**
   * Queues a batch, which must get the base offset `expectedBaseOffset`.
   * @throws KafkaError NOT_LEADER_OR_FOLLOWER where another offset is next, and as `PartitionLog.append`; nothing is changed
   */
  append(bytes: Buffer, expectedBaseOffset: number): { readonly lastOffset: number; readonly committed: Promise<void> };
  /** Whole batches from `offset` on, as far as they are committed. @throws KafkaError (rejects) as `PartitionLog.read` */
  read(offset: number): Promise<LogChunk>;
}

export interface LogChunk {
  /** Empty at the end of what is committed. Valid until `release`. */
  readonly slices: readonly Buffer[];
  readonly nextOffset: number;
  release(): void;
}

/** What is read before others get their turn. */
const CHUNK_BYTES = 1 << 20;

export function coordinatorLog(log: PartitionLog, leaderEpoch: number): CoordinatorLog {
  return {
    get startOffset() {
      return log.logStartOffset;
    },
    get sizeBytes() {
      return log.sizeBytes;
    },
    append: (bytes, expectedBaseOffset) => {
      const request: AppendRequest = { records: [bytes], origin: 'coordinator', leaderEpoch, expectedBaseOffset };
      const appended = log.append(request);
      // Only a compressed batch must wait for its records to be looked at.
      assert(!(appended instanceof Promise), 'an uncompressed batch is queued at once');
      appended.written.catch(() => undefined);
      return { lastOffset: appended.lastOffset, committed: appended.committed };
    },
    read: async (offset) => {
      const read = await log.read({
        offset,
        maxBytes: CHUNK_BYTES,
        minOneBatch: true,
        isolation: 'read_uncommitted',
        upTo: 'highWatermark',
      });
      return { slices: read.slices, nextOffset: read.nextOffset ?? offset, release: read.release };
    },
  };
}
