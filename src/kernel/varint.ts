/**
 * Kafka's variable-length integers: LEB128, least significant group first. "Unsigned" is plain (compact lengths, tags);
 * the others are zigzag (record fields). Writers answer the position after the last byte and do not check room.
 *
 * Values beyond 32 bits are plain numbers here, below 2^52 in size: the only such field is a record's timestamp delta.
 */

/** Bytes that `value` (0 <= value < 2^32) takes as an unsigned varint: 1 to 5. */
export function unsignedVarintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Bytes that `value` (a 32-bit signed integer) takes as a zigzag varint: 1 to 5. */
export function varintBytes(value: number): number {
  return unsignedVarintBytes(((value << 1) ^ (value >> 31)) >>> 0);
}

/** Bytes that `value` (an integer below 2^52 in size) takes as a zigzag varlong: 1 to 8. */
export function varlongBytes(value: number): number {
  let rest = zigzag(value);
  let byteCount = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    byteCount++;
  }
  return byteCount;
}

/** Writes `value` (0 <= value < 2^32). */
export function writeUnsignedVarint(target: Uint8Array, position: number, value: number): number {
  let rest = value;
  let at = position;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** Writes a 32-bit signed integer, zigzag. */
export function writeVarint(target: Uint8Array, position: number, value: number): number {
  return writeUnsignedVarint(target, position, ((value << 1) ^ (value >> 31)) >>> 0);
}

/** Writes an integer below 2^52 in size, zigzag. */
export function writeVarlong(target: Uint8Array, position: number, value: number): number {
  if (value === (value | 0)) {
    return writeVarint(target, position, value);
  }
  let rest = zigzag(value);
  let at = position;
  while (rest > 0x7f) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/** 0, -1, 1, -2 become 0, 1, 2, 3. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}
