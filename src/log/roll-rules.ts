/** When the active segment is left and a new one begun (contract 4.3). Source: Kafka's LogSegment.shouldRoll. */
import type { LogConfig } from './log-config.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts';
import { TIME_INDEX_ENTRY_BYTES } from './time-index.ts';

/** The largest distance from a segment's base offset that its indexes can hold. */
export const RELATIVE_OFFSET_MAX = 0x7fffffff;

/** The active segment, with everything that is queued for it. */
export interface RollFacts {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly createdMs: number;
  /** Largest timestamp of its first batch; undefined when it has none. */
  readonly firstTimestamp: bigint | undefined;
  readonly indexEntries: number;
  readonly timeIndexEntries: number;
  /** In [0, 1): this segment's share of segment.jitter.ms. */
  readonly jitterFraction: number;
}

export interface IncomingBatch {
  readonly sizeBytes: number;
  readonly lastOffset: number;
  readonly maxTimestamp: bigint;
}

export function shouldRoll(
  segment: RollFacts,
  batch: IncomingBatch,
  config: Pick<LogConfig, 'segmentBytes' | 'rollBytes' | 'segmentMs' | 'segmentJitterMs' | 'segmentIndexBytes'>,
  nowMs: number,
): boolean {
  if (segment.sizeBytes === 0) return false;
  if (segment.sizeBytes > rollBytesOf(config) - batch.sizeBytes) return true;
  if (batch.lastOffset - segment.baseOffset > RELATIVE_OFFSET_MAX) return true;
  if (segment.indexEntries >= Math.floor(config.segmentIndexBytes / OFFSET_INDEX_ENTRY_BYTES)) return true;
  // One time entry is kept free for the one that sealing adds.
  if (segment.timeIndexEntries >= Math.floor(config.segmentIndexBytes / TIME_INDEX_ENTRY_BYTES) - 1) return true;
  const rollMs = config.segmentMs - Math.floor(config.segmentJitterMs * segment.jitterFraction);
  return ageMs(segment, batch, nowMs) > rollMs;
}

/** The size that no segment of several batches is larger than. */
export function rollBytesOf({ segmentBytes, rollBytes }: Pick<LogConfig, 'segmentBytes' | 'rollBytes'>): number {
  return Math.min(segmentBytes, rollBytes ?? segmentBytes);
}

/** By the timestamps of the records where they have some, so that a copy of an old log rolls as the old one did. */
function ageMs(segment: RollFacts, batch: IncomingBatch, nowMs: number): number {
  const first = segment.firstTimestamp;
  return first !== undefined && first >= 0n ? Number(batch.maxTimestamp - first) : nowMs - segment.createdMs;
}
