/**
 * The segment that a compaction writes: `<base>.log.cleaned` and its two indexes. Batches are gathered and written some at a
 * time; nothing reads the files before `finish`, when they are on the disk.
 */
import type { DiskFile } from '../../kernel/env.ts';
import * as batch from '../../protocol/records/batch.ts';
import type { LogHost } from '../log-host.ts';
import { Segment, type SegmentContext } from '../segment.ts';
import { CLEANED_SUFFIX } from '../segment-files.ts';
import { writtenBatchOf } from '../segment-indexes.ts';

export class CleanedSegment {
  readonly #host: LogHost;
  readonly #file: DiskFile;
  readonly #segment: Segment;
  readonly #indexIntervalBytes: number;
  readonly #buffer: Buffer;
  #bufferedBytes = 0;
  /** Bytes of the file that were written. */
  #position = 0;
  #isFinished = false;
  /** Of all batches, also of those whose records are gone. */
  #largestTimestamp = -1n;

  private constructor(host: LogHost, file: DiskFile, segment: Segment, settings: OutputSettings) {
    this.#host = host;
    this.#file = file;
    this.#segment = segment;
    this.#indexIntervalBytes = settings.indexIntervalBytes;
    this.#buffer = Buffer.allocUnsafeSlow(settings.bufferBytes);
  }

  /** Makes the file, and empties one that an earlier attempt left. */
  static async create(
    host: LogHost,
    context: SegmentContext,
    baseOffset: number,
    settings: OutputSettings,
  ): Promise<CleanedSegment> {
    const segment = Segment.planned(context, baseOffset, CLEANED_SUFFIX);
    const file = await host.env.disk.open(segment.path, 'w+');
    try {
      await file.truncate(0);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new CleanedSegment(host, file, segment, settings);
  }

  /** Adds the batch at `at`, whole; a promise when bytes go to the file first. */
  add(bytes: Buffer, at: number): Promise<void> | undefined {
    const sizeBytes = batch.batchBytes(bytes, at);
    const maxTimestamp = batch.maxTimestamp(bytes, at);
    if (maxTimestamp > this.#largestTimestamp) this.#largestTimestamp = maxTimestamp;
    this.#segment.noteWritten(writtenBatchOf(bytes, at), this.#indexIntervalBytes);
    if (this.#bufferedBytes + sizeBytes <= this.#buffer.length) {
      this.#bufferedBytes += bytes.copy(this.#buffer, this.#bufferedBytes, at, at + sizeBytes);
      return undefined;
    }
    return this.#write(bytes.subarray(at, at + sizeBytes));
  }

  /** Puts all of it on the disk, but for the names. */
  async finish(): Promise<WrittenSegment> {
    await this.#write(Buffer.alloc(0));
    await this.#host.sync.run(this.#file);
    await this.#segment.sealIndexes(this.#host.sync);
    this.#host.grew(fileBytesOf(this.#segment) - this.#position);
    this.#isFinished = true;
    return { segment: this.#segment, largestTimestamp: this.#largestTimestamp };
  }

  /** To be called last, whatever happened. What is not finished does not count and is removed by whoever made it. */
  async close(): Promise<void> {
    if (!this.#isFinished) this.#host.grew(-this.#position);
    await this.#file.close();
  }

  async #write(last: Buffer): Promise<void> {
    const chunks = [this.#buffer.subarray(0, this.#bufferedBytes), last].filter(({ length }) => length > 0);
    if (chunks.length === 0) return;
    await this.#file.writev(chunks, this.#position);
    const byteCount = this.#bufferedBytes + last.length;
    this.#position += byteCount;
    this.#bufferedBytes = 0;
    this.#host.grew(byteCount);
  }
}

export interface WrittenSegment {
  /** Under the name that does not count. */
  readonly segment: Segment;
  /** Its age, also when no record is left that has one; -1n for none. */
  readonly largestTimestamp: bigint;
}

export interface OutputSettings {
  readonly indexIntervalBytes: number;
  /** How much is gathered before it is written. */
  readonly bufferBytes: number;
}

/** What the files of a segment take whose indexes are written. */
export function fileBytesOf({ writtenBytes, offsetIndex, timeIndex }: Segment): number {
  let bytes = writtenBytes;
  for (const { entries } of [offsetIndex, timeIndex]) bytes += entries.count * entries.entryBytes;
  return bytes;
}

/** The segment of the log that was written, once its files have their final names. */
export function asPartOfLog(context: SegmentContext, { segment: written, largestTimestamp }: WrittenSegment): Segment {
  const { offsetIndex, timeIndex, largest, writtenBytes } = written;
  const facts = {
    baseOffset: written.baseOffset,
    createdMs: written.createdMs,
    logBytes: writtenBytes,
    indexEntries: offsetIndex.entries.count,
    timeIndexEntries: timeIndex.entries.count,
    lastIndexedTimestamp: timeIndex.lastTimestamp,
    largest,
    firstTimestamp: undefined,
    bytesSinceIndexEntry: written.bytesSinceIndexEntry,
    headsCrc: written.headsCrc,
    indexCrc: offsetIndex.entries.digest,
    timeIndexCrc: timeIndex.entries.digest,
    largestTimestamp,
  };
  const segment = new Segment(context, facts, true);
  segment.checkedFrom = 0;
  return segment;
}
