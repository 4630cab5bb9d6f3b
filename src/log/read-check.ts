/**
 * What a read makes sure of before bytes of a log leave it (I-29). No checksum covers a batch's first bytes, where its base
 * offset, length, epoch and magic byte stand; but the batch before says where it begins, and the epochs of the log which
 * leader wrote it. All else is in the CRC.
 */
import { crc32c } from '../kernel/crc32c.ts';
import * as batch from '../protocol/records/batch.ts';
import { type EpochEntry, epochAt } from './leader-epochs.ts';

export interface ChainFacts {
  /** The offset after the batch before. */
  readonly expectedOffset: number;
  readonly epochs: readonly EpochEntry[];
  /** Batches that lie wholly before it belong to epochs that the log may not know any more. */
  readonly logStartOffset: number;
  /** Whether the log may have gaps: after a compaction, or where its leader has some. */
  readonly gaps: boolean;
}

/** Whether the batch whose header is at `at`, of a length and magic byte that can be, is the next one of the log. */
export function checkChain(bytes: Buffer, at: number, facts: ChainFacts): boolean {
  const { expectedOffset, epochs, logStartOffset, gaps } = facts;
  const baseOffset = batch.baseOffset(bytes, at);
  if (gaps ? baseOffset < expectedOffset : baseOffset !== expectedOffset) return false;
  if (batch.lastOffsetDelta(bytes, at) < 0) return false;
  if (batch.lastOffset(bytes, at) < logStartOffset) return true;
  return batch.leaderEpoch(bytes, at) === epochAt(epochs, Math.max(baseOffset, logStartOffset));
}

/** Position of the first of the whole batches in `bytes` up to `count` whose CRC is wrong; `count` when none is. */
export function checkCrcs(bytes: Buffer, count: number): number {
  let at = 0;
  while (at < count) {
    const end = at + batch.batchBytes(bytes, at);
    if (batch.crc(bytes, at) !== crc32c(bytes, at + batch.ATTRIBUTES_OFFSET, end)) return at;
    at = end;
  }
  return count;
}
