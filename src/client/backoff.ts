import type { Random } from '../kernel/env.ts';

const FIRST_MS = 20;
const LAST_MS = 1000;

/** How long to wait before the next attempt: doubling from 20 ms to 1 s, up to a fifth less so that many do not march in step. */
export class Backoff {
  readonly #random: Random;
  #nextMs = FIRST_MS;

  constructor(random: Random) {
    this.#random = random;
  }

  nextMs(): number {
    const delayMs = this.#nextMs * (1 - 0.2 * this.#random.fraction());
    this.#nextMs = Math.min(this.#nextMs * 2, LAST_MS);
    return delayMs;
  }

  /** Something went well. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
