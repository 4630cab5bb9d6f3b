/** `Clock` and `Random` of one simulated process. */
import type { Clock, Random, Timer } from '../../src/kernel/env.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';

/** Node's timers fire a little late, and never in less than this. */
const TIMER_MS_MIN = 1;
/** A turn of the event loop; not nothing, so that a loop of turns moves the clock. */
const TURN_MS = 0.002;

export function simClock(process: SimProcess, wallMs: () => number, chance: Prng): Clock {
  const { world } = process;
  const timer = (delayMs: number, action: () => void): Timer => {
    let isCancelled = false;
    const fire = (): void => {
      if (!isCancelled) action();
    };
    const lateMs = Math.max(TIMER_MS_MIN, delayMs) + chance.fraction();
    const event = world.after(lateMs, () => process.deliver('timer', fire));
    return {
      cancel: () => {
        isCancelled = true;
        event.cancel();
      },
    };
  };
  return {
    wallMs: () => Math.floor(wallMs()),
    monotonicMs: () => world.nowMs,
    timer,
    sleep: (delayMs) => new Promise((resolve) => void timer(delayMs, resolve)),
    soon: (action) => void world.after(TURN_MS, () => process.deliver('timer', action)),
  };
}

export function simRandom(chance: Prng): Random {
  return {
    fraction: () => chance.fraction(),
    bytes: (count) => chance.bytes(count),
    uuid: () => {
      const bytes = chance.bytes(16);
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    },
  };
}
