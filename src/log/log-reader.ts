/**
 * Reads whole batches of a log into pooled memory: one large read of the file, trimmed to whole batches by walking their
 * headers. Where a read ends is remembered, so that a consumer which goes on from there needs no look-up.
 */
import type { DiskFile } from '../kernel/env.ts';
import { BLOCK_BYTES_MAX, type Slab } from '../kernel/slab-pool.ts';
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { plausibleBatchBytes, readFully, scanBatches } from './batch-scan.ts';
import type { LogHost } from './log-host.ts';
import type { Segment, SegmentContext } from './segment.ts';
import type { SegmentList } from './segment-list.ts';

export interface BatchRange {
  /** The first batch returned is the one that holds this offset, or the next one where there is a gap. */
  readonly offset: number;
  readonly maxBytes: number;
  /** Whether the first batch is read although it alone exceeds `maxBytes`. */
  readonly minOneBatch: boolean;
  /** Exclusive: batches that reach it are not read. */
  readonly endOffset: number;
  /** Where the log ends, for the segment look-up. */
  readonly logEndOffset: number;
  readonly indexIntervalBytes: number;
}

export interface BatchesRead {
  /** Whole batches. */
  readonly bytes: Buffer;
  readonly slab: Slab;
  /** After the last batch. */
  readonly nextOffset: number;
}

const REMEMBERED_ENDS_MAX = 64;
const LOOK_UP_CHUNK_BYTES = 8192;

/** A place where a read ended: the batch with `offset` begins there. */
interface ReadEnd {
  readonly segment: Segment;
  readonly position: number;
}

export class LogReader {
  readonly #host: LogHost;
  readonly #context: SegmentContext;
  readonly #segments: SegmentList;
  /** By offset, oldest first. */
  readonly #ends = new Map<number, ReadEnd>();

  constructor(host: LogHost, context: SegmentContext, segments: SegmentList) {
    this.#host = host;
    this.#context = context;
    this.#segments = segments;
  }

  /** undefined when nothing is to be read below `endOffset`. @throws KafkaError CORRUPT_MESSAGE */
  async read(range: BatchRange): Promise<BatchesRead | undefined> {
    let segment = this.#segments.floor(range.offset) ?? this.#segments.first;
    for (;;) {
      const found = await this.#readSegment(segment, range);
      if (found !== 'after') return found;
      const next = this.#segments.after(segment);
      if (next === undefined || next.baseOffset >= range.endOffset) return undefined;
      segment = next;
    }
  }

  /** Forgets where reads ended: the log was cut. */
  reset(): void {
    this.#ends.clear();
  }

  /** `after`: the segment holds nothing at or after the offset. */
  async #readSegment(segment: Segment, range: BatchRange): Promise<BatchesRead | undefined | 'after'> {
    const known = this.#ends.get(range.offset);
    if (known?.segment === segment) {
      if (known.position >= segment.writtenBytes) return 'after';
      return this.#host.files.use(segment.path, (file) => this.#readAt(file, segment, known.position, range));
    }
    const position = await this.locate(segment, range);
    if (position >= segment.writtenBytes) return 'after';
    return this.#host.files.use(segment.path, (file) => this.#readAt(file, segment, position, range));
  }

  /** Position of the first batch of `segment` that reaches `offset`, `writtenBytes` or more when none does. */
  async locate(
    segment: Segment,
    range: Pick<BatchRange, 'offset' | 'logEndOffset' | 'indexIntervalBytes'>,
  ): Promise<number> {
    const { indexes, files } = this.#host;
    if (segment.writtenBytes === 0) return 0;
    const endOffset = this.#segments.endOf(segment, range.logEndOffset);
    await indexes.load(this.#context, segment, endOffset, range.indexIntervalBytes);
    return files.use(segment.path, async (file) => {
      const indexed = segment.offsetIndex.lookup(range.offset);
      const position = await scanTo(file, segment, indexed, range.offset);
      if (position !== undefined) return position;
      if (indexed > 0) {
        await indexes.rebuild(this.#context, segment, range.indexIntervalBytes);
        const again = await scanTo(file, segment, segment.offsetIndex.lookup(range.offset), range.offset);
        if (again !== undefined) return again;
      }
      throw corrupt(segment, range.offset);
    });
  }

  async #readAt(
    file: DiskFile,
    segment: Segment,
    position: number,
    range: BatchRange,
  ): Promise<BatchesRead | undefined> {
    const available = segment.writtenBytes - position;
    const wanted = Math.min(Math.max(range.maxBytes, batch.BATCH_HEADER_BYTES), available, BLOCK_BYTES_MAX);
    let slab = this.#host.pool.take(wanted);
    let kept = false;
    try {
      let count = await readFully(file, slab.bytes, wanted, position);
      const firstBytes = count < batch.BATCH_HEADER_BYTES ? undefined : plausibleBatchBytes(slab.bytes, 0, available);
      if (firstBytes === undefined) throw corrupt(segment, range.offset);
      if (firstBytes > range.maxBytes && !range.minOneBatch) return undefined;
      if (firstBytes > count) {
        slab.release();
        slab = this.#host.pool.take(firstBytes);
        count = await readFully(file, slab.bytes, firstBytes, position);
      }
      const whole = wholeBatches(slab.bytes, count, range);
      if (whole.byteCount === 0) return undefined;
      this.#remember(whole.nextOffset, { segment, position: position + whole.byteCount });
      kept = true;
      return { bytes: slab.bytes.subarray(0, whole.byteCount), slab, nextOffset: whole.nextOffset };
    } finally {
      if (!kept) slab.release();
    }
  }

  #remember(offset: number, end: ReadEnd): void {
    this.#ends.delete(offset);
    this.#ends.set(offset, end);
    if (this.#ends.size <= REMEMBERED_ENDS_MAX) return;
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest);
      return;
    }
  }
}

/** How much of `count` bytes is whole batches below the end offset, the first of them whatever its size. */
function wholeBatches(
  bytes: Buffer,
  count: number,
  range: Pick<BatchRange, 'offset' | 'endOffset'>,
): { byteCount: number; nextOffset: number } {
  let at = 0;
  let nextOffset = range.offset;
  while (at + batch.BATCH_HEADER_BYTES <= count) {
    const sizeBytes = plausibleBatchBytes(bytes, at, count - at);
    if (sizeBytes === undefined) break;
    const lastOffset = batch.lastOffset(bytes, at);
    if (lastOffset >= range.endOffset || lastOffset < nextOffset) break;
    at += sizeBytes;
    nextOffset = lastOffset + 1;
  }
  return { byteCount: at, nextOffset };
}

/** Walks headers from `position` to the first batch that reaches `offset`; undefined when something is no batch. */
async function scanTo(file: DiskFile, segment: Segment, position: number, offset: number): Promise<number | undefined> {
  const range = { from: position, to: segment.writtenBytes, wholeBatches: false, chunkBytes: LOOK_UP_CHUNK_BYTES };
  let first = true;
  const end = await scanBatches(file, range, (bytes, at) => {
    // An index entry that points into the middle of other bytes shows by offsets that are not of this segment.
    const baseOffset = batch.baseOffset(bytes, at);
    if (baseOffset < segment.baseOffset || (first && position > 0 && baseOffset > offset)) return 'bad';
    first = false;
    return batch.lastOffset(bytes, at) >= offset ? 'stop' : 'next';
  });
  return end.outcome === 'bad' ? undefined : end.position;
}

function corrupt(segment: Segment, offset: number): KafkaError {
  return new KafkaError('CORRUPT_MESSAGE', `no valid batch for offset ${offset} in ${segment.path}`);
}
