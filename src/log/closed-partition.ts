/** What the close record says of a log that was closed, from its segments. */
import { assert } from '../kernel/assert.ts';
import { crc32c } from '../kernel/crc32c.ts';
import { type ClosedPartition, type ClosedSegment, hexCrc } from './close-record.ts';
import { formatLeaderEpochFile } from './leader-epoch-file.ts';
import type { EpochEntry } from './leader-epochs.ts';
import type { ProducerTable } from './producer-table.ts';
import type { Segment } from './segment.ts';

/** `segments` ascending, at least one, their indexes written. */
export function describeClosed(
  segments: readonly Segment[],
  topicId: string,
  logStartOffset: number,
  endOffset: number,
  producers: ProducerTable,
  epochs: readonly EpochEntry[],
): ClosedPartition {
  const active = segments[segments.length - 1];
  assert(active !== undefined, 'a log has a segment');
  return {
    topicId,
    logStartOffset,
    endOffset,
    segments: segments.map(describeSegment),
    active: {
      createdMs: active.createdMs,
      firstTimestamp: active.firstTimestamp === undefined ? null : String(active.firstTimestamp),
      largestTimestamp: String(active.largest.timestamp),
      largestTimestampOffset: active.largest.offset,
      lastIndexedTimestamp: String(active.timeIndex.lastTimestamp),
      bytesSinceIndexEntry: active.bytesSinceIndexEntry,
    },
    epochs: hexCrc(crc32c(Buffer.from(formatLeaderEpochFile(epochs)))),
    producers,
  };
}

/** Of all its `.log` files. */
export function logBytesOf(closed: ClosedPartition | undefined): number {
  let bytes = 0;
  for (const { logBytes } of closed?.segments ?? []) bytes += logBytes;
  return bytes;
}

function describeSegment(segment: Segment): ClosedSegment {
  const { largestTimestamp, headsCrc } = segment;
  return {
    baseOffset: segment.baseOffset,
    logBytes: segment.writtenBytes,
    indexEntries: segment.offsetIndex.entries.count,
    timeIndexEntries: segment.timeIndex.entries.count,
    largestTimestamp: largestTimestamp === undefined ? null : String(largestTimestamp),
    heads: hexOrNull(headsCrc),
    index: hexOrNull(segment.offsetIndex.entries.digest),
    timeIndex: hexOrNull(segment.timeIndex.entries.digest),
  };
}

function hexOrNull(crc: number | undefined): string | null {
  return crc === undefined ? null : hexCrc(crc);
}
