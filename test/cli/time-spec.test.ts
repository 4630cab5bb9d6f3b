import assert from 'node:assert/strict';
import { parseTimeMs } from '../../src/cli/time-spec.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12, 0, 0);

describe('times', () => {
  const known: readonly [string, number][] = [
    ['now', NOW_MS],
    ['15m', NOW_MS - 900_000],
    ['-15m', NOW_MS - 900_000],
    ['1h30m', NOW_MS - 5_400_000],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['2026-01-31T18:00:00Z', Date.UTC(2026, 0, 31, 18)],
    ['2026-01-31 18:00:00z', Date.UTC(2026, 0, 31, 18)],
    ['2026-01-31T18:00:00.1234+02:30', Date.UTC(2026, 0, 31, 15, 30, 0, 123)],
    ['2026-01-31T18:00:00-01:00', Date.UTC(2026, 0, 31, 19)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['1700000000', 1_700_000_000_000],
    ['1700000000123', 1_700_000_000_123],
    ['0', 0],
  ];
  for (const [text, expected] of known) {
    it(`${text} is ${new Date(expected).toISOString()}`, () => {
      assert.equal(parseTimeMs(text, NOW_MS, '--offset'), BigInt(expected));
    });
  }

  const refused = [
    '',
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '2026-01-31T25:00:00Z',
    '2026-01-31T18:00:00',
    '1e9',
    '-1',
    '-1700000000',
    '1.5',
  ];
  for (const text of refused) {
    it(`'${text}' is refused with exit status 2, never guessed`, () => {
      assert.throws(() => parseTimeMs(text, NOW_MS, '--offset'), { exitCode: 2 });
    });
  }
});
