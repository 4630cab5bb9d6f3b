/**
 * Deadlines of requests that wait, all on one timer. Deadlines are rounded up to a tick, so that thousands of waits end
 * up in a few buckets; nothing ends early, and at most one tick late.
 */

import type { Clock, Timer } from '../kernel/env.ts';

const TICK_MS = 10;
/** A timer cannot wait much longer than this; what is further off is looked at again then. */
const TIMER_MS_MAX = 1_000_000_000;

export interface Deadline {
  cancel(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #buckets = new Map<number, Set<() => void>>();
  #timer: Timer | undefined;
  /** The tick that the timer is set for; infinite without a timer. */
  #nextTick = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `action` once when `delayMs` have passed, unless it is cancelled before. */
  after(delayMs: number, action: () => void): Deadline {
    const tick = Math.ceil((this.#clock.monotonicMs() + delayMs) / TICK_MS);
    const bucket = this.#buckets.get(tick) ?? new Set();
    this.#buckets.set(tick, bucket);
    // A closure of its own, so that the same action may wait twice in one bucket.
    const entry = (): void => action();
    bucket.add(entry);
    this.#arm(tick);
    return {
      cancel: () => {
        if (bucket.delete(entry) && bucket.size === 0 && this.#buckets.get(tick) === bucket) this.#buckets.delete(tick);
      },
    };
  }

  /** Forgets all deadlines without running them. */
  close(): void {
    this.#buckets.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#nextTick = Number.POSITIVE_INFINITY;
  }

  #arm(tick: number): void {
    if (tick >= this.#nextTick) return;
    this.#timer?.cancel();
    this.#nextTick = tick;
    const delayMs = Math.min(TIMER_MS_MAX, Math.max(0, tick * TICK_MS - this.#clock.monotonicMs()));
    this.#timer = this.#clock.timer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    this.#nextTick = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    let earliest = Number.POSITIVE_INFINITY;
    for (const [tick, bucket] of this.#buckets) {
      if (tick * TICK_MS <= nowMs) {
        this.#buckets.delete(tick);
        for (const entry of bucket) entry();
      } else {
        earliest = Math.min(earliest, tick);
      }
    }
    if (earliest !== Number.POSITIVE_INFINITY) this.#arm(earliest);
  }
}
