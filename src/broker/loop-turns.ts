import type { Clock } from '../kernel/env.ts';

/** Each costs some microseconds, more when it fails. */
const ITEMS_PER_TURN = 2000;
/** So long a loop may keep all others waiting. */
const TURN_MS_MAX = 10;
/** A look at the clock costs as much as a short item. */
const ITEMS_PER_LOOK = 32;

/**
 * The event loop's turns during one long loop, such as over all that a request lists: `if (turns.isDue()) await turns.next()` for each
 * item, so that a request of a hundred thousand partitions does not keep all others from being read.
 */
export class LoopTurns {
  readonly #clock: Clock;
  #itemCount = 0;
  #beganMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.monotonicMs();
  }

  /** Whether this loop has had its time. A short one never has. */
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
