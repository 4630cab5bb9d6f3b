/** Groups of appends that wait for the high watermark, in offset order. */
import { type Deferred, deferred } from '../kernel/deferred.ts';

export interface CommitWaiter {
  /** The last offset that the watermark must pass; grows while the group still takes appends. */
  readonly lastOffset: number;
  readonly committed: Deferred<void>;
}

export class CommitWaiters {
  #waiters: CommitWaiter[] = [];

  /** `waiter` lies above all earlier ones. */
  add(waiter: CommitWaiter): void {
    this.#waiters.push(waiter);
  }

  /** The promise that covers `offset`; resolved already when nobody waits for one as high. */
  covering(offset: number): Promise<void> {
    const waiter = this.#waiters.find((each) => each.lastOffset >= offset);
    return waiter === undefined ? Promise.resolve() : waiter.committed.promise;
  }

  /** Resolves those that lie wholly below `highWatermark`. */
  passed(highWatermark: number): void {
    let count = 0;
    for (const waiter of this.#waiters) {
      if (waiter.lastOffset >= highWatermark) break;
      waiter.committed.resolve();
      count += 1;
    }
    if (count > 0) this.#waiters = this.#waiters.slice(count);
  }

  /** Rejects those that reach `fromOffset` or beyond. */
  fail(fromOffset: number, error: Error): void {
    const kept = this.#waiters.filter((waiter) => waiter.lastOffset < fromOffset);
    const failed = this.#waiters.slice(kept.length);
    this.#waiters = kept;
    for (const waiter of failed) waiter.committed.reject(error);
  }
}

/** A deferred whose rejection nobody needs to hear: a producer with acks=0 or 1 does not wait. */
export function ownedDeferred(): Deferred<void> {
  const made = deferred<void>();
  made.promise.catch(() => undefined);
  return made;
}
