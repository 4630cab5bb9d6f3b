import assert from 'node:assert/strict';
import { formatLeaderEpochFile, parseLeaderEpochFile } from '../../src/log/leader-epoch-file.ts';

describe('log: leader epoch file', () => {
  const entries = [
    { epoch: 0, startOffset: 0 },
    { epoch: 3, startOffset: 120 },
  ];

  it('has the bytes that Kafka writes', () => {
    assert.equal(formatLeaderEpochFile(entries), '0\n2\n0 0\n3 120\n');
  });

  it('reads what it writes', () => assert.deepEqual(parseLeaderEpochFile(formatLeaderEpochFile(entries)), entries));

  for (const [what, text] of [
    ['epochs that do not increase', '0\n2\n3 0\n3 120\n'],
    ['offsets that do not increase', '0\n2\n0 5\n3 5\n'],
    ['a wrong count', '0\n1\n0 0\n3 120\n'],
    ['zeros', '\0\0\0\0\0\0\0\0'],
  ] as const) {
    it(`does not read ${what}`, () => assert.equal(parseLeaderEpochFile(text), undefined));
  }
});
