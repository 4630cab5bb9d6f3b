/** What opening a partition's files takes and gives. */
import type { Env } from '../kernel/env.ts';
import type { FileSync } from './atomic-file.ts';
import type { ClosedPartition } from './close-record.ts';
import type { DurableOffsets } from './directory-records.ts';
import type { EpochEntry } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import type { OpenFiles } from './open-files.ts';
import type { ProducerTable } from './producer-table.ts';
import { NO_TIMESTAMP, type Segment, type SegmentContext, type SegmentFacts } from './segment.ts';

export interface LoadOptions {
  readonly env: Env;
  readonly files: OpenFiles;
  readonly sync: FileSync;
  /** The partition's directory. */
  readonly directory: string;
  readonly config: LogConfig;
  readonly closedCleanly: boolean;
  /** The partition's line of the close record, when it is of this topic id. */
  readonly closed: ClosedPartition | undefined;
  /** What the checkpoints say; asked for only when the log is recovered. */
  readonly durable: () => Promise<DurableOffsets>;
  /** What our file of log starts says; absent where there is none. */
  readonly logStarts?: { readonly state: 'absent' | 'whole' | 'broken'; readonly offset: number | undefined };
}

export interface LoadedLog {
  /** Ascending, at least one. */
  readonly segments: readonly Segment[];
  readonly logStartOffset: number;
  /** Of a damaged log, where it ended as far as anything tells: beyond the damage. */
  readonly endOffset: number;
  readonly epochs: readonly EpochEntry[];
  /** What leader-epoch-checkpoint says; undefined when it is missing or broken. */
  readonly epochsOnDisk: readonly EpochEntry[] | undefined;
  readonly producers: ProducerTable;
  /** The offset in the name of the snapshot that the last close left; undefined when there is none. */
  readonly closeSnapshot: number | undefined;
  /** The offset at which bytes that were once on the disk are missing or broken; undefined when all is well. */
  readonly damagedAt: number | undefined;
  /** Of a damaged log: the line of the close record as it was, and up to where (exclusive) all was once on the disk. */
  readonly beforeDamage?: { readonly closed: ClosedPartition | undefined; readonly durablePoint: number };
  /** Whether a recovery ran, so that what the close record says is no longer true. */
  readonly recovered: boolean;
  /** Whether offsets may be missing between batches: after a compaction, or where a leader's log has gaps. */
  readonly gaps?: boolean;
}

/** A segment's files as they are found. */
export interface FoundSegment {
  readonly baseOffset: number;
  readonly logBytes: number;
}

export function contextOf(options: LoadOptions): SegmentContext {
  return { env: options.env, files: options.files, directory: options.directory };
}

/** Of a segment whose indexes and timestamps are not known. */
export function factsOf(options: LoadOptions, baseOffset: number, logBytes: number): SegmentFacts {
  return {
    baseOffset,
    createdMs: options.env.clock.wallMs(),
    logBytes,
    indexEntries: 0,
    timeIndexEntries: 0,
    lastIndexedTimestamp: -1n,
    largest: NO_TIMESTAMP,
    firstTimestamp: undefined,
    bytesSinceIndexEntry: 0,
  };
}
