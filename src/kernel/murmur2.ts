/**
 * The hash by which Kafka's clients choose a partition for a key: 32-bit MurmurHash2 with seed 0x9747b28c.
 * Source: Kafka's Utils.java (murmur2, toPositive), BuiltInPartitioner.java.
 */

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/** The partition (0 to `partitionCount` - 1) of the key in `bytes` from `start` to `end` (exclusive). */
export function murmur2Partition(bytes: Uint8Array, start: number, end: number, partitionCount: number): number {
  return (murmur2(bytes, start, end) & 0x7fff_ffff) % partitionCount;
}

/** A signed 32-bit number, as Java has it. */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const wordsEnd = end - ((end - start) & 3);
  let hash = SEED ^ (end - start);
  for (let at = start; at < wordsEnd; at += 4) {
    let word = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const restBytes = end - wordsEnd;
  if (restBytes > 0) {
    for (let index = restBytes - 1; index >= 0; index--) {
      hash ^= byte(bytes, wordsEnd + index) << (8 * index);
    }
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}
