/**
 * Which part of a log a compaction may take, and whether it is due: pure decisions from facts. Source: Kafka's
 * LogCleanerManager.cleanableOffsets, LogToClean and grabFilthiestCompactedLog, with one bound more: whole segments alone are
 * taken, and only such as lie below high watermark, last stable offset and what is on the disk.
 */
import type { LogConfig } from '../log-config.ts';
import type { SegmentAge } from '../retention-rules.ts';

export type CompactionConfig = Pick<LogConfig, 'minCleanableDirtyRatio' | 'minCompactionLagMs' | 'maxCompactionLagMs'>;

export interface CleanableFacts {
  /** Up to where (exclusive) the last compaction came; undefined: there was none, or nobody knows. */
  readonly cleanedOffset: number | undefined;
  readonly logStartOffset: number;
  /** The smallest of high watermark, last stable offset and durable end: what reaches past it stays. */
  readonly belowOffset: number;
  readonly nowMs: number;
}

export interface Cleanable {
  /** The first offset that no compaction has looked at. */
  readonly firstDirtyOffset: number;
  /** Exclusive: where the last segment ends that may be taken. */
  readonly endOffset: number;
  readonly dirtyBytes: number;
  /** The dirty part's share of what lies below `endOffset`, from 0 to 1. */
  readonly dirtyRatio: number;
}

/** What may be compacted of the log with these segments, ascending, the last one active; undefined when nothing may. */
export function cleanableOf(
  segments: readonly SegmentAge[],
  config: CompactionConfig,
  facts: CleanableFacts,
): Cleanable | undefined {
  const firstDirtyOffset = firstDirty(segments, facts);
  let endOffset = 0;
  let dirtyBytes = 0;
  let totalBytes = 0;
  for (const segment of segments) {
    if (segment.active || segment.endOffset > facts.belowOffset) break;
    const isDirty = segment.endOffset > firstDirtyOffset;
    if (isDirty && isTooYoung(segment, config, facts.nowMs)) break;
    endOffset = segment.endOffset;
    totalBytes += segment.bytes;
    if (isDirty) dirtyBytes += segment.bytes;
  }
  if (dirtyBytes === 0) return undefined;
  return { firstDirtyOffset, endOffset, dirtyBytes, dirtyRatio: dirtyBytes / totalBytes };
}

/**
 * Whether it is to be compacted now. `oldestDirtyMs`: the timestamp of the first batch of the dirty part, undefined where no
 * batch has one; it matters only where max.compaction.lag.ms is finite.
 */
export function isDue(
  cleanable: Cleanable,
  config: CompactionConfig,
  oldestDirtyMs: number | undefined,
  nowMs: number,
): boolean {
  const isLate = oldestDirtyMs !== undefined && nowMs - oldestDirtyMs > config.maxCompactionLagMs;
  return isLate || cleanable.dirtyRatio > config.minCleanableDirtyRatio;
}

/** A place outside of the log says nothing: all of it is looked at again. */
function firstDirty(segments: readonly SegmentAge[], { cleanedOffset, logStartOffset }: CleanableFacts): number {
  const logEnd = segments[segments.length - 1]?.endOffset ?? 0;
  if (cleanedOffset === undefined || cleanedOffset > logEnd) return logStartOffset;
  return Math.max(cleanedOffset, logStartOffset);
}

function isTooYoung(segment: SegmentAge, { minCompactionLagMs }: CompactionConfig, nowMs: number): boolean {
  if (minCompactionLagMs <= 0) return false;
  const newestMs = segment.largestTimestampMs >= 0 ? segment.largestTimestampMs : segment.modifiedMs;
  return newestMs > nowMs - minCompactionLagMs;
}
