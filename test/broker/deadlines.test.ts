import assert from 'node:assert/strict';
import { Deadlines } from '../../src/broker/deadlines.ts';
import { ManualClock } from './manual-clock.ts';

describe('deadlines', () => {
  it('run once, in order of time, never early and at most a tick late', () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const ran: [string, number][] = [];
    for (const delayMs of [250, 5, 100]) {
      deadlines.after(delayMs, () => ran.push([String(delayMs), clock.nowMs - 1000]));
    }
    clock.advance(1000);
    assert.deepEqual(
      ran.map(([name]) => name),
      ['5', '100', '250'],
    );
    for (const [name, atMs] of ran) assert.ok(atMs >= Number(name) && atMs <= Number(name) + 10, `${name} at ${atMs}`);
  });

  it('do not run when cancelled', () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    let runs = 0;
    const count = (): void => {
      runs += 1;
    };
    const first = deadlines.after(50, count);
    deadlines.after(50, count);
    first.cancel();
    first.cancel();
    clock.advance(100);
    assert.equal(runs, 1);
  });

  it('share one timer', () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    for (let index = 0; index < 1000; index += 1) deadlines.after(30_000, () => undefined).cancel();
    assert.equal(clock.pendingCount, 1);
    assert.equal(clock.timersMade, 1);
    deadlines.close();
    assert.equal(clock.pendingCount, 0);
  });

  it('may be further off than a timer can wait', () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    let runs = 0;
    deadlines.after(2 ** 31 - 1, () => {
      runs += 1;
    });
    clock.advance(2 ** 31 - 10_000);
    assert.deepEqual([runs, clock.timersMade < 10], [0, true]);
    clock.advance(20_000);
    assert.equal(runs, 1);
  });

  it('may be set from within one that runs', () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const ran: string[] = [];
    deadlines.after(10, () => {
      ran.push('outer');
      deadlines.after(0, () => ran.push('inner'));
    });
    clock.advance(100);
    assert.deepEqual(ran, ['outer', 'inner']);
    assert.equal(clock.pendingCount, 0);
  });
});
