import { unsignedVarintBytes, writeUnsignedVarint } from '../kernel/varint.ts';

/**
 * Collects one frame: small values go into a scratch buffer, record slices are kept as they are. `finish` answers the pieces
 * in order, for one vectored write; nothing that a caller handed in is copied. Big endian throughout.
 *
 * A writer is used again for the next frame: `finish` copies the scratch bytes out.
 */
export class Writer {
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #position = 0;
  /** Where slices interrupt the scratch bytes. */
  #cuts: { readonly position: number; readonly slices: readonly Uint8Array[] }[] = [];
  #sliceBytes = 0;

  get position(): number {
    return this.#position;
  }

  int8(value: number): void {
    this.#position = this.#room(1).writeInt8(value, this.#position);
  }

  int16(value: number): void {
    this.#position = this.#room(2).writeInt16BE(value, this.#position);
  }

  uint16(value: number): void {
    this.#position = this.#room(2).writeUInt16BE(value, this.#position);
  }

  int32(value: number): void {
    this.#position = this.#room(4).writeInt32BE(value, this.#position);
  }

  int64(value: bigint): void {
    this.#position = this.#room(8).writeBigInt64BE(value, this.#position);
  }

  float64(value: number): void {
    this.#position = this.#room(8).writeDoubleBE(value, this.#position);
  }

  unsignedVarint(value: number): void {
    this.#position = writeUnsignedVarint(this.#room(5), this.#position, value);
  }

  /** The length that stands before a string, bytes or array: -1 = null. Throws RangeError when it does not fit. */
  length(width: 'int16' | 'int32' | 'compact', length: number): void {
    if (width === 'compact') {
      this.unsignedVarint(length + 1);
    } else if (width === 'int16') {
      this.int16(length);
    } else {
      this.int32(length);
    }
  }

  text(width: 'int16' | 'compact', value: string): void {
    const byteCount = Buffer.byteLength(value);
    this.length(width, byteCount);
    this.#room(byteCount).write(value, this.#position, byteCount, 'utf8');
    this.#position += byteCount;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length).set(value, this.#position);
    this.#position += value.length;
  }

  /** Throws RangeError for anything but the text form of 16 bytes. */
  uuid(value: string): void {
    const byteCount = value.length === 22 ? this.#room(16).write(value, this.#position, 16, 'base64url') : 0;
    if (byteCount !== 16) {
      throw new RangeError(`not a uuid in Kafka's text form: ${value}`);
    }
    this.#position += 16;
  }

  /** Lets `slices` follow what is written so far. */
  slices(slices: readonly Uint8Array[], byteCount: number): void {
    this.#cuts.push({ position: this.#position, slices });
    this.#sliceBytes += byteCount;
  }

  /** Puts the unsigned varint of the byte count before what was written since `start`. No slices may lie in between. */
  prefixWithSize(start: number): void {
    const byteCount = this.#position - start;
    const prefixBytes = unsignedVarintBytes(byteCount);
    const scratch = this.#room(prefixBytes);
    scratch.copyWithin(start + prefixBytes, start, this.#position);
    writeUnsignedVarint(scratch, start, byteCount);
    this.#position += prefixBytes;
  }

  /** Begins a frame; its length is filled in by `finish`. Forgets what a failed encoding left behind. */
  start(): void {
    this.#position = LENGTH_BYTES;
    this.#cuts = [];
    this.#sliceBytes = 0;
  }

  /** The frame's pieces, its length first. */
  finish(): Uint8Array[] {
    this.#scratch.writeInt32BE(this.#position - LENGTH_BYTES + this.#sliceBytes, 0);
    const written = Buffer.allocUnsafe(this.#position);
    this.#scratch.copy(written, 0, 0, this.#position);
    if (this.#scratch.length > SCRATCH_BYTES_KEPT) {
      this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    }
    const cuts = this.#cuts;
    this.#cuts = [];
    return cuts.length === 0 ? [written] : splice(written, cuts);
  }

  /** The scratch buffer with at least `byteCount` bytes after the position. */
  #room(byteCount: number): Buffer {
    const needed = this.#position + byteCount;
    if (needed > this.#scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#scratch.length * 2));
      this.#scratch.copy(larger, 0, 0, this.#position);
      this.#scratch = larger;
    }
    return this.#scratch;
  }
}

const LENGTH_BYTES = 4;
const SCRATCH_BYTES = 16 * 1024;
/** A scratch buffer that one huge frame made larger than this is given back. */
const SCRATCH_BYTES_KEPT = 1024 * 1024;

function splice(
  written: Buffer,
  cuts: readonly { readonly position: number; readonly slices: readonly Uint8Array[] }[],
): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const cut of cuts) {
    if (cut.position > start) {
      pieces.push(written.subarray(start, cut.position));
      start = cut.position;
    }
    for (const slice of cut.slices) {
      pieces.push(slice);
    }
  }
  if (written.length > start) {
    pieces.push(written.subarray(start));
  }
  return pieces;
}
