/** What a log directory gives each of its logs: shared resources, and the duties that concern the whole directory. */
import type { Env } from '../kernel/env.ts';
import type { SlabPool } from '../kernel/slab-pool.ts';
import type { FileSync } from './atomic-file.ts';
import type { DeletedFiles } from './deleted-files.ts';
import type { DiskTrouble } from './disk-trouble.ts';
import type { LogStarts } from './log-starts.ts';
import type { OpenFiles } from './open-files.ts';
import type { SegmentIndexes } from './segment-indexes.ts';

/** What is written down of the compaction of each partition. */
export interface CompactionNotes {
  /** Up to where (exclusive) it was compacted; undefined when it never was. */
  cleanedOffset(name: string): Promise<number | undefined>;
  /**
   * Says that offsets may be missing in the partition from now on, and that what the close record says of its segments' files
   * holds no more: durable when it resolves. `cleanedOffset` is what is written where nothing was.
   */
  beginCompaction(name: string, cleanedOffset: number): Promise<void>;
  /** It was compacted up to `offset` (exclusive). */
  cleaned(name: string, offset: number): Promise<void>;
}

export interface LogHost {
  readonly env: Env;
  readonly files: OpenFiles;
  readonly indexes: SegmentIndexes;
  readonly sync: FileSync;
  readonly pool: SlabPool;
  readonly logStarts: LogStarts;
  readonly deleted: DeletedFiles;
  readonly trouble: DiskTrouble;
  /** Of what is there and cannot be read: told once, a write that goes through says nothing of it. */
  readonly readTrouble: DiskTrouble;
  readonly compactions: CompactionNotes;
  /** Whether this process may still write: asked before each write and each checkpoint. */
  canWrite(): boolean;
  /** Makes the directory and meta.properties where they are missing. */
  prepareRoot(): Promise<void>;
  /** @throws KafkaError KAFKA_STORAGE_ERROR when the directory was there and is gone: nothing is made below it then */
  checkRoot(): Promise<void>;
  /** Makes the entries of the directory itself durable. */
  syncRoot(): Promise<void>;
  /** The partition's durable end or high watermark moved: checkpoints are due, with `soon` within half a second. */
  advanced(name: string, when?: 'soon'): void;
  /** Takes back, on the disk, what checkpoints and close record promise of offsets at and after `endOffset`. */
  forgetFrom(name: string, endOffset: number): Promise<void>;
  /** The files of the directory are `bytes` more; less when negative. */
  grew(bytes: number): void;
  /** `bytes` more are queued for the directory's files; less, when negative, as they are written or given up. */
  queued(bytes: number): void;
  /** Asked before a batch of `bytes` is queued. @throws KafkaError KAFKA_STORAGE_ERROR when the directory may not grow any more */
  admit(bytes: number): void;
  /** A read found that the bytes at `offset` of the partition are broken. */
  damaged(name: string, offset: number): void;
}
