/**
 * The two innermost loops of the line client in AssemblyScript, with 16-byte steps: what `line-loops.ts` and
 * `value-decoder.ts` do in JavaScript, for the plain case. `bin/compile-kernels.js` makes WebAssembly of it;
 * `line-kernels.ts` one folder up lends it the memory. Whatever is not plain ends a call, and JavaScript decides.
 *
 * All positions are addresses. Up to 16 bytes behind each stretch are read and written too, whatever they are.
 */

/** -1 as a varint: the length of a null key. */
const NULL_LENGTH: u8 = 1;
/** A plain record's fields before its value, each as long as the loop takes, and the header count. */
const PLAIN_BYTES_MAX: usize = 24;
/** From here on the engine's own copy is quicker. */
const BULK_COPY_BYTES: usize = 512;

let sourceEnd: usize = 0;
let targetEnd: usize = 0;

/** Where the last call stopped reading: the first byte it did not use up. */
export function sourcePosition(): usize {
  return sourceEnd;
}

/** Where the last call stopped writing. */
export function targetPosition(): usize {
  return targetEnd;
}

/**
 * Writes the lines from `start` to `end` (exclusive), as far as they end with a delimiter, as records with null keys and
 * offset deltas from `firstDelta` on, none of them beyond `limit`. Answers the offset delta of the next record.
 */
export function encodeLines(
  start: usize,
  end: usize,
  target: usize,
  limit: usize,
  firstDelta: u32,
  timestampDelta: u32,
  delimiter: u32,
): u32 {
  const pattern = i8x16.splat(<i8>delimiter);
  // Attributes, null key and header count.
  const fixedBytes = 3 + varintBytes(timestampDelta * 2);
  let from = start;
  let to = target;
  let delta = firstDelta;
  while (from < end) {
    let found = from;
    let mask = i8x16.bitmask(i8x16.eq(v128.load(found), pattern));
    while (mask === 0 && found + 16 < end) {
      found += 16;
      mask = i8x16.bitmask(i8x16.eq(v128.load(found), pattern));
    }
    if (mask === 0) break;
    found += ctz(mask);
    if (found >= end) break;
    const length = <u32>(found - from);
    const bodyBytes = fixedBytes + varintBytes(delta * 2) + varintBytes(length * 2) + length;
    if (to + bodyBytes + varintBytes(bodyBytes * 2) > limit) break;
    to = putVarint(to, bodyBytes * 2);
    store<u8>(to++, 0);
    to = putVarint(to, timestampDelta * 2);
    to = putVarint(to, delta * 2);
    store<u8>(to++, NULL_LENGTH);
    to = putVarint(to, length * 2);
    copy(from, to, length);
    to += length;
    store<u8>(to++, 0);
    delta++;
    from = found + 1;
  }
  sourceEnd = from;
  targetEnd = to;
  return delta;
}

/**
 * Writes value and delimiter of up to `count` records between `start` and `end` (exclusive), nothing beyond `limit`. Stops
 * at the first record that is not plain, not whole or looks wrong. Answers how many it took.
 */
export function decodeValues(start: usize, end: usize, target: usize, limit: usize, count: u32, delimiter: u32): u32 {
  let at = start;
  let to = target;
  let taken: u32 = 0;
  while (taken < count && at + PLAIN_BYTES_MAX <= end) {
    const length = shortVarint(at);
    const bodyAt = at + (length & 3);
    const next = bodyAt + (length >> 3);
    if (!isShortNatural(length) || next > end) break;
    let keyAt = bodyAt + 1;
    while (load<u8>(keyAt++) > 0x7f && keyAt < next) {}
    while (load<u8>(keyAt++) > 0x7f && keyAt < next) {}
    let valueLengthAt = keyAt + 1;
    if (load<u8>(keyAt) !== NULL_LENGTH) {
      const keyLength = shortVarint(keyAt);
      valueLengthAt = keyAt + (keyLength & 3) + (keyLength >> 3);
      if (!isShortNatural(keyLength) || valueLengthAt >= next) break;
    }
    const packedLength = shortVarint(valueLengthAt);
    const valueAt = valueLengthAt + (packedLength & 3);
    const valueBytes: usize = packedLength >> 3;
    if (!isShortNatural(packedLength) || valueAt + valueBytes !== next - 1) break;
    if (to + valueBytes >= limit || load<u8>(next - 1) !== 0) break;
    copy(valueAt, to, valueBytes);
    to += valueBytes;
    store<u8>(to++, <u8>delimiter);
    at = next;
    taken++;
  }
  sourceEnd = at;
  targetEnd = to;
  return taken;
}

function copy(from: usize, to: usize, length: usize): void {
  if (length >= BULK_COPY_BYTES) {
    memory.copy(to, from, length);
    return;
  }
  for (let step: usize = 0; step < length; step += 16) v128.store(to + step, v128.load(from + step));
}

function varintBytes(zigzagged: u32): u32 {
  return zigzagged < 0x80 ? 1 : zigzagged < 0x4000 ? 2 : zigzagged < 0x200000 ? 3 : zigzagged < 0x10000000 ? 4 : 5;
}

/** Answers the position behind it. */
function putVarint(position: usize, zigzagged: u32): usize {
  let rest = zigzagged;
  let at = position;
  while (rest > 0x7f) {
    store<u8>(at++, <u8>((rest & 0x7f) | 0x80));
    rest >>= 7;
  }
  store<u8>(at++, <u8>rest);
  return at;
}

/** A varint of one to three bytes as (zigzag value << 2) | bytes; with 0 for the bytes when it is longer. */
function shortVarint(at: usize): u32 {
  const first: u32 = load<u8>(at);
  if (first < 0x80) return (first << 2) | 1;
  const second: u32 = load<u8>(at, 1);
  if (second < 0x80) return (second << 9) | ((first & 0x7f) << 2) | 2;
  const third: u32 = load<u8>(at, 2);
  return third < 0x80 ? (third << 16) | ((second & 0x7f) << 9) | ((first & 0x7f) << 2) | 3 : 0;
}

/** A packed varint that is short enough and not negative. */
function isShortNatural(packed: u32): bool {
  return (packed & 3) !== 0 && (packed & 4) === 0;
}
