import assert from 'node:assert/strict';
import { formatOffsetCheckpoint, parseOffsetCheckpoint } from '../../src/log/checkpoint-file.ts';

describe('log: offset checkpoint', () => {
  it('has the bytes that Kafka writes', () => {
    assert.equal(formatOffsetCheckpoint(new Map([['t-0', 120]])), '0\n1\nt 0 120\n');
    assert.equal(formatOffsetCheckpoint(new Map()), '0\n0\n');
  });

  it('reads what it writes, also for topics with dashes', () => {
    const offsets = new Map([
      ['a-b-12', 7],
      ['t-0', 9_007_199_254_740_991],
    ]);
    assert.deepEqual(parseOffsetCheckpoint(formatOffsetCheckpoint(offsets)), offsets);
  });

  for (const [what, text] of [
    ['another version', '1\n0\n'],
    ['a wrong count', '0\n2\nt 0 120\n'],
    ['a cut line', '0\n1\nt 0 1'],
    ['a line that is none', '0\n1\nt 0\n'],
    ['a negative offset', '0\n1\nt 0 -1\n'],
    ['nothing', ''],
    ['zeros', '\0\0\0\0'],
  ] as const) {
    it(`does not read ${what}`, () => assert.equal(parseOffsetCheckpoint(text), undefined));
  }
});
