/** Which records of a refused batch are to blame, for producers that tell their records apart (KIP-467). */

import type { LogConfig } from '../log/log-config.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecOf } from '../protocol/records/compression.ts';
import { forEachRecord, type RecordCursor } from '../protocol/records/record-walk.ts';

/** A batch may hold very many; the first ones say enough. */
const ERRORS_MAX = 100;

/** The indexes of the records without a key, likewise: none is let into a compacted topic. */
export function recordsWithoutKey(bytes: Buffer): number[] {
  return indexesWhere(bytes, ({ keyStart }) => keyStart === -1);
}

/**
 * The indexes of the records whose timestamps are outside the bounds of the topic, when that is why a batch with sound records
 * was refused. None for a compressed batch: it is not unpacked a second time to tell.
 */
export function recordsOutOfTime(
  bytes: Buffer,
  { timestampBeforeMaxMs, timestampAfterMaxMs }: Pick<LogConfig, 'timestampBeforeMaxMs' | 'timestampAfterMaxMs'>,
  nowMs: number,
): number[] {
  const earliest = BigInt(nowMs) - timestampBeforeMaxMs;
  const latest = BigInt(nowMs) + timestampAfterMaxMs;
  const baseTimestamp = batch.baseTimestamp(bytes, 0);
  return indexesWhere(bytes, ({ timestampDelta }) => {
    const timestamp = baseTimestamp + BigInt(timestampDelta);
    return timestamp < earliest || timestamp > latest;
  });
}

function indexesWhere(bytes: Buffer, isToBlame: (record: RecordCursor) => boolean): number[] {
  if (codecOf(batch.attributes(bytes, 0)) !== 'none') return [];
  const indexes: number[] = [];
  let index = 0;
  forEachRecord(bytes, batch.BATCH_HEADER_BYTES, bytes.length, batch.recordCount(bytes, 0), (record) => {
    if (indexes.length < ERRORS_MAX && isToBlame(record)) indexes.push(index);
    index += 1;
  });
  return indexes;
}
