/**
 * Where fetches wait for data. A wait ends exactly once: when a log that it watches moved and its condition holds, at its
 * deadline, or when the broker or its client goes away. Nothing is polled: the log's own event wakes the wait.
 */

import type { Deadlines } from './deadlines.ts';
import type { Departure } from './departure.ts';

/** What a wait needs of a partition's log. */
export interface Watched {
  /** Calls `listener` whenever the high watermark moved or the log was closed; the answer ends that. */
  onAdvanced(listener: () => void): () => void;
}

export type WaitEnd = 'ready' | 'expired' | 'stopped';

export interface WaitOptions {
  readonly logs: readonly Watched[];
  readonly timeoutMs: number;
  /** Asked after each move of one of the logs; must be cheap and must not throw. */
  readonly isReady: () => boolean;
  /** Tells when nobody is there any more to be answered. */
  readonly departure: Departure | undefined;
}

export class Purgatory {
  readonly #deadlines: Deadlines;
  readonly #waiting = new Set<(end: WaitEnd) => void>();
  #stopped = false;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Waits; `isReady` is not asked at the start, since the caller has just looked. */
  wait({ logs, timeoutMs, isReady, departure }: WaitOptions): Promise<WaitEnd> {
    if (this.#stopped || departure?.isGone === true) return Promise.resolve('stopped');
    return new Promise((resolve) => {
      const complete = (end: WaitEnd): void => {
        if (!this.#waiting.delete(complete)) return;
        deadline.cancel();
        for (const unwatch of unwatches) unwatch();
        resolve(end);
      };
      const onAdvanced = (): void => {
        if (isReady()) complete('ready');
      };
      this.#waiting.add(complete);
      const deadline = this.#deadlines.after(timeoutMs, () => complete('expired'));
      const unwatches = logs.map((log) => log.onAdvanced(onAdvanced));
      if (departure !== undefined) unwatches.push(departure.onGone(() => complete('stopped')));
    });
  }

  /** Ends all waits, and every later one at once. */
  stop(): void {
    this.#stopped = true;
    for (const complete of [...this.#waiting]) complete('stopped');
  }
}
