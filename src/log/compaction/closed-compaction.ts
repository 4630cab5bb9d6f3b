/**
 * Whether a log that nobody opened is to be compacted, from its line of the close record: only what is due needs to be opened for
 * it. The open log decides again for itself.
 */
import type { ClosedPartition } from '../close-record.ts';
import { closedAges } from '../closed-retention.ts';
import { compacts, type LogConfig } from '../log-config.ts';
import { cleanableOf, isDue } from './cleanable.ts';

/** `cleanedOffset`: up to where (exclusive) it was compacted; undefined when it never was. */
export function isCompactionDue(
  closed: ClosedPartition,
  config: LogConfig,
  cleanedOffset: number | undefined,
  nowMs: number,
): boolean {
  if (closed.damagedAt !== undefined || !compacts(config) || closed.segments.length < 2) return false;
  const ages = closedAges(closed, nowMs);
  if (ages === undefined) return false;
  const { logStartOffset, endOffset } = closed;
  const cleanable = cleanableOf(ages, config, { cleanedOffset, logStartOffset, belowOffset: endOffset, nowMs });
  if (cleanable === undefined) return false;
  // The line has no timestamps of first batches: the newest record of a segment is as old, or younger.
  const dirty = ages.filter(
    (age) => age.endOffset > cleanable.firstDirtyOffset && age.endOffset <= cleanable.endOffset,
  );
  const oldestMs = Math.min(...dirty.map((age) => age.largestTimestampMs).filter((timestampMs) => timestampMs >= 0));
  return isDue(cleanable, config, Number.isFinite(oldestMs) ? oldestMs : undefined, nowMs);
}
