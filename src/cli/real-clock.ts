/** Clock and Random over Node's. */
import type { Clock, Random, Timer } from '../kernel/env.ts';

/** Node takes longer delays for 1 ms. */
const DELAY_MS_MAX = 0x7fffffff;

export function realClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    timer: startTimer,
    sleep: (delayMs) =>
      new Promise((resolve) => {
        setTimeout(resolve, bounded(delayMs));
      }),
    soon: (action) => process.nextTick(action),
  };
}

export function realRandom(): Random {
  // Loaded at first use.
  const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');
  return {
    fraction: () => Math.random(),
    bytes: (count) => crypto().randomBytes(count),
    uuid: () => crypto().randomUUID(),
  };
}

function startTimer(delayMs: number, action: () => void, isBackground = false): Timer {
  const timeout = setTimeout(action, bounded(delayMs));
  if (isBackground) timeout.unref();
  return { cancel: () => clearTimeout(timeout) };
}

/** setTimeout may fire up to 1 ms early when measured by `performance.now`; a rounded-up delay may not. */
function bounded(delayMs: number): number {
  return Math.min(Math.max(Math.ceil(delayMs), 0), DELAY_MS_MAX);
}
