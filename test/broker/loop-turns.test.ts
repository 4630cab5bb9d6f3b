import assert from 'node:assert/strict';
import { LoopTurns } from '../../src/broker/loop-turns.ts';
import type { Clock } from '../../src/kernel/env.ts';

function clockAt(now: () => number): { clock: Clock; sleeps: number[] } {
  const sleeps: number[] = [];
  const clock = {
    monotonicMs: now,
    sleep: (delayMs: number) => {
      sleeps.push(delayMs);
      return Promise.resolve();
    },
  };
  return { clock: clock as unknown as Clock, sleeps };
}

describe('broker: turns of the loop', () => {
  it('a request of many items, however fast, lets others go on', async () => {
    const { clock, sleeps } = clockAt(() => 0);
    const turns = new LoopTurns(clock);
    for (let item = 0; item < 10_000; item += 1) if (turns.isDue()) await turns.next();
    assert.deepEqual(sleeps, [0, 0, 0, 0, 0]);
  });

  it('one of slow items does so by the clock', async () => {
    let nowMs = 0;
    const { clock, sleeps } = clockAt(() => nowMs);
    const turns = new LoopTurns(clock);
    for (let item = 0; item < 320; item += 1) {
      nowMs += 1;
      if (turns.isDue()) await turns.next();
    }
    assert.equal(sleeps.length, 10);
  });

  it('a short one is never interrupted', () => {
    let nowMs = 0;
    const turns = new LoopTurns(clockAt(() => nowMs).clock);
    for (let item = 0; item < 31; item += 1) {
      nowMs += 1000;
      assert.equal(turns.isDue(), false);
    }
  });
});
