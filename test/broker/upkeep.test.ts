import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Upkeep } from '../../src/broker/upkeep.ts';
import type { SweepOrder } from '../../src/log/retention.ts';
import { ManualClock } from './manual-clock.ts';

describe('broker: upkeep', () => {
  const scene = () => {
    const clock = new ManualClock();
    const orders: SweepOrder[] = [];
    const held: (() => void)[] = [];
    const settings = { intervalMs: 300_000, number: () => settings.intervalMs };
    const logs = {
      sweep: (order: SweepOrder = {}) => {
        orders.push(order);
        return new Promise<number>((resolve) => held.push(() => resolve(0)));
      },
    };
    const upkeep = new Upkeep(clock, logs, settings);
    const finish = async () => {
      held.shift()?.();
      await turn();
    };
    return { clock, orders, settings, upkeep, finish };
  };

  it('sweeps half a minute after the start, then by the interval, one sweep at a time', async () => {
    const { clock, orders, settings, finish } = scene();
    clock.advance(29_999);
    assert.equal(orders.length, 0);
    clock.advance(1);
    assert.equal(orders.length, 1);
    clock.advance(1_000_000);
    assert.equal(orders.length, 1, 'the first has not ended');
    settings.intervalMs = 1000;
    await finish();
    clock.advance(999);
    assert.equal(orders.length, 1);
    clock.advance(1);
    assert.equal(orders.length, 2);
  });

  it('stops a sweep that is under way, waits for it, and begins none afterwards', async () => {
    const { clock, orders, upkeep, finish } = scene();
    clock.advance(30_000);
    let isStopped = false;
    const stopping = upkeep.stop().then(() => {
      isStopped = true;
    });
    await turn();
    assert.deepEqual([isStopped, orders[0]?.isStopped?.()], [false, true]);
    await finish();
    await stopping;
    clock.advance(1_000_000);
    assert.equal(orders.length, 1);
  });
});
