/** Compacting a log on the simulated machine, and judging what is left by a model that knows every record that was appended. */
import assert from 'node:assert/strict';
import type { CompactionOrder } from '../../../src/log/compaction/compact-logs.ts';
import type { LogConfig } from '../../../src/log/log-config.ts';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import { type ReadBatch, type ReadRecord, readBatches } from './keyed-batches.ts';

/** Small segments, compacted whenever something is dirty. */
export const COMPACTED = {
  cleanupPolicy: 'compact',
  segmentBytes: 400,
  indexIntervalBytes: 100,
  minCleanableDirtyRatio: 0,
  fileDeleteDelayMs: 20,
} as const satisfies Partial<LogConfig>;

export const ORDER: CompactionOrder = {
  mapBytes: 1 << 20,
  mapLoadFactor: 0.9,
  chunkBytes: 4096,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  isStopped: () => false,
};

/** Everything that is readable from `offset` on. */
export async function readLog(log: PartitionLog, offset = log.logStartOffset, maxBytes = 1000): Promise<ReadBatch[]> {
  const seen: ReadBatch[] = [];
  for (let next: number | undefined = offset; next !== undefined && next < log.highWatermark; ) {
    const read = await log.read({
      offset: next,
      maxBytes,
      minOneBatch: true,
      isolation: 'read_uncommitted',
      upTo: 'highWatermark',
    });
    seen.push(...readBatches(Buffer.concat(read.slices)));
    next = read.nextOffset;
    read.release();
  }
  return seen;
}

export function recordsOf(batches: readonly ReadBatch[]): ReadRecord[] {
  return batches.flatMap(({ records }) => records);
}

/** The newest value of each key; a key whose newest value is null is not in it. */
export function stateOf(records: readonly ReadRecord[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const { key, value } of records) {
    if (key === null) continue;
    if (value === null) state.delete(key);
    else state.set(key, value);
  }
  return state;
}

/**
 * Checks what is left of `appended`: the log reaches `endOffset` at least, nothing moved, nothing is new, the state is that of all
 * records up to the log's end, and with `everyOffset` the same is read from every offset on.
 */
export async function checkCompacted(
  log: PartitionLog,
  appended: readonly ReadRecord[],
  endOffset: number,
  everyOffset = true,
): Promise<void> {
  assert.equal(log.damagedAt, undefined, 'damaged');
  assert.ok(log.logEndOffset >= endOffset, `ends at ${log.logEndOffset}, and held ${endOffset}`);
  const batches = await readLog(log);
  const left = recordsOf(batches);
  const original = new Map(appended.map((record) => [record.offset, record]));
  let last = -1;
  for (const { baseOffset, lastOffset, records } of batches) {
    assert.ok(baseOffset > last, `batch ${baseOffset} after ${last}`);
    for (const { offset } of records) assert.ok(offset >= baseOffset && offset <= lastOffset, `record ${offset}`);
    last = lastOffset;
  }
  assert.equal(last, log.logEndOffset - 1, 'the last batch tells where the log ends');
  for (const record of left) assert.deepEqual(record, original.get(record.offset));
  const below = appended.filter(({ offset }) => offset >= log.logStartOffset && offset < log.logEndOffset);
  assert.deepEqual(sorted(stateOf(left)), sorted(stateOf(below)));
  for (let offset = log.logStartOffset; everyOffset && offset < log.logEndOffset; offset++) {
    const from = recordsOf(await readLog(log, offset)).filter((record) => record.offset >= offset);
    assert.deepEqual(
      from,
      left.filter((record) => record.offset >= offset),
      `from offset ${offset}`,
    );
  }
}

function sorted(state: ReadonlyMap<string, string>): string[] {
  return [...state].map(([key, value]) => `${key}=${value}`).sort();
}
