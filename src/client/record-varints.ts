/**
 * Varints of records for the producer's loops, which know that no value is negative: they take the zigzagged value, twice
 * the plain one, below 2^32. Small enough for the compiler to write them out where they are called.
 */

/** The zigzagged -1: the length of a null key. */
export const NULL_LENGTH = 1;

export function varintBytes(zigzagged: number): number {
  return zigzagged < 0x80 ? 1 : zigzagged < 0x4000 ? 2 : zigzagged < 0x20_0000 ? 3 : zigzagged < 0x1000_0000 ? 4 : 5;
}

/** Answers the position behind it. */
export function putVarint(view: DataView, position: number, zigzagged: number): number {
  let rest = zigzagged;
  let at = position;
  while (rest > 0x7f) {
    view.setUint8(at++, (rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  view.setUint8(at++, rest);
  return at;
}
