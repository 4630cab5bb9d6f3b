/**
 * CRC-32C (Castagnoli), the checksum of a record batch. By a native package where it is installed and the bytes are many
 * enough to pay for the call, else by slicing-by-8 in JavaScript. Both answer the same.
 */
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';

/** The checksum of `bytes` from `start` to `end` (exclusive), as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return crc32cFrom(0, bytes, start, end);
}

/**
 * The checksum of some bytes with the checksum `previous` (0 for none) followed by `bytes` from `start` to `end` (exclusive):
 * so the checksum of a file grows with the file.
 */
export function crc32cFrom(previous: number, bytes: Uint8Array, start: number, end: number): number {
  if (end - start < NATIVE_BYTES_MIN) {
    return crc32cInJavaScript(bytes, start, end, previous);
  }
  native ??= loadNative() ?? 'none';
  return native === 'none'
    ? crc32cInJavaScript(bytes, start, end, previous)
    : native(bytes.subarray(start, end), previous);
}

/** The same without the native package. */
export function crc32cInJavaScript(bytes: Uint8Array, start: number, end: number, previous = 0): number {
  tables ??= makeTables();
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  let crc = ~previous;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24);
    crc =
      entry(t7, crc & 0xff) ^
      entry(t6, (crc >>> 8) & 0xff) ^
      entry(t5, (crc >>> 16) & 0xff) ^
      entry(t4, crc >>> 24) ^
      entry(t3, byte(bytes, at + 4)) ^
      entry(t2, byte(bytes, at + 5)) ^
      entry(t1, byte(bytes, at + 6)) ^
      entry(t0, byte(bytes, at + 7));
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ entry(t0, (crc ^ byte(bytes, at)) & 0xff);
  }
  return ~crc >>> 0;
}

type Native = (bytes: Uint8Array, previous: number) => number;
type Tables = readonly [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

/** Below this a call into native code costs more than it saves. */
const NATIVE_BYTES_MIN = 512;
const POLYNOMIAL_REVERSED = 0x82f63b78;

let native: Native | 'none' | undefined;
let tables: Tables | undefined;

/** The platform's own package first: the loader package spends 25 ms on finding out which C library is there. */
function loadNative(): Native | undefined {
  const require = createRequire(import.meta.url);
  const base = `@node-rs/crc32-${platform()}-${arch()}`;
  for (const name of [`${base}-gnu`, base, `${base}-musl`, `${base}-msvc`, '@node-rs/crc32']) {
    try {
      return (require(name) as { crc32c: Native }).crc32c;
    } catch {
      // Not installed, or not for this machine: the next one may be.
    }
  }
  return undefined;
}

function makeTables(): Tables {
  const first = new Int32Array(256);
  for (let index = 0; index < 256; index++) {
    let crc = index;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL_REVERSED;
    }
    first[index] = crc;
  }
  const next = (previous: Int32Array) => previous.map((crc) => (crc >>> 8) ^ entry(first, crc & 0xff));
  const second = next(first);
  const third = next(second);
  const fourth = next(third);
  const fifth = next(fourth);
  const sixth = next(fifth);
  const seventh = next(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, next(seventh)];
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function entry(table: Int32Array, index: number): number {
  return table[index] as number;
}
