import assert from 'node:assert/strict';
import { checkChain, checkCrcs } from '../../src/log/read-check.ts';
import { batchOf } from './batches.ts';

const EPOCHS = [
  { epoch: 2, startOffset: 0 },
  { epoch: 5, startOffset: 20 },
];
const FACTS = { expectedOffset: 10, epochs: EPOCHS, logStartOffset: 0, gaps: false };

describe('log: what a read makes sure of', () => {
  for (const [what, options, facts, expected] of [
    ['begins where the one before ends', { baseOffset: 10, leaderEpoch: 2 }, {}, true],
    ['begins behind that', { baseOffset: 11, leaderEpoch: 2 }, {}, false],
    ['begins before that', { baseOffset: 9, leaderEpoch: 2 }, {}, false],
    ['begins behind that, in a log with gaps', { baseOffset: 11, leaderEpoch: 2 }, { gaps: true }, true],
    ['begins before that, in a log with gaps', { baseOffset: 9, leaderEpoch: 2 }, { gaps: true }, false],
    ['is of an offset that no number holds', { baseOffset: 2 ** 62, leaderEpoch: 2 }, {}, false],
    ['ends before it begins', { baseOffset: 10, leaderEpoch: 2, lastOffsetDelta: -1 }, {}, false],
    ['is of an older epoch', { baseOffset: 10, leaderEpoch: 1 }, {}, false],
    ['is of an epoch that began later', { baseOffset: 10, leaderEpoch: 5 }, {}, false],
    ['is of the epoch that began just there', { baseOffset: 20, leaderEpoch: 5 }, { expectedOffset: 20 }, true],
    ['is of the one before', { baseOffset: 20, leaderEpoch: 2 }, { expectedOffset: 20 }, false],
    ['is of the epoch of the log start, below that', { baseOffset: 10, leaderEpoch: 5 }, { logStartOffset: 22 }, true],
    ['is of no epoch, which the log does not know either', { baseOffset: 10 }, { epochs: [] }, true],
  ] as const) {
    it(`a batch that ${what} ${expected ? 'follows' : 'does not'}`, () => {
      const before = Buffer.alloc(33);
      const bytes = Buffer.concat([before, batchOf(['a'], options)]);
      assert.equal(checkChain(bytes, before.length, { ...FACTS, ...facts }), expected);
    });
  }

  it('the position of the first batch with a wrong checksum is told, of those that are asked about', () => {
    const batches = ['one', 'number two', 'three'].map((value, index) => batchOf([value], { baseOffset: index }));
    const [first, second] = [batches[0]?.length ?? 0, batches[1]?.length ?? 0];
    const bytes = Buffer.concat([...batches, Buffer.alloc(20)]);
    const whole = bytes.length - 20;
    assert.equal(checkCrcs(bytes, whole), whole);
    assert.equal(checkCrcs(bytes, 0), 0);
    // Each byte that the checksum covers, and the checksum itself; those before it are the chain's.
    for (let at = first + 17; at < first + second; at += 1) {
      bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
      assert.equal(checkCrcs(bytes, whole), first, `byte ${at - first}`);
      assert.equal(checkCrcs(bytes, first), first);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
    }
  });
});
