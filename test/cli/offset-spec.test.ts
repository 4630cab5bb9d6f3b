import assert from 'node:assert/strict';
import { parseOffsetSpec } from '../../src/cli/offset-spec.ts';
import type { StartOffset } from '../../src/client/consumer.ts';

const NOW_MS = 1_700_000_000_000;

describe('offsets', () => {
  const known: readonly [string, StartOffset][] = [
    ['earliest', { kind: 'earliest' }],
    ['beginning', { kind: 'earliest' }],
    ['latest', { kind: 'latest' }],
    ['end', { kind: 'latest' }],
    ['0', { kind: 'offset', offset: 0 }],
    ['42', { kind: 'offset', offset: 42 }],
    ['-5', { kind: 'tail', count: 5 }],
    ['@1h', { kind: 'time', timestampMs: 1_699_996_400_000n }],
    ['@1600000000', { kind: 'time', timestampMs: 1_600_000_000_000n }],
  ];
  for (const [text, expected] of known) {
    it(`${text} is ${expected.kind}`, () => assert.deepEqual(parseOffsetSpec(text, NOW_MS, '--offset'), expected));
  }

  for (const text of ['', 'first', '1.5', '-', '--5', '99999999999999999', '@', '@soon', '+5']) {
    it(`'${text}' is refused with exit status 2`, () => {
      assert.throws(() => parseOffsetSpec(text, NOW_MS, '--offset'), { exitCode: 2 });
    });
  }
});
