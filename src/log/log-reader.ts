/**
 * Reads whole batches of a log into pooled memory: one large read of the file, trimmed to whole batches by walking their
 * headers. Where a read ends is remembered, so that a consumer which goes on from there needs no look-up.
 *
 * Nothing leaves that does not follow from what lies before it (read-check), nor, once after the log was opened, what its CRC
 * contradicts. What precedes damage in a read is served.
 */
import type { DiskFile } from '../kernel/env.ts';
import { BLOCK_BYTES_MAX, type Slab } from '../kernel/slab-pool.ts';
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { plausibleBatchBytes, readFully, scanBatches } from './batch-scan.ts';
import type { LogHost } from './log-host.ts';
import { type ChainFacts, checkChain, checkCrcs } from './read-check.ts';
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
  /** `reader`: who gets the batches compares their CRCs itself. */
  readonly crcBy?: 'log' | 'reader';
}

/** What is known of the log that is read, and who is told of damage. */
export interface ReadFacts {
  chain(): Omit<ChainFacts, 'expectedOffset'>;
  /** From `offset` on the log is damaged. */
  damaged(offset: number): void;
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

/** Where a batch begins, and with which offset. */
export interface BatchPlace {
  readonly position: number;
  readonly baseOffset: number;
}

/** A place where a read ended: the batch with `offset` begins there. */
interface ReadEnd {
  readonly segment: Segment;
  readonly position: number;
}

export class LogReader {
  readonly #host: LogHost;
  readonly #context: SegmentContext;
  readonly #segments: SegmentList;
  readonly #facts: ReadFacts;
  /** Changes when the log is cut: what a read found that was under way says nothing then. */
  #generation = 0;
  /** By offset, oldest first. */
  readonly #ends = new Map<number, ReadEnd>();

  constructor(host: LogHost, context: SegmentContext, segments: SegmentList, facts: ReadFacts) {
    this.#host = host;
    this.#context = context;
    this.#segments = segments;
    this.#facts = facts;
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
    this.#generation += 1;
    this.#ends.clear();
  }

  /** Forgets what is known of `segment`: its files go. */
  forget(segment: Segment): void {
    for (const [offset, end] of this.#ends) if (end.segment === segment) this.#ends.delete(offset);
  }

  /** `after`: the segment holds nothing at or after the offset. */
  async #readSegment(segment: Segment, range: BatchRange): Promise<BatchesRead | undefined | 'after'> {
    const known = this.#ends.get(range.offset);
    const found =
      known?.segment === segment
        ? { position: known.position, baseOffset: range.offset }
        : await this.find(segment, range);
    if (found.position >= segment.writtenBytes) return 'after';
    return await this.#host.files.use(segment.path, (file) => this.#readAt(file, segment, found, range));
  }

  /** Position of the first batch of `segment` that reaches `offset`, `writtenBytes` or more when none does. */
  async locate(
    segment: Segment,
    range: Pick<BatchRange, 'offset' | 'logEndOffset' | 'indexIntervalBytes'>,
  ): Promise<number> {
    return (await this.find(segment, range)).position;
  }

  /** Tells that the batch of `segment` with `offset` is not as it was written; answers what to throw. */
  damagedAt(segment: Segment, offset: number): KafkaError {
    return this.#damage(segment, offset, this.#generation);
  }

  /** Whether the batch whose header is at `at` is the one that begins with `expectedOffset`. */
  follows(bytes: Buffer, at: number, expectedOffset: number): boolean {
    return checkChain(bytes, at, { ...this.#facts.chain(), expectedOffset });
  }

  /** As `locate`, with the offset that the batch there begins with, which the batches before it say. */
  async find(
    segment: Segment,
    range: Pick<BatchRange, 'offset' | 'logEndOffset' | 'indexIntervalBytes'>,
  ): Promise<BatchPlace> {
    const { indexes, files } = this.#host;
    if (segment.writtenBytes === 0) return { position: 0, baseOffset: segment.baseOffset };
    const generation = this.#generation;
    const endOffset = this.#segments.endOf(segment, range.logEndOffset);
    await indexes.load(this.#context, segment, endOffset, range.indexIntervalBytes);
    return await files.use(segment.path, async (file) => {
      const entry = segment.offsetIndex.lookup(range.offset);
      if (entry !== undefined) {
        const found = await this.#scanTo(file, segment, entry, range.offset);
        if (found.outcome === 'found') return found;
        await indexes.rebuild(this.#context, segment, range.indexIntervalBytes);
      }
      // The index may have been right: what no batch before it contradicts is found from the segment's beginning.
      const found = await this.#scanTo(file, segment, undefined, range.offset);
      if (found.outcome === 'found') return found;
      throw this.#damage(segment, found.baseOffset, generation);
    });
  }

  /**
   * Walks headers, from the batch of the index entry or the segment's first, to the first batch that reaches `offset`. `broken`:
   * what is expected at the place is not there.
   */
  async #scanTo(
    file: DiskFile,
    segment: Segment,
    entry: { readonly lastOffset: number; readonly position: number } | undefined,
    offset: number,
  ): Promise<BatchPlace & { readonly outcome: 'found' | 'broken' }> {
    const { position: from = 0 } = entry ?? {};
    const range = { from, to: segment.writtenBytes, wholeBatches: false, chunkBytes: LOOK_UP_CHUNK_BYTES };
    const chain = this.#facts.chain();
    let expectedOffset = segment.baseOffset;
    let first = true;
    const end = await scanBatches(file, range, (bytes, at) => {
      if (first && entry !== undefined) {
        if (batch.lastOffset(bytes, at) !== entry.lastOffset) return 'bad';
        expectedOffset = batch.baseOffset(bytes, at);
      }
      first = false;
      if (!checkChain(bytes, at, { ...chain, expectedOffset })) return 'bad';
      if (batch.lastOffset(bytes, at) >= offset) return 'stop';
      expectedOffset = batch.lastOffset(bytes, at) + 1;
      return 'next';
    });
    return { position: end.position, baseOffset: expectedOffset, outcome: end.outcome === 'bad' ? 'broken' : 'found' };
  }

  async #readAt(
    file: DiskFile,
    segment: Segment,
    from: BatchPlace,
    range: BatchRange,
  ): Promise<BatchesRead | undefined> {
    const generation = this.#generation;
    const { position } = from;
    const available = segment.writtenBytes - position;
    const wanted = Math.min(Math.max(range.maxBytes, batch.BATCH_HEADER_BYTES), available, BLOCK_BYTES_MAX);
    let slab = this.#host.pool.take(wanted);
    let kept = false;
    try {
      let count = await readFully(file, slab.bytes, wanted, position);
      const firstBytes = count < batch.BATCH_HEADER_BYTES ? undefined : plausibleBatchBytes(slab.bytes, 0, available);
      if (firstBytes === undefined) throw this.#damage(segment, from.baseOffset, generation);
      if (firstBytes > range.maxBytes && !range.minOneBatch) return undefined;
      if (firstBytes > count) {
        slab.release();
        slab = this.#host.pool.take(firstBytes);
        count = await readFully(file, slab.bytes, firstBytes, position);
        if (count < firstBytes) throw this.#damage(segment, from.baseOffset, generation);
      }
      const whole = this.#checkedBatches(slab.bytes, count, segment, from, range);
      const damage = whole.isBroken ? this.#damage(segment, whole.nextOffset, generation) : undefined;
      if (whole.byteCount === 0 && damage !== undefined) throw damage;
      if (whole.byteCount === 0) return undefined;
      this.#remember(whole.nextOffset, { segment, position: position + whole.byteCount });
      kept = true;
      return { bytes: slab.bytes.subarray(0, whole.byteCount), slab, nextOffset: whole.nextOffset };
    } finally {
      if (!kept) slab.release();
    }
  }

  /** How much of `count` bytes, read at `from`, is whole batches below the end offset that are as they were written. */
  #checkedBatches(bytes: Buffer, count: number, segment: Segment, from: BatchPlace, range: BatchRange): WholeBatches {
    const whole = wholeBatches(bytes, count, segment.writtenBytes - from.position, {
      ...this.#facts.chain(),
      expectedOffset: from.baseOffset,
      endOffset: range.endOffset,
    });
    const end = from.position + whole.byteCount;
    if (range.crcBy === 'reader' || isChecked(segment, from.position, end)) return whole;
    const valid = checkCrcs(bytes, whole.byteCount);
    if (valid > 0) noteChecked(segment, from.position, from.position + valid);
    if (valid === whole.byteCount) return whole;
    return { byteCount: valid, nextOffset: batch.baseOffset(bytes, valid), isBroken: true };
  }

  /** Tells of the damage, unless the log was cut since `generation`. */
  #damage(segment: Segment, offset: number, generation: number): KafkaError {
    if (generation === this.#generation) this.#facts.damaged(offset);
    return new KafkaError('CORRUPT_MESSAGE', `no valid batch for offset ${offset} in ${segment.path}`);
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

interface WholeBatches {
  readonly byteCount: number;
  /** After the last of them. */
  readonly nextOffset: number;
  /** Whether what comes next is not what must be there. */
  readonly isBroken: boolean;
}

/** How much of `count` bytes is whole batches below the end offset; `available`: bytes up to the end of what is written. */
function wholeBatches(
  bytes: Buffer,
  count: number,
  available: number,
  facts: ChainFacts & { readonly endOffset: number },
): WholeBatches {
  let at = 0;
  let nextOffset = facts.expectedOffset;
  while (at + batch.BATCH_HEADER_BYTES <= count && nextOffset < facts.endOffset) {
    const sizeBytes = plausibleBatchBytes(bytes, at, available - at);
    if (sizeBytes === undefined || !checkChain(bytes, at, { ...facts, expectedOffset: nextOffset })) {
      return { byteCount: at, nextOffset, isBroken: true };
    }
    const lastOffset = batch.lastOffset(bytes, at);
    // Whatever the end is, a batch ends there.
    if (lastOffset >= facts.endOffset) return { byteCount: at, nextOffset, isBroken: true };
    if (sizeBytes > count - at) break;
    at += sizeBytes;
    nextOffset = lastOffset + 1;
  }
  return { byteCount: at, nextOffset, isBroken: false };
}

function isChecked(segment: Segment, from: number, to: number): boolean {
  return from >= segment.checkedFrom && to <= segment.checkedTo;
}

/** One interval is kept: it grows where they touch, else the longer one stays. */
function noteChecked(segment: Segment, from: number, to: number): void {
  const { checkedFrom, checkedTo } = segment;
  if (from <= checkedTo && to >= checkedFrom) {
    segment.checkedFrom = Math.min(from, checkedFrom);
    segment.checkedTo = Math.max(to, checkedTo);
  } else if (to - from > checkedTo - checkedFrom) {
    segment.checkedFrom = from;
    segment.checkedTo = to;
  }
}
