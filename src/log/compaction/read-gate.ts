/**
 * Lets reads of a log go side by side, and the swap of its files alone: a read sees the files as they were before or as they are
 * after. Reads wait for a swap, a swap for the reads that are under way.
 */
import { type Deferred, deferred } from '../../kernel/deferred.ts';

export class ReadGate {
  #readCount = 0;
  /** Set while a swap waits or works. */
  #swap: Deferred<void> | undefined;
  #onIdle: (() => void) | undefined;
  #closedBy: Error | undefined;

  /** @throws (rejects) with what `shut` was given */
  async read<T>(work: () => Promise<T>): Promise<T> {
    while (this.#swap !== undefined) await this.#swap.promise;
    if (this.#closedBy !== undefined) throw this.#closedBy;
    this.#readCount += 1;
    try {
      return await work();
    } finally {
      this.#readCount -= 1;
      if (this.#readCount === 0) this.#onIdle?.();
    }
  }

  /** One at a time: its caller's duty. */
  async swap<T>(work: () => Promise<T>): Promise<T> {
    const done = deferred<void>();
    this.#swap = done;
    try {
      if (this.#readCount > 0) {
        await new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
        this.#onIdle = undefined;
      }
      return await work();
    } finally {
      this.#swap = undefined;
      done.resolve();
    }
  }

  /** No read succeeds any more: nobody knows which files have which names. */
  shut(cause: Error): void {
    this.#closedBy ??= cause;
  }
}
