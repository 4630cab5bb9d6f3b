import assert from 'node:assert/strict';
import { describeDurationMs, durationMsOf, parseDurationMs } from '../../src/cli/duration.ts';

describe('durations', () => {
  const known: readonly [string, number][] = [
    ['0', 0],
    ['30', 30_000],
    ['1.5', 1_500],
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['3h', 10_800_000],
    ['2d', 172_800_000],
    ['1h30m', 5_400_000],
    ['0.5s', 500],
  ];
  for (const [text, expected] of known) {
    it(`${text} is ${expected} ms`, () => assert.equal(parseDurationMs(text, '--timeout'), expected));
  }

  for (const text of ['', 'abc', '5x', '5 s', '-5s', 's', '1h30', '1e3s', '99999999999999999d']) {
    it(`'${text}' is refused with exit status 2`, () => {
      assert.equal(durationMsOf(text), undefined);
      assert.throws(() => parseDurationMs(text, '--timeout'), { exitCode: 2 });
    });
  }

  it('is told to people in a fitting unit', () => {
    assert.equal(describeDurationMs(421), '0.42 s');
    assert.equal(describeDurationMs(12_345), '12.3 s');
    assert.equal(describeDurationMs(200_000), '3 min 20 s');
  });
});
