/**
 * Retention of logs that nobody opened, from their lines of the close record: only what has something to delete needs to be
 * opened for it. The open log decides again for itself, so a line that is out of date costs no more than that opening.
 */
import type { ClosedPartition } from './close-record.ts';
import type { LogConfig } from './log-config.ts';
import { expiredSegments, type SegmentAge } from './retention-rules.ts';

/**
 * Age and size of each segment, the active one last. Where a line does not tell a segment's largest timestamp, as those of
 * part 1, or its records have none, its file counts as last changed at `unknownMs`; undefined when that is not given.
 */
export function closedAges(closed: ClosedPartition, unknownMs: number | undefined): SegmentAge[] | undefined {
  const { segments } = closed;
  const ages: SegmentAge[] = [];
  for (const [index, { baseOffset, logBytes, largestTimestamp }] of segments.entries()) {
    const active = index === segments.length - 1;
    const largest = Number(largestTimestamp ?? (active ? closed.active.largestTimestamp : -1));
    // Nobody asks for the age of an empty one.
    const isUnknown = largest < 0 && logBytes > 0;
    if (isUnknown && unknownMs === undefined) return undefined;
    ages.push({
      baseOffset,
      endOffset: segments[index + 1]?.baseOffset ?? closed.endOffset,
      bytes: logBytes,
      largestTimestampMs: largest,
      modifiedMs: unknownMs ?? 0,
      active,
    });
  }
  return ages;
}

/** Whether retention or an earlier DeleteRecords takes something of the log, or that cannot be said without opening it. */
export function isDeletionDue(
  closed: ClosedPartition,
  config: Pick<LogConfig, 'retentionMs' | 'retentionBytes' | 'cleanupPolicy'>,
  nowMs: number,
): boolean {
  if (closed.damagedAt !== undefined) return false;
  const isAgeless = config.retentionMs === Number.POSITIVE_INFINITY;
  const ages = closedAges(closed, isAgeless ? nowMs : undefined);
  if (ages === undefined) return true;
  const { logStartOffset, endOffset } = closed;
  const { count, roll } = expiredSegments(ages, config, { belowOffset: endOffset, logStartOffset, nowMs });
  return count > 0 || roll;
}
