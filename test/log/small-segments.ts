/** What retention is tried on: small segments of batches of two records. */
import type { Env } from '../../src/kernel/env.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import { batchOf } from './batches.ts';
import { append } from './log-in-world.ts';

/** Of a log whose segments hold two batches each. */
export const SMALL_SEGMENTS = { segmentBytes: 600, indexIntervalBytes: 100 };
/** Of a batch. */
export const TWO_VALUES = ['v'.repeat(100), 'w'.repeat(100)];

/** Appends batches of two records, a segment every two batches: segments begin at 0, 4, 8, .... */
export async function fill(env: Env, log: PartitionLog, count: number, timestamp?: bigint): Promise<void> {
  const at = timestamp ?? BigInt(env.clock.wallMs());
  for (let index = 0; index < count; index++) {
    await (await append(log, batchOf(TWO_VALUES, { timestamp: at, timestampDeltas: [0, 0] }))).committed;
  }
}
