import assert from 'node:assert/strict';
import {
  assignEpoch,
  cutEpochsFromEnd,
  cutEpochsFromStart,
  endOffsetForEpoch,
  epochAt,
} from '../../src/log/leader-epochs.ts';

const ENTRIES = [
  { epoch: 1, startOffset: 0 },
  { epoch: 3, startOffset: 10 },
  { epoch: 6, startOffset: 25 },
];

describe('log: leader epochs', () => {
  it('an epoch that is the last already changes nothing', () => {
    assert.equal(assignEpoch(ENTRIES, 6, 30), ENTRIES);
  });

  it('a higher epoch is added', () => {
    assert.deepEqual(assignEpoch(ENTRIES, 7, 30), [...ENTRIES, { epoch: 7, startOffset: 30 }]);
  });

  it('takes the place of an epoch that wrote nothing, and of those that contradict it', () => {
    assert.deepEqual(assignEpoch(ENTRIES, 8, 25), [...ENTRIES.slice(0, 2), { epoch: 8, startOffset: 25 }]);
    assert.deepEqual(assignEpoch(ENTRIES, 4, 12), [...ENTRIES.slice(0, 2), { epoch: 4, startOffset: 12 }]);
  });

  it('is known of every offset from the first epoch on', () => {
    assert.deepEqual(
      [9, 10, 24, 25, 99].map((offset) => epochAt(ENTRIES.slice(1), offset)),
      [-1, 3, 3, 6, 6],
    );
  });

  it('is cut from the start: the epoch of the new start begins there', () => {
    assert.equal(cutEpochsFromStart(ENTRIES, 0), ENTRIES);
    assert.deepEqual(cutEpochsFromStart(ENTRIES, 5), [{ epoch: 1, startOffset: 5 }, ...ENTRIES.slice(1)]);
    assert.deepEqual(cutEpochsFromStart(ENTRIES, 10), ENTRIES.slice(1));
    assert.deepEqual(cutEpochsFromStart(ENTRIES, 99), [{ epoch: 6, startOffset: 99 }]);
    assert.equal(cutEpochsFromStart(ENTRIES.slice(1), 3).length, 2);
    assert.deepEqual(cutEpochsFromStart([], 3), []);
  });

  it('is cut from the end', () => {
    assert.deepEqual(cutEpochsFromEnd(ENTRIES, 25), ENTRIES.slice(0, 2));
    assert.equal(cutEpochsFromEnd(ENTRIES, 26), ENTRIES);
  });

  for (const [epoch, leaderEpoch, endOffset] of [
    [6, 6, 40],
    [5, 3, 25],
    [3, 3, 25],
    [1, 1, 10],
    [0, 0, 0],
    [7, -1, -1],
    [-1, -1, -1],
  ] as const) {
    it(`epoch ${epoch} ends where epoch ${leaderEpoch} does, at ${endOffset}`, () => {
      assert.deepEqual(endOffsetForEpoch(ENTRIES, epoch, 40), { leaderEpoch, endOffset });
    });
  }

  it('an empty log knows no epoch', () => {
    assert.deepEqual(endOffsetForEpoch([], 0, 0), { leaderEpoch: -1, endOffset: -1 });
  });
});
