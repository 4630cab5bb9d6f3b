/**
 * Where fetches wait for data. A wait ends exactly once: when a log that it watches moved and its condition holds, at its
 * deadline, or when the broker or its client goes away. Nothing is polled: the log's own event wakes the wait.
 *
 * A request that waits takes some hundred bytes for each partition that it asks for, so there is a bound on how many may be
 * asked for by all that wait; who comes beyond it has to be answered at once.
 */

import type { Deadlines } from './deadlines.ts';
import type { Departure } from './departure.ts';

/** What a wait needs of a partition's log. */
export interface Watched {
  /** Calls `listener` whenever the high watermark moved or the log was closed; the answer ends that. */
  onAdvanced(listener: () => void): () => void;
}

/** `full`: there is no room to wait, and nothing was waited for. */
export type WaitEnd = 'ready' | 'expired' | 'stopped' | 'full';

/** Partitions asked for by all that wait; half a gigabyte at the most. */
const PARTITION_COUNT_MAX = 1_000_000;
/** A connection of which nothing waits may always wait for so many: an ordinary consumer is not starved by others. */
const FIRST_PARTITION_COUNT_MAX = 1000;

export interface WaitOptions {
  readonly connectionId: number;
  /** How many the request asks for, those without a log and repeated ones included. */
  readonly partitionCount: number;
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
  /** Partitions asked for by what waits, by connection. */
  readonly #countByConnection = new Map<number, number>();
  #partitionCount = 0;
  #stopped = false;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Waits; `isReady` is not asked at the start, since the caller has just looked. */
  wait(options: WaitOptions): Promise<WaitEnd> {
    const { logs, timeoutMs, isReady, departure, connectionId, partitionCount } = options;
    if (this.#stopped || departure?.isGone === true) return Promise.resolve('stopped');
    if (!this.#hasRoom(connectionId, partitionCount)) return Promise.resolve('full');
    this.#count(connectionId, partitionCount);
    return new Promise((resolve) => {
      const complete = (end: WaitEnd): void => {
        if (!this.#waiting.delete(complete)) return;
        this.#count(connectionId, -partitionCount);
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
  #hasRoom(connectionId: number, partitionCount: number): boolean {
    if (this.#partitionCount + partitionCount <= PARTITION_COUNT_MAX) return true;
    return partitionCount <= FIRST_PARTITION_COUNT_MAX && !this.#countByConnection.has(connectionId);
  }

  #count(connectionId: number, change: number): void {
    this.#partitionCount += change;
    const count = (this.#countByConnection.get(connectionId) ?? 0) + change;
    if (count === 0) this.#countByConnection.delete(connectionId);
    else this.#countByConnection.set(connectionId, count);
  }
}
