/**
 * Which neighbouring segments become one: as many as fit into segment.bytes and segment.index.bytes together, and whose offsets
 * an index can say. Source: Kafka's Cleaner.groupSegmentsBySize.
 */
import { RELATIVE_OFFSET_MAX } from '../roll-rules.ts';

export interface GroupedSegment {
  readonly baseOffset: number;
  /** Exclusive. */
  readonly endOffset: number;
  readonly bytes: number;
  readonly indexBytes: number;
  readonly timeIndexBytes: number;
}

/** `segments` ascending; each comes into one group, in order. One that is too large for itself is a group too. */
export function groupSegments<T extends GroupedSegment>(
  segments: readonly T[],
  segmentBytesMax: number,
  indexBytesMax: number,
): T[][] {
  const groups: T[][] = [];
  let bytes = 0;
  let indexBytes = 0;
  let timeIndexBytes = 0;
  for (const segment of segments) {
    const group = groups[groups.length - 1];
    const first = group?.[0];
    const fits =
      first !== undefined &&
      bytes + segment.bytes <= segmentBytesMax &&
      indexBytes + segment.indexBytes <= indexBytesMax &&
      timeIndexBytes + segment.timeIndexBytes <= indexBytesMax &&
      segment.endOffset - 1 - first.baseOffset <= RELATIVE_OFFSET_MAX;
    if (fits && group !== undefined) {
      group.push(segment);
    } else {
      groups.push([segment]);
      bytes = 0;
      indexBytes = 0;
      timeIndexBytes = 0;
    }
    bytes += segment.bytes;
    indexBytes += segment.indexBytes;
    timeIndexBytes += segment.timeIndexBytes;
  }
  return groups;
}
