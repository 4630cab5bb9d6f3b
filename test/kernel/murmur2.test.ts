import assert from 'node:assert/strict';
import { murmur2, murmur2Partition } from '../../src/kernel/murmur2.ts';

/** Printed by Kafka's Utils.murmur2, and Utils.toPositive of it modulo 7. */
const FROM_KAFKA = [
  ['', 275646681, 2],
  ['a', -1563381124, 5],
  ['ab', 316155434, 0],
  ['abc', 479470107, 4],
  ['21', -973932308, 3],
  ['foobar', -790332482, 0],
  ['a-little-bit-long-string', -985981536, 1],
  ['a-little-bit-longer-string', -1486304829, 0],
  ['käse', -1070276755, 0],
] as const;

describe('murmur2', () => {
  for (const [key, hash, partitionOfSeven] of FROM_KAFKA) {
    it(`gives Kafka's hash and partition for '${key}'`, () => {
      const bytes = Buffer.from(`..${key}...`);
      assert.equal(murmur2(bytes, 2, bytes.length - 3), hash);
      assert.equal(murmur2Partition(bytes, 2, bytes.length - 3, 7), partitionOfSeven);
    });
  }
});
