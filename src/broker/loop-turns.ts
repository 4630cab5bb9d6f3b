import type { Clock } from '../kernel/env.ts';

/** Each costs some microseconds, more when it fails. */
const ITEMS_PER_TURN = 2000;

/**
 * For a loop over what a request lists, asked with the number of each item: whether the event loop should get its turn now
 * (`clock.sleep(0)`), so that a request of a hundred thousand partitions does not keep all others from being read.
 */
export function isTurnDue(itemNumber: number): boolean {
  return itemNumber > 0 && itemNumber % ITEMS_PER_TURN === 0;
}

/** So long a request may keep all others waiting. */
const TURN_MS_MAX = 10;
/** A look at the clock costs as much as a short item. */
const ITEMS_PER_LOOK = 32;

/** One request's turns of the event loop: `if (turns.isDue()) await turns.next()` for each item, over all its lists together. */
export class LoopTurns {
  readonly #clock: Clock;
  #itemCount = 0;
  #beganMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.monotonicMs();
  }

  /** Whether this request has had its time. A short one never has. */
  isDue(): boolean {
    this.#itemCount += 1;
    if (this.#itemCount >= ITEMS_PER_TURN) return true;
    return this.#itemCount % ITEMS_PER_LOOK === 0 && this.#clock.monotonicMs() - this.#beganMs >= TURN_MS_MAX;
  }

  /** Lets the others have their turn. */
  async next(): Promise<void> {
    await this.#clock.sleep(0);
    this.#itemCount = 0;
    this.#beganMs = this.#clock.monotonicMs();
  }
}
