import assert from 'node:assert/strict';
import { SipHash } from '../../src/kernel/sip-hash.ts';

const KEY = Buffer.from(Array.from({ length: 16 }, (_, index) => index));

function hexOf(key: Buffer, bytes: Buffer): string {
  const hash = new SipHash(key);
  const padded = Buffer.concat([Buffer.from([9]), bytes, Buffer.from([9])]);
  hash.hash(padded, 1, 1 + bytes.length);
  const out = Buffer.alloc(16);
  for (const [at, word] of hash.words.entries()) out.writeInt32LE(word, at * 4);
  return out.toString('hex');
}

describe('kernel: SipHash', () => {
  it('answers as the reference code does', () => {
    const input = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index));
    assert.equal(hexOf(KEY, input(0)), 'a3817f04ba25a8e66df67214c7550293');
    assert.equal(hexOf(KEY, input(1)), 'da87c1d86b99af44347659119b22fc45');
    assert.equal(hexOf(KEY, input(2)), '8177228da4a45dc7fca38bdef60affe4');
  });

  it('answers alike by another way to reckon, for all lengths', () => {
    for (let length = 0; length < 80; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 151 + length) & 0xff));
      const key = Buffer.from(Array.from({ length: 16 }, (_, index) => (index * 89 + length * 7) & 0xff));
      assert.equal(hexOf(key, bytes), byBigInts(key, bytes), `${length} bytes`);
    }
  });

  it('gives different keys different hashes', () => {
    const seen = new Set<string>();
    for (let index = 0; index < 10_000; index++) seen.add(hexOf(KEY, Buffer.from(`key-${index}`)));
    assert.equal(seen.size, 10_000);
    assert.notEqual(hexOf(KEY, Buffer.from('a')), hexOf(Buffer.alloc(16), Buffer.from('a')));
  });
});

const MASK = (1n << 64n) - 1n;

/** The definition, in 64-bit numbers. */
function byBigInts(key: Buffer, bytes: Buffer): string {
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn ^ 0xeen;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const rotated = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & MASK;
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) & MASK;
      v1 = rotated(v1, 13n) ^ v0;
      v0 = rotated(v0, 32n);
      v2 = (v2 + v3) & MASK;
      v3 = rotated(v3, 16n) ^ v2;
      v0 = (v0 + v3) & MASK;
      v3 = rotated(v3, 21n) ^ v0;
      v2 = (v2 + v1) & MASK;
      v1 = rotated(v1, 17n) ^ v2;
      v2 = rotated(v2, 32n);
    }
  };
  const padded = Buffer.alloc((Math.floor(bytes.length / 8) + 1) * 8);
  bytes.copy(padded);
  padded[padded.length - 1] = bytes.length;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  const out = Buffer.alloc(16);
  v2 ^= 0xeen;
  rounds(4);
  out.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3, 0);
  v1 ^= 0xddn;
  rounds(4);
  out.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3, 8);
  return out.toString('hex');
}
