import assert from 'node:assert/strict';
import { parseOffsetRange, parseOffsetSpec } from '../../src/cli/offset-spec.ts';
import type { OffsetSpec } from '../../src/client/consumer.ts';

const NOW_MS = 1_700_000_000_000;

describe('offsets', () => {
  const known: readonly [string, OffsetSpec][] = [
    ['earliest', { kind: 'earliest' }],
    ['beginning', { kind: 'earliest' }],
    ['latest', { kind: 'latest' }],
    ['end', { kind: 'latest' }],
    ['0', { kind: 'offset', offset: 0 }],
    ['42', { kind: 'offset', offset: 42 }],
    ['-5', { kind: 'tail', count: 5 }],
    ['+5', { kind: 'skip', count: 5 }],
    ['@1h', { kind: 'time', timestampMs: 1_699_996_400_000n }],
    ['@1600000000', { kind: 'time', timestampMs: 1_600_000_000_000n }],
  ];
  for (const [text, expected] of known) {
    it(`${text} is ${expected.kind}`, () => assert.deepEqual(parseOffsetSpec(text, NOW_MS, '--offset'), expected));
  }

  for (const text of ['', 'first', '1.5', '-', '--5', '99999999999999999', '@', '@soon', '+', '1..2']) {
    it(`'${text}' is refused with exit status 2`, () => {
      assert.throws(() => parseOffsetSpec(text, NOW_MS, '--offset'), { exitCode: 2 });
    });
  }

  const ranges: readonly [string, OffsetSpec, OffsetSpec | undefined][] = [
    ['7', { kind: 'offset', offset: 7 }, undefined],
    ['7..9', { kind: 'offset', offset: 7 }, { kind: 'offset', offset: 9 }],
    ['..9', { kind: 'earliest' }, { kind: 'offset', offset: 9 }],
    ['-3..', { kind: 'tail', count: 3 }, undefined],
    ['+1..latest', { kind: 'skip', count: 1 }, { kind: 'latest' }],
    [
      '@1600000000..@1h',
      { kind: 'time', timestampMs: 1_600_000_000_000n },
      { kind: 'time', timestampMs: 1_699_996_400_000n },
    ],
  ];
  for (const [text, start, until] of ranges) {
    it(`the range ${text}`, () => assert.deepEqual(parseOffsetRange(text, NOW_MS, '--offset'), { start, until }));
  }

  for (const text of ['..', '1..2..3', '1..x', 'x..2', '1...2']) {
    it(`the range '${text}' is refused with exit status 2`, () => {
      assert.throws(() => parseOffsetRange(text, NOW_MS, '--offset'), { exitCode: 2 });
    });
  }
});
