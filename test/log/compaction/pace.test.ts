import assert from 'node:assert/strict';
import type { Env } from '../../../src/kernel/env.ts';
import { CompactionStopped, Pace } from '../../../src/log/compaction/pace.ts';

/** A clock that moves by what is slept and by hand. */
function scene(bytesPerSecond: number) {
  const seen = { nowMs: 0, turns: 0, isStopped: false };
  const clock = {
    monotonicMs: () => seen.nowMs,
    soon: (action: () => void) => {
      seen.turns += 1;
      setImmediate(action);
    },
    sleep: async (ms: number) => {
      seen.nowMs += ms;
    },
  };
  const pace = new Pace({ clock } as unknown as Env, { bytesPerSecond, isStopped: () => seen.isStopped });
  return { seen, pace };
}

describe('log: the pace of a compaction', () => {
  it('gives others a turn after some milliseconds, or a megabyte', async () => {
    const { seen, pace } = scene(Number.POSITIVE_INFINITY);
    assert.equal(pace.spent(1000), undefined);
    seen.nowMs += 7;
    assert.equal(pace.spent(0), undefined);
    seen.nowMs += 1;
    await pace.spent(0);
    assert.equal(seen.turns, 1);
    assert.equal(pace.spent(1 << 19), undefined);
    await pace.spent(1 << 19);
    assert.deepEqual([seen.turns, seen.nowMs], [2, 8]);
  });

  it('keeps to the bytes of each second', async () => {
    const { seen, pace } = scene(1 << 20);
    for (let count = 0; count < 10; count++) await pace.spent(1 << 20);
    assert.ok(seen.nowMs >= 10_000 && seen.nowMs < 10_100, `${seen.nowMs} ms`);
  });

  it('ends at the next turn once it is told to, also while it waits', async () => {
    const { seen, pace } = scene(1000);
    pace.check();
    const waiting = pace.spent(1 << 20);
    seen.isStopped = true;
    await assert.rejects(async () => waiting, CompactionStopped);
    assert.throws(() => pace.check(), CompactionStopped);
  });
});
