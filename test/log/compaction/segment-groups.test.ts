import assert from 'node:assert/strict';
import { groupSegments } from '../../../src/log/compaction/segment-groups.ts';

function segments(...sizes: readonly (readonly [bytes: number, indexBytes?: number, offsets?: number])[]) {
  let baseOffset = 0;
  return sizes.map(([bytes, indexBytes = 0, offsets = 10]) => {
    const segment = { baseOffset, endOffset: baseOffset + offsets, bytes, indexBytes, timeIndexBytes: indexBytes };
    baseOffset += offsets;
    return segment;
  });
}

function sizesOf(groups: readonly (readonly { readonly bytes: number }[])[]): number[][] {
  return groups.map((group) => group.map(({ bytes }) => bytes));
}

describe('log: segments that become one', () => {
  it('are those that fit into segment.bytes together, in order', () => {
    assert.deepEqual(sizesOf(groupSegments(segments([40], [50], [20], [90], [10], [100], [130], [1]), 100, 1000)), [
      [40, 50],
      [20],
      [90, 10],
      [100],
      [130],
      [1],
    ]);
    assert.deepEqual(groupSegments([], 100, 100), []);
  });

  it('have indexes that fit into segment.index.bytes together', () => {
    assert.deepEqual(sizesOf(groupSegments(segments([1, 60], [2, 40], [3, 10]), 100, 100)), [[1, 2], [3]]);
  });

  it('have offsets that an index can say from the first one’s base', () => {
    const far = segments([1, 0, 2 ** 30], [2, 0, 2 ** 30], [3, 0, 1]);
    assert.deepEqual(sizesOf(groupSegments(far, 100, 100)), [[1, 2], [3]]);
  });
});
