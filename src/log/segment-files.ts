/**
 * The names inside a log directory (contract 4.1, 4.2), Kafka's:
 *
 *   <topic>-<partition>/<20 digits>.log .index .timeindex     the digits are the segment's base offset
 *   <topic>-<partition>/<20 digits>.snapshot                  the digits are the first offset that it does not cover
 *   <topic>-<partition>/<20 digits>.<one of them>.deleted     of a deleted segment
 *   <topic>-<partition>/<20 digits>.<one of them>.cleaned     what a compaction has not finished
 *   <topic>-<partition>/<20 digits>.<one of them>.swap        what takes the place of other segments
 *   <topic>-<partition>.<32 hex>-delete | -stray              a partition that is being removed; one of another topic id
 */

/** What the file of a deleted segment has behind its name until it is gone. */
export const DELETED_SUFFIX = '.deleted';
/** What a compaction writes has this behind its name until all of it is on the disk, */
export const CLEANED_SUFFIX = '.cleaned';
/** and this until it has taken the place of the old files. */
export const SWAP_SUFFIX = '.swap';

export type SegmentSuffix = '.log' | '.index' | '.timeindex' | '.snapshot';

const SEGMENT_FILE = /^(\d{20})(\.log|\.index|\.timeindex|\.snapshot)$/;
const DIRECTORY_NAME_MAX = 255;

export function segmentFileName(offset: number, suffix: SegmentSuffix): string {
  return `${String(offset).padStart(20, '0')}${suffix}`;
}

/** undefined for a name that is none of a segment's, or whose offset no safe integer can hold. */
export function parseSegmentFileName(name: string): { offset: number; suffix: SegmentSuffix } | undefined {
  const match = SEGMENT_FILE.exec(name);
  if (match === null) return undefined;
  const offset = Number(match[1]);
  return Number.isSafeInteger(offset) ? { offset, suffix: match[2] as SegmentSuffix } : undefined;
}

export function partitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

const PARTITION_NAME = /^(.+)-(0|[1-9]\d*)$/;

/** undefined for a name that is no partition's, those of retired directories too. */
export function parsePartitionName(name: string): { topic: string; partition: number } | undefined {
  const match = PARTITION_NAME.exec(name);
  return match === null ? undefined : { topic: String(match[1]), partition: Number(match[2]) };
}

/** The name that a partition's directory gets before it is removed or put aside; the topic is cut where it would be too long. */
export function retiredDirectoryName(topic: string, partition: number, uuid: string, kind: 'delete' | 'stray'): string {
  const ending = `-${partition}.${uuid.replaceAll('-', '')}-${kind}`;
  return `${topic.slice(0, DIRECTORY_NAME_MAX - ending.length)}${ending}`;
}

const RETIRED = /\.[0-9a-f]{32}-delete$/;

/** Whether a directory is what a deletion that did not finish left behind. */
export function isDeletedDirectoryName(name: string): boolean {
  return RETIRED.test(name);
}
