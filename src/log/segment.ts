/**
 * One segment: a `.log` of batches back to back, named by the offset it begins with, and its two indexes.
 *
 *   0 ............ writtenBytes ......... plannedBytes
 *   | in the file  | queued, not written  |
 *
 * A segment is planned when the log rolls to it in memory; its files are made when the first batch of it is written. The index
 * rules are those of Kafka 4's LogSegment.append (contract 4.3).
 */
import { allSettled } from '../kernel/all-settled.ts';
import { crc32cFrom } from '../kernel/crc32c.ts';
import type { Env } from '../kernel/env.ts';
import type { FileSync } from './atomic-file.ts';
import { OffsetIndex } from './offset-index.ts';
import type { OpenFiles } from './open-files.ts';
import { segmentFileName } from './segment-files.ts';
import { TimeIndex, type TimestampAtOffset } from './time-index.ts';

/** What every segment of a log shares. */
export interface SegmentContext {
  readonly env: Env;
  readonly files: OpenFiles;
  /** The partition's directory. */
  readonly directory: string;
}

/** What is known of a segment when its object is made; all zero for a new one. */
export interface SegmentFacts {
  readonly baseOffset: number;
  readonly createdMs: number;
  readonly logBytes: number;
  readonly indexEntries: number;
  readonly timeIndexEntries: number;
  readonly lastIndexedTimestamp: bigint;
  readonly largest: TimestampAtOffset;
  readonly firstTimestamp: bigint | undefined;
  readonly bytesSinceIndexEntry: number;
  /** See `Segment.headsCrc`; absent: not known. */
  readonly headsCrc?: number | undefined;
  /** CRC-32C of the entries in the index files; absent: not known. */
  readonly indexCrc?: number | undefined;
  readonly timeIndexCrc?: number | undefined;
  /** The largest timestamp where `largest` does not say it; absent: not known. */
  readonly largestTimestamp?: bigint | undefined;
}

/** What of a batch its CRC does not cover, and the CRC itself: base offset, length, leader epoch, magic, CRC. */
export const HEAD_BYTES = 21;

/** A batch as it went into the file. */
export interface WrittenBatch {
  /** Begins with the batch's first HEAD_BYTES bytes; not kept. */
  readonly head: Buffer;
  readonly lastOffset: number;
  readonly sizeBytes: number;
  readonly maxTimestamp: bigint;
}

export const NO_TIMESTAMP: TimestampAtOffset = { timestamp: -1n, offset: -1 };

export class Segment {
  readonly baseOffset: number;
  readonly createdMs: number;
  readonly path: string;
  offsetIndex: OffsetIndex;
  timeIndex: TimeIndex;
  plannedBytes: number;
  writtenBytes: number;
  /** The bytes of the file whose index entries are in the index files; entries of later bytes are in memory. */
  openedBytes: number;
  /** Batches of it that are queued and not written. */
  plannedBatches = 0;
  /** Largest timestamp of the first batch, queued or written. */
  firstTimestamp: bigint | undefined;
  /** Producers at its base offset, in the format of the file; written when the segment is made. */
  snapshot: Buffer | undefined = undefined;
  /**
   * CRC-32C over the first HEAD_BYTES bytes of every batch in `writtenBytes`, in order: with each batch's own CRC it covers the
   * whole file. undefined where it is not known.
   */
  headsCrc: number | undefined;
  /** The bytes [checkedFrom, checkedTo) of the file were compared with their CRCs by this process, or written by it. */
  checkedFrom: number;
  checkedTo: number;
  /** Whether its `.log` exists. */
  created: boolean;
  /** Whether the indexes were read and found sound, or were built by this process. */
  indexesChecked: boolean;
  /** In [0, 1): its share of segment.jitter.ms. */
  readonly jitterFraction: number;
  readonly #context: SegmentContext;
  readonly #suffix: string;
  #largest: TimestampAtOffset;
  #recordedTimestamp: bigint | undefined;
  #bytesSinceIndexEntry: number;

  /** `suffix`: what its files have behind their names as long as they are no part of the log. */
  constructor(context: SegmentContext, facts: SegmentFacts, created: boolean, suffix = '') {
    this.#context = context;
    this.#suffix = suffix;
    this.jitterFraction = context.env.random.fraction();
    this.baseOffset = facts.baseOffset;
    this.createdMs = facts.createdMs;
    this.path = this.#pathOf('.log');
    this.offsetIndex = this.#newOffsetIndex(facts.indexEntries, facts.indexCrc);
    this.timeIndex = this.#newTimeIndex(facts.timeIndexEntries, facts.lastIndexedTimestamp, facts.timeIndexCrc);
    this.plannedBytes = facts.logBytes;
    this.writtenBytes = facts.logBytes;
    this.openedBytes = facts.logBytes;
    this.firstTimestamp = facts.firstTimestamp;
    this.created = created;
    this.indexesChecked = !created;
    this.headsCrc = facts.headsCrc;
    this.checkedFrom = facts.logBytes;
    this.checkedTo = facts.logBytes;
    this.#recordedTimestamp = facts.largestTimestamp;
    this.#largest = facts.largest;
    this.#bytesSinceIndexEntry = facts.bytesSinceIndexEntry;
  }

  /** A segment that begins at `baseOffset` and has no files yet. */
  static planned(context: SegmentContext, baseOffset: number, suffix = ''): Segment {
    const facts: SegmentFacts = {
      baseOffset,
      createdMs: context.env.clock.wallMs(),
      logBytes: 0,
      indexEntries: 0,
      timeIndexEntries: 0,
      lastIndexedTimestamp: -1n,
      largest: NO_TIMESTAMP,
      firstTimestamp: undefined,
      bytesSinceIndexEntry: 0,
      headsCrc: 0,
      largestTimestamp: -1n,
    };
    return new Segment(context, facts, false, suffix);
  }

  /** The largest timestamp written so far and the last offset of the batch that has it. */
  get largest(): TimestampAtOffset {
    return this.#largest;
  }

  /** The largest timestamp, -1n for none; undefined while it is not known of a sealed segment. */
  get largestTimestamp(): bigint | undefined {
    const recorded = this.#recordedTimestamp;
    if (recorded === undefined) return this.#largest.timestamp < 0n ? undefined : this.#largest.timestamp;
    return recorded > this.#largest.timestamp ? recorded : this.#largest.timestamp;
  }

  get bytesSinceIndexEntry(): number {
    return this.#bytesSinceIndexEntry;
  }

  /** Enters a batch that was written at `writtenBytes` into the indexes' memory. */
  noteWritten(batch: WrittenBatch, indexIntervalBytes: number): void {
    if (batch.maxTimestamp > this.#largest.timestamp) {
      this.#largest = { timestamp: batch.maxTimestamp, offset: batch.lastOffset };
    }
    if (this.#bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(batch.lastOffset, this.writtenBytes);
      this.timeIndex.maybeAppend(this.#largest);
      this.#bytesSinceIndexEntry = 0;
    }
    this.#bytesSinceIndexEntry += batch.sizeBytes;
    if (this.headsCrc !== undefined) this.headsCrc = crc32cFrom(this.headsCrc, batch.head, 0, HEAD_BYTES);
    if (this.checkedTo === this.writtenBytes) this.checkedTo += batch.sizeBytes;
    this.writtenBytes += batch.sizeBytes;
  }

  /**
   * Adds the last time entry and writes both indexes: on roll, on close and after recovery. False when a file has lost
   * entries that it had: both indexes are to be rebuilt. With `sync` both are durable then.
   */
  async sealIndexes(sync?: FileSync): Promise<boolean> {
    this.timeIndex.maybeAppend(this.#largest);
    const flushed = await allSettled([this.offsetIndex.entries.flush(sync), this.timeIndex.entries.flush(sync)]);
    return !flushed.includes(false);
  }

  /** Empties the indexes and what is known of timestamps, so that a walk of the batches builds them anew. */
  resetIndexes(): void {
    this.offsetIndex = this.#newOffsetIndex(0);
    this.timeIndex = this.#newTimeIndex(0, -1n);
    this.#largest = NO_TIMESTAMP;
    this.#bytesSinceIndexEntry = 0;
    this.writtenBytes = 0;
    this.plannedBytes = 0;
    this.openedBytes = 0;
    this.firstTimestamp = undefined;
    this.indexesChecked = true;
    this.headsCrc = 0;
    this.checkedFrom = 0;
    this.checkedTo = 0;
    this.#recordedTimestamp = -1n;
  }

  /** Of a sealed segment whose time index was read: its last entry holds the largest timestamp. */
  learnLargest(): void {
    const last = this.timeIndex.last();
    if (last !== undefined && last.timestamp > this.#largest.timestamp) this.#largest = last;
  }

  /** Drops the index entries from memory unless some wait to be written; they are read again when needed. */
  unloadIndexes(): void {
    if (this.offsetIndex.entries.unwrittenCount > 0 || this.timeIndex.entries.unwrittenCount > 0) return;
    this.offsetIndex.entries.unload();
    this.timeIndex.entries.unload();
    this.openedBytes = this.writtenBytes;
  }

  /** Removes the files. */
  async remove(): Promise<void> {
    const { disk } = this.#context.env;
    await this.#context.files.drop(this.path);
    for (const suffix of ['.log', '.index', '.timeindex'] as const) await disk.remove(this.#pathOf(suffix));
  }

  #newOffsetIndex(persistedCount: number, crc?: number): OffsetIndex {
    return new OffsetIndex(this.#context.env.disk, this.#pathOf('.index'), this.baseOffset, persistedCount, crc);
  }

  #newTimeIndex(count: number, lastTimestamp: bigint, crc?: number): TimeIndex {
    const path = this.#pathOf('.timeindex');
    return new TimeIndex(this.#context.env.disk, path, this.baseOffset, { count, crc, lastTimestamp });
  }

  #pathOf(suffix: '.log' | '.index' | '.timeindex'): string {
    return `${this.#context.directory}/${segmentFileName(this.baseOffset, suffix)}${this.#suffix}`;
  }
}
