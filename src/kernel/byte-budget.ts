/**
 * A number of bytes that many share, such as all frames that have arrived and are not yet answered.
 *
 * Whoever finds too little left waits in line. A taker that already holds bytes and needs more to finish (a large frame that
 * grows) could wait for others that wait for it; therefore one such holder at a time may go beyond the bound, until
 * it says that it is done. The memory in use is bounded by the budget plus one frame.
 */
import { assert } from './assert.ts';

export interface BudgetWaiter {
  /** Leaves the line; nothing happens when the bytes were granted already. */
  cancel(): void;
}

interface Waiting {
  readonly byteCount: number;
  readonly onGranted: () => void;
  readonly holder: object | undefined;
}

export class ByteBudget {
  #bytesMax: number;
  #usedBytes = 0;
  /** In order of arrival; a Set so that leaving the line is cheap. */
  readonly #line = new Set<Waiting>();
  /** The one holder that may go beyond the bound at present. */
  #beyond: object | undefined;

  constructor(bytesMax: number) {
    assert(bytesMax > 0, 'a budget holds at least one byte');
    this.#bytesMax = bytesMax;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Changes the bound; what is in use beyond a smaller one stays so until it is given back. */
  resize(bytesMax: number): void {
    if (bytesMax === this.#bytesMax) return;
    assert(bytesMax > 0, 'a budget holds at least one byte');
    this.#bytesMax = bytesMax;
    this.#grant();
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get waitingCount(): number {
    return this.#line.size;
  }

  /**
   * Takes `byteCount` bytes when they are there and nobody waits; a request larger than the whole budget is granted when
   * nothing is in use. `holder` is given by a taker that already holds bytes and needs these to finish.
   */
  take(byteCount: number, holder?: object): boolean {
    if (this.#line.size === 0 ? !this.#admits(byteCount, holder) : holder === undefined || !this.#mayExceed(holder)) {
      return false;
    }
    if (!this.#fits(byteCount)) this.#beyond = holder;
    this.#usedBytes += byteCount;
    return true;
  }

  /** Waits in line after `take` answered false; `onGranted` runs once the bytes are taken, from within somebody's `give`. */
  wait(byteCount: number, onGranted: () => void, holder?: object): BudgetWaiter {
    const waiting: Waiting = { byteCount, onGranted, holder };
    this.#line.add(waiting);
    return { cancel: () => this.#leave(waiting) };
  }

  give(byteCount: number): void {
    assert(byteCount <= this.#usedBytes, 'no more is given back than was taken');
    this.#usedBytes -= byteCount;
    this.#grant();
  }

  /** The holder needs no more bytes; what it has taken it still gives back by `give`. */
  done(holder: object): void {
    if (this.#beyond !== holder) return;
    this.#beyond = undefined;
    this.#grant();
  }

  #leave(waiting: Waiting): void {
    if (this.#line.delete(waiting)) this.#grant();
  }

  #grant(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#line.delete(next);
      if (!this.#fits(next.byteCount)) this.#beyond = next.holder;
      this.#usedBytes += next.byteCount;
      next.onGranted();
    }
  }

  /** The first in line if it fits, else the first that may go beyond the bound. */
  #next(): Waiting | undefined {
    let isFirst = true;
    for (const waiting of this.#line) {
      const { byteCount, holder } = waiting;
      if (isFirst ? this.#admits(byteCount, holder) : holder !== undefined && this.#mayExceed(holder)) return waiting;
      isFirst = false;
      if (this.#beyond !== undefined) return undefined;
    }
    return undefined;
  }

  #admits(byteCount: number, holder: object | undefined): boolean {
    return this.#fits(byteCount) || (holder !== undefined && this.#mayExceed(holder));
  }

  #fits(byteCount: number): boolean {
    return this.#usedBytes + byteCount <= this.#bytesMax || this.#usedBytes === 0;
  }

  #mayExceed(holder: object): boolean {
    return this.#beyond === undefined || this.#beyond === holder;
  }
}
