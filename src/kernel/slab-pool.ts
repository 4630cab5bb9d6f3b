/**
 * Reusable blocks of memory for frames and reads, so that a busy connection does not make garbage of megabytes.
 *
 * Blocks come in sizes of powers of two, from 1 KiB to `BLOCK_BYTES_MAX`; a slab shows exactly the asked bytes of one. Pages
 * of a block that nobody touches cost no memory, so rounding up is cheap. Larger requests get memory of their own that
 * is not kept. What a slab holds when it is taken is whatever was there before: its user writes before it reads.
 */
import { assert } from './assert.ts';

/** Bytes with one owner, who gives them back exactly once. */
export interface Slab {
  /** Exactly the asked length. Not to be touched after `release`. */
  readonly bytes: Buffer;
  release(): void;
}

export interface SlabPoolOptions {
  /** Free blocks that are kept for reuse, in bytes altogether. */
  readonly retainedBytesMax: number;
  /** Makes a block of so many bytes, whatever they hold. */
  readonly allocate: (byteCount: number) => Buffer;
}

const BLOCK_BYTES_MIN_LOG2 = 10;
const BLOCK_BYTES_MAX_LOG2 = 23;
/** Slabs above this size are not reused. */
export const BLOCK_BYTES_MAX = 1 << BLOCK_BYTES_MAX_LOG2;
const DEFAULT_OPTIONS: SlabPoolOptions = {
  retainedBytesMax: 32 << 20,
  allocate: (byteCount) => Buffer.allocUnsafeSlow(byteCount),
};

export class SlabPool {
  readonly #retainedBytesMax: number;
  readonly #allocate: (byteCount: number) => Buffer;
  /** Free blocks by the exponent of their size above the smallest. */
  readonly #freeBySize: Buffer[][] = Array.from({ length: BLOCK_BYTES_MAX_LOG2 - BLOCK_BYTES_MIN_LOG2 + 1 }, () => []);
  #retainedBytes = 0;
  #outstandingCount = 0;

  constructor(options: Partial<SlabPoolOptions> = {}) {
    this.#retainedBytesMax = options.retainedBytesMax ?? DEFAULT_OPTIONS.retainedBytesMax;
    this.#allocate = options.allocate ?? DEFAULT_OPTIONS.allocate;
  }

  /** Bytes of free blocks that are kept. */
  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** Slabs taken and not yet released. */
  get outstandingCount(): number {
    return this.#outstandingCount;
  }

  /** A slab of exactly `byteCount` (>= 0) bytes, its content undefined. */
  take(byteCount: number): Slab {
    assert(Number.isInteger(byteCount) && byteCount >= 0, 'a slab has a whole number of bytes');
    this.#outstandingCount += 1;
    return new PooledSlab(this.#block(byteCount), byteCount, this.#takeBack);
  }

  #block(byteCount: number): Buffer {
    if (byteCount > BLOCK_BYTES_MAX) return Buffer.allocUnsafeSlow(byteCount);
    const size = sizeIndex(byteCount);
    const free = this.#freeBySize[size]?.pop();
    if (free === undefined) return this.#allocate(1 << (size + BLOCK_BYTES_MIN_LOG2));
    this.#retainedBytes -= free.length;
    return free;
  }

  readonly #takeBack = (block: Buffer): void => {
    this.#outstandingCount -= 1;
    if (block.length > BLOCK_BYTES_MAX || block.length > this.#retainedBytesMax) return;
    const size = sizeIndex(block.length);
    this.#makeRoom(block.length, size);
    if (this.#retainedBytes + block.length > this.#retainedBytesMax) return;
    this.#freeBySize[size]?.push(block);
    this.#retainedBytes += block.length;
  };

  /** Gives up blocks of other sizes than `size`, the largest first: what was in use last is wanted next. */
  #makeRoom(byteCount: number, size: number): void {
    for (let other = this.#freeBySize.length - 1; other >= 0; other--) {
      const blocks = this.#freeBySize[other];
      while (other !== size && this.#retainedBytes + byteCount > this.#retainedBytesMax) {
        const dropped = blocks?.pop();
        if (dropped === undefined) break;
        this.#retainedBytes -= dropped.length;
      }
    }
  }
}

class PooledSlab implements Slab {
  readonly bytes: Buffer;
  #block: Buffer | undefined;
  readonly #takeBack: (block: Buffer) => void;

  constructor(block: Buffer, byteCount: number, takeBack: (block: Buffer) => void) {
    this.bytes = block.length === byteCount ? block : block.subarray(0, byteCount);
    this.#block = block;
    this.#takeBack = takeBack;
  }

  release(): void {
    const block = this.#block;
    assert(block !== undefined, 'a slab is released once');
    this.#block = undefined;
    this.#takeBack(block);
  }
}

/** Index of the smallest block size that holds `byteCount` (<= BLOCK_BYTES_MAX) bytes. */
function sizeIndex(byteCount: number): number {
  if (byteCount <= 1 << BLOCK_BYTES_MIN_LOG2) return 0;
  return 32 - Math.clz32(byteCount - 1) - BLOCK_BYTES_MIN_LOG2;
}
