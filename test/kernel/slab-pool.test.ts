import assert from 'node:assert/strict';
import { AssertionError } from '../../src/kernel/assert.ts';
import { BLOCK_BYTES_MAX, SlabPool } from '../../src/kernel/slab-pool.ts';

describe('SlabPool', () => {
  for (const byteCount of [0, 1, 1023, 1024, 1025, 65_536, 65_537, BLOCK_BYTES_MAX, BLOCK_BYTES_MAX + 1]) {
    it(`gives exactly ${byteCount} bytes`, () => {
      const slab = new SlabPool().take(byteCount);
      assert.equal(slab.bytes.length, byteCount);
      slab.release();
    });
  }

  it('gives the memory of a released slab to the next one of that size', () => {
    const pool = new SlabPool();
    const first = pool.take(5000);
    const memory = first.bytes.buffer;
    first.release();
    assert.equal(pool.take(8000).bytes.buffer, memory);
    assert.notEqual(pool.take(8000).bytes.buffer, memory);
  });

  it('refuses to take a slab back twice', () => {
    const slab = new SlabPool().take(10);
    slab.release();
    assert.throws(() => slab.release(), AssertionError);
  });

  it('keeps no more free memory than its bound, and none of the largest', () => {
    const pool = new SlabPool({ retainedBytesMax: 10_000 });
    const slabs = [4096, 4096, 4096, BLOCK_BYTES_MAX + 1].map((byteCount) => pool.take(byteCount));
    assert.equal(pool.outstandingCount, 4);
    for (const slab of slabs) slab.release();
    assert.equal(pool.retainedBytes, 8192);
    assert.equal(pool.outstandingCount, 0);
  });

  it('gives up free memory of other sizes for what was used last', () => {
    const pool = new SlabPool({ retainedBytesMax: 10_000 });
    const small = [4096, 4096].map((byteCount) => pool.take(byteCount));
    for (const slab of small) slab.release();
    const large = pool.take(8192);
    const memory = large.bytes.buffer;
    large.release();
    assert.equal(pool.retainedBytes, 8192);
    assert.equal(pool.take(8192).bytes.buffer, memory);
  });
});
