/** A clock that a test moves by hand. */
import type { Clock } from '../../src/kernel/env.ts';

interface Pending {
  readonly atMs: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  nowMs = 1000;
  timersMade = 0;
  readonly #pending = new Set<Pending>();

  get pendingCount(): number {
    return this.#pending.size;
  }

  wallMs(): number {
    return Math.floor(this.nowMs);
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  timer(delayMs: number, action: () => void): { cancel(): void } {
    this.timersMade += 1;
    const pending = { atMs: this.nowMs + delayMs, action };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.timer(delayMs, resolve));
  }

  soon(action: () => void): void {
    setImmediate(action);
  }

  /** Runs all timers that are due by then, in order. */
  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    for (;;) {
      const due = [...this.#pending].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#pending.delete(due);
      this.nowMs = Math.max(this.nowMs, due.atMs);
      due.action();
    }
    this.nowMs = untilMs;
  }
}
