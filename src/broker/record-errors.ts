/** Which records of a refused batch are to blame, for producers that tell their records apart (KIP-467). */

import type { LogConfig } from '../log/log-config.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecOf } from '../protocol/records/compression.ts';
import { forEachRecord } from '../protocol/records/record-walk.ts';

/** A batch may hold very many; the first ones say enough. */
const ERRORS_MAX = 100;

/**
 * The indexes of the records whose timestamps are outside the bounds of the topic, when that is why a batch with sound records
 * was refused. None for a compressed batch: it is not unpacked a second time to tell.
 */
export function recordsOutOfTime(
  bytes: Buffer,
  { timestampBeforeMaxMs, timestampAfterMaxMs }: Pick<LogConfig, 'timestampBeforeMaxMs' | 'timestampAfterMaxMs'>,
  nowMs: number,
): number[] {
  if (codecOf(batch.attributes(bytes, 0)) !== 'none') return [];
  const earliest = BigInt(nowMs) - timestampBeforeMaxMs;
  const latest = BigInt(nowMs) + timestampAfterMaxMs;
  const baseTimestamp = batch.baseTimestamp(bytes, 0);
  const indexes: number[] = [];
  let index = 0;
  forEachRecord(bytes, batch.BATCH_HEADER_BYTES, bytes.length, batch.recordCount(bytes, 0), ({ timestampDelta }) => {
    const timestamp = baseTimestamp + BigInt(timestampDelta);
    if ((timestamp < earliest || timestamp > latest) && indexes.length < ERRORS_MAX) indexes.push(index);
    index += 1;
  });
  return indexes;
}
