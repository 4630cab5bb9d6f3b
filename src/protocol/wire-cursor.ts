import { WireError } from './wire-error.ts';

/**
 * Reads primitive values from a frame, never past `end`. Every length comes from the other side, so each is checked before
 * it is believed (reliability B-3); a broken one throws WireError. Big endian throughout.
 */
export class Cursor {
  readonly buffer: Buffer;
  position: number;
  /** Exclusive. Narrowed while a tagged field is read. */
  end: number;
  /** How many elements the arrays that are still to be read may have together. */
  #elementsLeft: number;

  constructor(buffer: Buffer, position: number, end: number, elementsMax = Number.POSITIVE_INFINITY) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
    this.#elementsLeft = elementsMax;
  }

  /** Moves on by `byteCount` and answers where it was. */
  take(byteCount: number): number {
    const start = this.position;
    if (byteCount > this.end - start) {
      throw new WireError(`${byteCount} bytes wanted at ${start}, ${this.end - start} left`);
    }
    this.position = start + byteCount;
    return start;
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1));
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8));
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }

  /** 0 to 2^32 - 1, in at most five bytes. */
  unsignedVarint(): number {
    const first = this.#byte();
    if (first < 0x80) {
      return first;
    }
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const next = this.#byte();
      value |= (next & 0x7f) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    const last = this.#byte();
    if (last > 0x0f) {
      throw new WireError('a varint of more than 32 bits');
    }
    return value + last * 0x1000_0000;
  }

  /** The length that stands before a string, bytes or array: -1 = null. */
  length(width: 'int16' | 'int32' | 'compact'): number {
    const length = width === 'compact' ? this.unsignedVarint() - 1 : width === 'int16' ? this.int16() : this.int32();
    if (length < -1) {
      throw new WireError(`a length of ${length}`);
    }
    return length;
  }

  /** Says that an array of `count` elements is read next. */
  claimElements(count: number): void {
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0)
      throw new WireError(`too many elements in arrays, ${count} of them at ${this.position}`);
  }

  /** Valid UTF-8 is expected; other bytes read as U+FFFD. */
  text(byteCount: number): string {
    const start = this.take(byteCount);
    return this.buffer.toString('utf8', start, start + byteCount);
  }

  slice(byteCount: number): Buffer {
    const start = this.take(byteCount);
    return this.buffer.subarray(start, start + byteCount);
  }

  uuid(): string {
    const start = this.take(16);
    return this.buffer.toString('base64url', start, start + 16);
  }

  #byte(): number {
    return this.buffer[this.take(1)] ?? 0;
  }
}
