import assert from 'node:assert/strict';
import fc from 'fast-check';
import { highWatermark } from '../../src/log/high-watermark.ts';

describe('log: high watermark', () => {
  it('is the smallest end of the in-sync replicas', () => {
    const ends = [
      { replica: 1, endOffset: 30 },
      { replica: 2, endOffset: 20 },
    ];
    assert.equal(highWatermark(10, ends), 20);
  });

  it('never goes back, and stays where it is with no replica in sync', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat()), (current, ends) => {
        const next = highWatermark(
          current,
          ends.map((endOffset, replica) => ({ replica, endOffset })),
        );
        assert.ok(next >= current);
        if (ends.length === 0) assert.equal(next, current);
        assert.ok(next === current || next === Math.min(...ends));
      }),
    );
  });
});
