/**
 * All fdatasync calls of a process go through one queue with two in flight (C-2), so that a slow disk takes two threads of the
 * pool and not all of them. A file that waits already is not queued again: the sync that has not begun covers the newer
 * bytes too, which bounds the queue by the number of open files.
 */
import { type Deferred, deferred } from '../kernel/deferred.ts';
import type { DiskFile, Env } from '../kernel/env.ts';

const IN_FLIGHT_MAX = 2;
/** A sync that takes longer than this is worth a warning. */
const SLOW_MS = 5000;

export class SyncQueue {
  readonly #env: Pick<Env, 'clock' | 'log'>;
  /** In order of arrival. */
  readonly #waiting = new Map<DiskFile, Deferred<void>>();
  #inFlightCount = 0;

  constructor(env: Pick<Env, 'clock' | 'log'>) {
    this.#env = env;
  }

  /** Files that wait for their turn. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Resolves when everything that was written to `file` before this call is on the disk; rejects as `datasync` does. */
  run(file: DiskFile): Promise<void> {
    const waiting = this.#waiting.get(file);
    if (waiting !== undefined) return waiting.promise;
    if (this.#inFlightCount < IN_FLIGHT_MAX) return this.#sync(file);
    const turn = deferred<void>();
    this.#waiting.set(file, turn);
    return turn.promise;
  }

  async #sync(file: DiskFile): Promise<void> {
    const { clock, log } = this.#env;
    this.#inFlightCount += 1;
    const slow = clock.timer(SLOW_MS, () => log.warn(`a disk sync takes longer than ${SLOW_MS / 1000} s`), true);
    try {
      await file.datasync();
    } finally {
      slow.cancel();
      this.#inFlightCount -= 1;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (const [file, turn] of this.#waiting) {
      this.#waiting.delete(file);
      this.#sync(file).then(turn.resolve, turn.reject);
      return;
    }
  }
}
