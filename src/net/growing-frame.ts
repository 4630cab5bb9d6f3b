/** One frame while it arrives, and the slab that its receiver gets. */
import { assert } from '../kernel/assert.ts';
import type { ByteBudget } from '../kernel/byte-budget.ts';
import type { Slab, SlabPool } from '../kernel/slab-pool.ts';

/** Frames up to this length get their memory at once, longer ones double from it as their bytes arrive (B-1). */
export const AT_ONCE_BYTES = 2 << 20;

/** Bytes that must be taken from the budget before a frame of `frameBytes` is begun. */
export function firstBytes(frameBytes: number, atOnceBytes: number): number {
  return Math.min(frameBytes, atOnceBytes);
}

export class GrowingFrame implements Slab {
  readonly #pool: SlabPool;
  readonly #budget: ByteBudget;
  readonly #frameBytes: number;
  #slab: Slab;
  #filledBytes = 0;

  /** `byteCount`: `firstBytes`, taken from the budget by the caller; `release` gives everything back. */
  constructor(pool: SlabPool, budget: ByteBudget, frameBytes: number, byteCount: number) {
    this.#pool = pool;
    this.#budget = budget;
    this.#frameBytes = frameBytes;
    this.#slab = pool.take(byteCount);
  }

  /** The frame, once it is complete. */
  get bytes(): Buffer {
    return this.#slab.bytes;
  }

  get isComplete(): boolean {
    return this.#filledBytes === this.#frameBytes;
  }

  /** More bytes are due than there is memory for: `nextBytes` must be taken from the budget, then `grow` called. */
  get isFull(): boolean {
    return this.#filledBytes === this.#slab.bytes.length && !this.isComplete;
  }

  /** What the next `grow` adds. */
  get nextBytes(): number {
    const byteCount = this.#slab.bytes.length;
    return Math.min(this.#frameBytes, byteCount * 2) - byteCount;
  }

  /** Where the next bytes go; undefined when there is no room left. */
  room(): Buffer | undefined {
    if (this.#filledBytes === this.#slab.bytes.length) return undefined;
    return this.#slab.bytes.subarray(this.#filledBytes);
  }

  /** The kernel has put `byteCount` bytes into `room()`. */
  filled(byteCount: number): void {
    this.#filledBytes += byteCount;
    assert(this.#filledBytes <= this.#slab.bytes.length, 'a frame is not filled beyond its memory');
  }

  /** Copies what fits of `bytes` from `position` on; answers how much that was. */
  fill(bytes: Buffer, position: number): number {
    const byteCount = bytes.copy(this.#slab.bytes, this.#filledBytes, position);
    this.#filledBytes += byteCount;
    return byteCount;
  }

  grow(): void {
    const larger = this.#pool.take(this.#slab.bytes.length + this.nextBytes);
    this.#slab.bytes.copy(larger.bytes, 0, 0, this.#filledBytes);
    this.#slab.release();
    this.#slab = larger;
  }

  release(): void {
    const byteCount = this.#slab.bytes.length;
    this.#slab.release();
    this.#budget.done(this);
    this.#budget.give(byteCount);
  }
}
