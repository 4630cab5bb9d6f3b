import assert from 'node:assert/strict';
import { offsetsPartitionOf } from '../../../src/protocol/group/offsets-partition.ts';

describe('offsets partition', () => {
  for (const [groupId, partition] of [
    ['g', 3],
    ['my-group', 12],
    // Its hash is the one that has no positive counterpart.
    ['polygenelubricants', 0],
    ['', 0],
  ] as const) {
    it(`of '${groupId}' is ${partition} of 50, as in Kafka`, () => {
      assert.equal(offsetsPartitionOf(groupId, 50), partition);
    });
  }

  it('counts UTF-16 units', () => {
    // A pair of surrogates: 0xd83d * 31 + 0xde00.
    assert.equal(offsetsPartitionOf('\u{1f600}', 1_000_000_007), 0xd83d * 31 + 0xde00);
  });
});
