/**
 * Whether whole batches follow bytes that are none (C-4): what tells a torn tail from one bad batch in the middle. Nothing says
 * where the next batch would begin, so every position is tried.
 */
import { crc32c } from '../kernel/crc32c.ts';
import type { DiskFile } from '../kernel/env.ts';
import * as batch from '../protocol/records/batch.ts';
import { plausibleBatchBytes, readFully } from './batch-scan.ts';
import { RELATIVE_OFFSET_MAX } from './roll-rules.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Headers that values imitate cost a checksum each: beyond so many times the range the answer is that something follows. */
const CRC_BYTES_FACTOR = 4;

export interface FollowingFacts {
  /** Batches that begin before it are none of those. */
  readonly endOffset: number;
  /** Base offset of the file's segment. */
  readonly segmentBase: number;
}

/**
 * Position of the first whole batch with a right CRC that begins in (from, to] or at `from` itself and ends by `to`; undefined
 * when there is none. A batch inside a record's value is taken for one too, and so is a range that would cost too much.
 */
export async function findFollowingBatch(
  file: DiskFile,
  from: number,
  to: number,
  facts: FollowingFacts,
): Promise<number | undefined> {
  let crcBytesLeft = (to - from) * CRC_BYTES_FACTOR;
  const chunk = Buffer.allocUnsafeSlow(Math.max(0, Math.min(CHUNK_BYTES, to - from)));
  for (let start = from; to - start >= batch.BATCH_HEADER_BYTES; ) {
    const count = await readFully(file, chunk, Math.min(chunk.length, to - start), start);
    const last = count - batch.BATCH_HEADER_BYTES;
    if (last < 0) return undefined;
    for (let at = nextMagic(chunk, 0); at >= 0 && at <= last; at = nextMagic(chunk, at + 1)) {
      const position = start + at;
      const sizeBytes = plausibleBatchBytes(chunk, at, to - position);
      if (sizeBytes === undefined || !canFollow(chunk, at, facts)) continue;
      crcBytesLeft -= sizeBytes;
      if (crcBytesLeft < 0 || (await isWhole(file, position, sizeBytes))) return position;
    }
    start += last + 1;
  }
  return undefined;
}

/** The next position at or after `at` where a batch with the magic byte of all batches could begin; -1 for none. */
function nextMagic(chunk: Buffer, at: number): number {
  const found = chunk.indexOf(batch.CURRENT_MAGIC, at + batch.MAGIC_OFFSET);
  return found < 0 ? -1 : found - batch.MAGIC_OFFSET;
}

function canFollow(bytes: Buffer, at: number, facts: FollowingFacts): boolean {
  const baseOffset = batch.baseOffset(bytes, at);
  return baseOffset >= facts.endOffset && baseOffset - facts.segmentBase <= RELATIVE_OFFSET_MAX;
}

async function isWhole(file: DiskFile, position: number, sizeBytes: number): Promise<boolean> {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  if ((await readFully(file, bytes, sizeBytes, position)) < sizeBytes) return false;
  return batch.crc(bytes, 0) === crc32c(bytes, batch.ATTRIBUTES_OFFSET, sizeBytes);
}
