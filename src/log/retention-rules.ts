/**
 * Which segments retention takes: pure decisions from facts. Only whole segments go, the oldest first, so what is kept is at
 * least what the config asks for. Source: Kafka's UnifiedLog.deleteOldSegments and LocalLog.deletableSegments, with one bound
 * more: nothing goes that is not on the disk itself, as a power cut may make of what was ahead of the disk anything.
 */
import type { LogConfig } from './log-config.ts';

export interface SegmentAge {
  readonly baseOffset: number;
  /** Exclusive; of an active one with bytes on their way, past what is written. */
  readonly endOffset: number;
  readonly bytes: number;
  /** -1: no record has one, and `modifiedMs` counts. */
  readonly largestTimestampMs: number;
  /** When the file was last changed; asked for only where there is no timestamp. */
  readonly modifiedMs: number;
  /** The last one, which is appended to. */
  readonly active: boolean;
}

export interface RetentionFacts {
  /** What reaches past it stays: the smaller of high watermark and durable end. */
  readonly belowOffset: number;
  /** What lies wholly below it goes, whatever its age: DeleteRecords said so. */
  readonly logStartOffset: number;
  readonly nowMs: number;
}

export interface Expired {
  /** So many segments go, from the first one on; never the active one. */
  readonly count: number;
  /** All sealed ones go and the active one is to go too: it is to be sealed, and then looked at again. */
  readonly roll: boolean;
}

/** `segments`: ascending, the last one active. */
export function expiredSegments(
  segments: readonly SegmentAge[],
  config: Pick<LogConfig, 'retentionMs' | 'retentionBytes' | 'cleanupPolicy'>,
  facts: RetentionFacts,
): Expired {
  let sizeBytes = 0;
  for (const { bytes } of segments) sizeBytes += bytes;
  let count = 0;
  for (const segment of segments) {
    const spareBytes = sizeBytes - config.retentionBytes;
    const goes =
      segment.endOffset <= facts.logStartOffset ||
      isOlder(segment, config.retentionMs, facts.nowMs) ||
      spareBytes >= segment.bytes;
    if (!goes) break;
    if (segment.active) return { count, roll: segment.bytes > 0 };
    if (segment.endOffset > facts.belowOffset) break;
    sizeBytes -= segment.bytes;
    count += 1;
  }
  return { count, roll: false };
}

/** Whether the newest record of the segment is older than `retentionMs`; one of the future never is. */
export function isOlder(segment: SegmentAge, retentionMs: number, nowMs: number): boolean {
  return nowMs - ageTimestampMs(segment) > retentionMs;
}

function ageTimestampMs({ largestTimestampMs, modifiedMs }: SegmentAge): number {
  return largestTimestampMs >= 0 ? largestTimestampMs : modifiedMs;
}

/** A partition as the cap on a directory's size sees it. */
export interface DiskUser {
  readonly name: string;
  /** Of a topic that the broker keeps for itself: nothing of it ever goes for want of room. */
  readonly internal: boolean;
  /** Whether its cleanup.policy lets segments be deleted. */
  readonly deletable: boolean;
  /** What reaches past it stays. */
  readonly belowOffset: number;
  readonly segments: readonly SegmentAge[];
}

/**
 * How many segments, from its first one on, each partition gives so that `usedBytes` comes down to `maxBytes`: over all
 * partitions those go first whose newest record is oldest. Fewer than that when there are no more.
 */
export function overDisk(
  partitions: readonly DiskUser[],
  usedBytes: number,
  maxBytes: number,
): readonly { readonly name: string; readonly count: number }[] {
  const candidates: { name: string; ageMs: number; bytes: number }[] = [];
  for (const { name, internal, deletable, belowOffset, segments } of partitions) {
    if (internal || !deletable) continue;
    // A segment goes after those before it, so it is as old as the youngest of them.
    let ageMs = Number.NEGATIVE_INFINITY;
    for (const segment of segments) {
      if (segment.active || segment.endOffset > belowOffset) break;
      ageMs = Math.max(ageMs, ageTimestampMs(segment));
      candidates.push({ name, ageMs, bytes: segment.bytes });
    }
  }
  candidates.sort((a, b) => a.ageMs - b.ageMs);
  const counts = new Map<string, number>();
  let leftBytes = usedBytes;
  for (const { name, bytes } of candidates) {
    if (leftBytes <= maxBytes) break;
    leftBytes -= bytes;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => ({ name, count }));
}
