/**
 * Walks the batches of a segment file, in chunks, so that memory stays small whatever the file holds. What the file says is
 * checked, never believed: lengths that cannot be, another magic byte or a batch that is cut short end the walk.
 */
import type { DiskFile } from '../kernel/env.ts';
import * as batch from '../protocol/records/batch.ts';

/** What to do after a batch was looked at. `bad` ends the walk at this batch, as a broken header would. */
export type ScanStep = 'next' | 'stop' | 'bad';

/**
 * `bytes` from `at` begin with the batch's header (the whole batch when `wholeBatches`); `position` is the batch's in the file.
 * Nothing is read on before the answer settles.
 */
export type BatchVisitor = (bytes: Buffer, at: number, position: number) => ScanStep | Promise<ScanStep>;

export interface ScanRange {
  /** Position of a batch's first byte. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly wholeBatches: boolean;
  /** How much is read at a time; a small look-up needs less than a walk. */
  readonly chunkBytes?: number;
}

export interface ScanEnd {
  /** Where the walk ended: `to`, or the first byte of the batch that stopped it or is bad. */
  readonly position: number;
  readonly outcome: 'end' | 'stopped' | 'bad';
}

const CHUNK_BYTES = 256 * 1024;
const HOP_BYTES = 4096;
/** Longer than any batch that a request of 100 MiB can bring: a length above it is no length, and no log takes such a batch. */
export const BATCH_BYTES_MAX = 128 * 1024 * 1024;

export async function scanBatches(file: DiskFile, range: ScanRange, visit: BatchVisitor): Promise<ScanEnd> {
  const window = new ReadWindow(file, range.to, range.chunkBytes ?? CHUNK_BYTES);
  let position = range.from;
  while (position < range.to) {
    const remaining = range.to - position;
    if (remaining < batch.BATCH_HEADER_BYTES) return { position, outcome: 'bad' };
    let at = window.find(position, batch.BATCH_HEADER_BYTES);
    if (at < 0) at = await window.fill(position, batch.BATCH_HEADER_BYTES);
    if (at < 0) return { position, outcome: 'bad' };
    const sizeBytes = plausibleBatchBytes(window.bytes, at, remaining);
    if (sizeBytes === undefined) return { position, outcome: 'bad' };
    if (range.wholeBatches && window.find(position, sizeBytes) < 0) at = await window.fill(position, sizeBytes);
    if (at < 0) return { position, outcome: 'bad' };
    const visited = visit(window.bytes, at, position);
    // Most visitors decide at once: a turn for each batch would cost more than the rest.
    const step = typeof visited === 'string' ? visited : await visited;
    if (step !== 'next') return { position, outcome: step === 'bad' ? 'bad' : 'stopped' };
    position += sizeBytes;
  }
  return { position, outcome: 'end' };
}

/** Size of the batch whose header is at `at`, undefined when length or magic byte cannot be, or it exceeds `remaining`. */
export function plausibleBatchBytes(bytes: Buffer, at: number, remaining: number): number | undefined {
  const sizeBytes = batch.batchLength(bytes, at) + batch.BATCH_OVERHEAD_BYTES;
  if (sizeBytes < batch.BATCH_HEADER_BYTES || sizeBytes > remaining || sizeBytes > BATCH_BYTES_MAX) return undefined;
  return batch.magic(bytes, at) === 2 ? sizeBytes : undefined;
}

/** Reads until `length` bytes are there or the file ends; answers how many came. */
export async function readFully(file: DiskFile, target: Uint8Array, length: number, position: number): Promise<number> {
  let count = 0;
  while (count < length) {
    const came = await file.read(target, count, length - count, position + count);
    if (came === 0) break;
    count += came;
  }
  return count;
}

/** A piece of the file in memory. */
class ReadWindow {
  bytes: Buffer = Buffer.alloc(0);
  readonly #file: DiskFile;
  readonly #end: number;
  readonly #chunkBytes: number;
  #start = 0;
  #filledBytes = 0;

  constructor(file: DiskFile, end: number, chunkBytes: number) {
    this.#file = file;
    this.#end = end;
    this.#chunkBytes = chunkBytes;
  }

  /** Index of the file's byte `position` in `bytes` when `length` bytes from it are there, else -1. */
  find(position: number, length: number): number {
    const at = position - this.#start;
    return at >= 0 && at + length <= this.#filledBytes ? at : -1;
  }

  /** Reads so that `length` bytes from `position` are there; index in `bytes`, or -1 when the file ends before. */
  async fill(position: number, length: number): Promise<number> {
    // A jump over the whole window means big batches of which only the headers are wanted: read little then.
    const jumped = position > this.#start + this.#filledBytes;
    const wanted = Math.min(
      Math.max(length, jumped ? Math.min(HOP_BYTES, this.#chunkBytes) : this.#chunkBytes),
      this.#end - position,
    );
    if (this.bytes.length < wanted) {
      // Batches that are each a little larger must not take new memory each.
      const roundedBytes = Math.ceil(wanted / this.#chunkBytes) * this.#chunkBytes;
      this.bytes = Buffer.allocUnsafeSlow(wanted < this.#chunkBytes ? wanted : roundedBytes);
    }
    this.#start = position;
    this.#filledBytes = await readFully(this.#file, this.bytes, wanted, position);
    return this.#filledBytes >= length ? 0 : -1;
  }
}
