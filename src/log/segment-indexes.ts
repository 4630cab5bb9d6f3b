/**
 * Indexes of an existing segment, when something looks entries up for the first time: read, checked, and built anew from the
 * batches where they are missing, too short or do not increase (C-3, I-28). After a power cut an index file, which is never
 * synced, may be empty or full of zeros. That its entries point to the right batches is seen by those who follow them.
 */
import { allSettled } from '../kernel/all-settled.ts';
import * as batch from '../protocol/records/batch.ts';
import type { FileSync } from './atomic-file.ts';
import { scanBatches } from './batch-scan.ts';
import type { OpenFiles } from './open-files.ts';
import { RELATIVE_OFFSET_MAX } from './roll-rules.ts';
import { HEAD_BYTES, Segment, type SegmentContext, type WrittenBatch } from './segment.ts';

/** The segments whose index entries are kept in memory; beyond, the least recently used ones are dropped. */
const LOADED_SEGMENTS_MAX = 64;

const PROBE_BYTES = 8192;

/** The loaded indexes of a log directory, bounded. */
export class SegmentIndexes {
  readonly #files: OpenFiles;
  /** Sealed segments with entries in memory, least recently used first. */
  readonly #loaded = new Set<Segment>();
  readonly #loading = new Map<Segment, Promise<void>>();

  constructor(files: OpenFiles) {
    this.#files = files;
  }

  /** Brings both indexes into memory, sound ones. `endOffset` (exclusive) is where the segment ends. */
  async load(context: SegmentContext, segment: Segment, endOffset: number, indexIntervalBytes: number): Promise<void> {
    this.#loaded.delete(segment);
    this.#loaded.add(segment);
    if (segment.indexesChecked && segment.offsetIndex.entries.loaded && segment.timeIndex.entries.loaded) return;
    let loading = this.#loading.get(segment);
    if (loading === undefined) {
      loading = this.#load(context, segment, endOffset, indexIntervalBytes).finally(() => {
        this.#loading.delete(segment);
      });
      this.#loading.set(segment, loading);
    }
    await loading;
    this.#evict();
  }

  /** Builds both indexes anew: an entry was found to point to no batch. */
  async rebuild(context: SegmentContext, segment: Segment, indexIntervalBytes: number): Promise<void> {
    const scratch = Segment.planned(context, segment.baseOffset);
    let expectedOffset = segment.baseOffset;
    const endOffset = segment.baseOffset + RELATIVE_OFFSET_MAX;
    await this.#files.use(segment.path, (file) =>
      scanBatches(file, { from: 0, to: segment.openedBytes, wholeBatches: false }, (bytes, at) => {
        // Behind a header that cannot be the next, nothing is entered: whoever looks there finds the damage.
        const baseOffset = batch.baseOffset(bytes, at);
        const lastOffset = batch.lastOffset(bytes, at);
        if (baseOffset < expectedOffset || lastOffset < baseOffset || lastOffset >= endOffset) return 'bad';
        expectedOffset = lastOffset + 1;
        scratch.noteWritten(writtenBatchOf(bytes, at), indexIntervalBytes);
        return 'next';
      }),
    );
    scratch.timeIndex.maybeAppend(scratch.largest);
    segment.offsetIndex.entries.replaceOld(scratch.offsetIndex.entries.inMemory());
    segment.timeIndex.entries.replaceOld(scratch.timeIndex.entries.inMemory());
    segment.indexesChecked = true;
    segment.learnLargest();
  }

  /** Writes both indexes with their last time entry, with `sync` durably; builds anew what the files have lost. */
  async seal(context: SegmentContext, segment: Segment, indexIntervalBytes: number, sync?: FileSync): Promise<void> {
    if (await segment.sealIndexes(sync)) return;
    await this.rebuild(context, segment, indexIntervalBytes);
    await segment.sealIndexes(sync);
  }

  forget(segment: Segment): void {
    this.#loaded.delete(segment);
  }

  async #load(context: SegmentContext, segment: Segment, endOffset: number, indexIntervalBytes: number): Promise<void> {
    // Each entry but the time index's last stands for a batch of its own.
    const entriesMax = 1 + segment.writtenBytes / batch.BATCH_HEADER_BYTES;
    const { offsetIndex, timeIndex } = segment;
    const loaded = await Promise.all([offsetIndex.entries.load(entriesMax), timeIndex.entries.load(entriesMax)]);
    if (!loaded.includes(false) && (await this.#isSound(segment, endOffset, indexIntervalBytes))) {
      segment.indexesChecked = true;
      segment.learnLargest();
      return;
    }
    context.env.log.info(`the index files of ${segment.path} do not fit its batches and are built anew`);
    await this.rebuild(context, segment, indexIntervalBytes);
    await this.#flush(context, segment);
  }

  /** An index can be derived: what cannot be written now is built anew the next time. */
  async #flush(context: SegmentContext, segment: Segment): Promise<void> {
    try {
      await allSettled([segment.offsetIndex.entries.flush(), segment.timeIndex.entries.flush()]);
    } catch (error) {
      context.env.log.debug(`the index files of ${segment.path} cannot be written: ${String(error)}`);
    }
  }

  async #isSound(segment: Segment, endOffset: number, indexIntervalBytes: number): Promise<boolean> {
    if (segment.indexesChecked) return true;
    if (!segment.offsetIndex.isSound(segment.writtenBytes) || !segment.timeIndex.isSound(endOffset)) return false;
    const last = segment.timeIndex.last();
    // Whoever seals or closes a segment adds a time entry, unless its records have no timestamps.
    if (last === undefined) return segment.writtenBytes === 0 || this.#isSoundUntimed(segment, indexIntervalBytes);
    // Before a batch that begins behind the first interval an offset entry was added.
    const positionMax = segment.offsetIndex.entries.count === 0 ? indexIntervalBytes : segment.writtenBytes;
    // A first entry of zeros increases as it must: only the batch says whether it is one.
    let holds = false;
    const from = segment.offsetIndex.lookup(last.offset)?.position ?? 0;
    const range = { from, to: segment.writtenBytes, wholeBatches: false, chunkBytes: PROBE_BYTES };
    await this.#files.use(segment.path, (file) =>
      scanBatches(file, range, (bytes, at, position) => {
        if (batch.lastOffset(bytes, at) < last.offset) return 'next';
        holds =
          position <= positionMax &&
          batch.lastOffset(bytes, at) === last.offset &&
          batch.maxTimestamp(bytes, at) === last.timestamp;
        return 'stop';
      }),
    );
    return holds;
  }

  /** Whether an empty time index is right, as far as the first batches tell, and the offset index can be. */
  async #isSoundUntimed(segment: Segment, indexIntervalBytes: number): Promise<boolean> {
    if (segment.largest.timestamp >= 0n) return false;
    let untimed = true;
    let pastInterval = false;
    const range = { from: 0, to: segment.writtenBytes, wholeBatches: false, chunkBytes: PROBE_BYTES };
    await this.#files.use(segment.path, (file) =>
      scanBatches(file, range, (bytes, at, position) => {
        untimed = batch.newestTimestamp(bytes, at) < 0n;
        pastInterval = position > indexIntervalBytes;
        return untimed && !pastInterval ? 'next' : 'stop';
      }),
    );
    return untimed && !(pastInterval && segment.offsetIndex.entries.count === 0);
  }

  #evict(): void {
    for (const segment of this.#loaded) {
      if (this.#loaded.size <= LOADED_SEGMENTS_MAX) return;
      this.#loaded.delete(segment);
      segment.unloadIndexes();
    }
  }
}

/** What the indexes need of a batch whose header is at `at`. */
export function writtenBatchOf(bytes: Buffer, at: number): WrittenBatch {
  return {
    head: bytes.subarray(at, at + HEAD_BYTES),
    lastOffset: batch.lastOffset(bytes, at),
    sizeBytes: batch.batchBytes(bytes, at),
    maxTimestamp: batch.newestTimestamp(bytes, at),
  };
}
