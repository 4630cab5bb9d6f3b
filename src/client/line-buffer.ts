import type { SourceBytes } from './batch-slot.ts';
import { COPY_SLACK_BYTES, viewOf } from './copy-bytes.ts';
import { takeKernelBytes } from './kernel-memory.ts';

/** How much is asked of the input at once. */
export const READ_BYTES = 256 * 1024;

/** Read-ahead goes on behind what is not encoded yet; a few reads fit before what is left must move to the front. */
const INITIAL_BYTES = 4 * READ_BYTES;

/**
 * Input bytes between the reading and the encoding: one stretch of memory, filled at its end and used from its start. It
 * grows only for a line that is longer than it, so its bound is the longest line allowed plus two reads.
 */
export class LineBuffer implements SourceBytes {
  bytes: Buffer;
  view: DataView;
  /** What is not encoded yet: `bytes` from `start` to `end` (exclusive). */
  start = 0;
  end = 0;
  /** The input byte that `bytes[0]` is or was: `firstByte + start` have been encoded. */
  #firstByte = 0;

  constructor() {
    this.bytes = takeKernelBytes(INITIAL_BYTES + COPY_SLACK_BYTES);
    this.view = viewOf(this.bytes);
  }

  /** The input's byte offset of position `position`. */
  byteOffset(position: number): number {
    return this.#firstByte + position;
  }

  get heldBytes(): number {
    return this.end - this.start;
  }

  /** Room for `READ_BYTES` behind the end. What is held may move: not to be called while a read is under way. */
  target(): Uint8Array {
    if (this.start === this.end) this.#moveToFront();
    if (this.#capacity - this.end < READ_BYTES) this.#moveToFront();
    if (this.#capacity - this.end < READ_BYTES) this.#grow();
    return this.bytes.subarray(this.end, this.end + READ_BYTES);
  }

  /** `byteCount` bytes were put where `target()` said. */
  received(byteCount: number): void {
    this.end += byteCount;
  }

  /** What holds input, from 0, so that positions in it are positions in `bytes`. */
  window(): Buffer {
    return this.bytes.subarray(0, this.end);
  }

  get #capacity(): number {
    return this.bytes.length - COPY_SLACK_BYTES;
  }

  #moveToFront(): void {
    this.bytes.copyWithin(0, this.start, this.end);
    this.#firstByte += this.start;
    this.end -= this.start;
    this.start = 0;
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.#capacity * 2 + READ_BYTES + COPY_SLACK_BYTES);
    this.bytes.copy(grown, 0, 0, this.end);
    this.bytes = grown;
    this.view = viewOf(grown);
  }
}
