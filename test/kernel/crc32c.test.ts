import assert from 'node:assert/strict';
import fc from 'fast-check';
import { crc32c, crc32cFrom, crc32cInJavaScript } from '../../src/kernel/crc32c.ts';

describe('crc32c', () => {
  it('gives the check value of the standard', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(Buffer.alloc(0)), 0);
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  });

  it('looks at the bytes from start to end only', () => {
    assert.equal(crc32c(Buffer.from('xx123456789yyy'), 2, 11), 0xe3069283);
  });

  it('goes on from the checksum of what came before, at any split', () => {
    const bytes = Buffer.alloc(3000, 'The quick brown fox');
    for (const split of [0, 1, 21, 511, 512, 1500, 2999, 3000]) {
      const first = crc32c(bytes, 0, split);
      assert.equal(crc32cFrom(first, bytes, split, bytes.length), crc32c(bytes));
    }
  });

  it('gives the same with and without the native package, at every size and alignment', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5_000 }), fc.nat({ max: 9 }), fc.nat(), (byteCount, start, seed) => {
        const bytes = Buffer.alloc(start + byteCount + 3);
        for (let at = 0; at < bytes.length; at++) {
          bytes[at] = Math.imul(at + seed, 0x9e3779b1) >>> 24;
        }
        assert.equal(crc32c(bytes, start, start + byteCount), crc32cInJavaScript(bytes, start, start + byteCount));
      }),
      { numRuns: 200 },
    );
  });
});
