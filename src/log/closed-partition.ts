/** What the close record says of a log that was closed, from its segments. */
import { assert } from '../kernel/assert.ts';
import type { ClosedPartition } from './close-record.ts';
import type { ProducerTable } from './producer-table.ts';
import type { Segment } from './segment.ts';

/** `segments` ascending, at least one, their indexes written. */
export function describeClosed(
  segments: readonly Segment[],
  topicId: string,
  logStartOffset: number,
  endOffset: number,
  producers: ProducerTable,
): ClosedPartition {
  const active = segments[segments.length - 1];
  assert(active !== undefined, 'a log has a segment');
  return {
    topicId,
    logStartOffset,
    endOffset,
    segments: segments.map((segment) => ({
      baseOffset: segment.baseOffset,
      logBytes: segment.writtenBytes,
      indexEntries: segment.offsetIndex.entries.count,
      timeIndexEntries: segment.timeIndex.entries.count,
    })),
    active: {
      createdMs: active.createdMs,
      firstTimestamp: active.firstTimestamp === undefined ? null : String(active.firstTimestamp),
      largestTimestamp: String(active.largest.timestamp),
      largestTimestampOffset: active.largest.offset,
      lastIndexedTimestamp: String(active.timeIndex.lastTimestamp),
      bytesSinceIndexEntry: active.bytesSinceIndexEntry,
    },
    producers,
  };
}
