/**
 * Answers of all connections that their readers have not taken, and the making of long ones (B-7). A few bytes ask for the
 * metadata of a hundred thousand partitions: so whoever asks for a long answer waits while too much lies unread, and in each turn
 * of the event loop only some milliseconds go into such answers, whoever they are for. Records are bounded by FetchMemory.
 */
import type { Clock } from '../kernel/env.ts';

const UNSENT_BYTES_MAX = 256 << 20;
/** Within one turn of the loop no further answer is begun after so long. */
const TURN_MS_MAX = 10;

export class UnsentAnswers {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly #bytesMax: number;
  /** In order of arrival; as many as connections at the most, as each waits for one thing. */
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;
  /** When the first answer of this turn of the loop was begun; undefined before it is. */
  #turnBeganMs: number | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'sleep'>, bytesMax = UNSENT_BYTES_MAX) {
    this.#clock = clock;
    this.#bytesMax = bytesMax;
  }

  /** More than the bound: those that read nothing are to go. */
  get isTooMuch(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** How many bytes are above the bound. */
  get excessBytes(): number {
    return Math.max(0, this.#bytes - this.#bytesMax);
  }

  /** Answers became ready, or with a negative number were sent or lost. */
  add(byteCount: number): void {
    this.#bytes += byteCount;
    if (byteCount < 0) this.#wakeOne();
  }

  /** Runs `action`, which makes a long answer, once there is room and time; at once where nobody is in the way. */
  async whenRoom<T>(action: () => Promise<T>): Promise<T> {
    if (!this.#mayBegin || this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#begin();
    try {
      return await action();
    } finally {
      this.#wakeOne();
    }
  }

  get #mayBegin(): boolean {
    if (this.isTooMuch) return false;
    return this.#turnBeganMs === undefined || this.#clock.monotonicMs() - this.#turnBeganMs < TURN_MS_MAX;
  }

  #begin(): void {
    if (this.#turnBeganMs !== undefined) return;
    this.#turnBeganMs = this.#clock.monotonicMs();
    const next = (): void => {
      this.#turnBeganMs = undefined;
      this.#wakeOne();
    };
    this.#clock.sleep(0).then(next, next);
  }

  #wakeOne(): void {
    if (this.#mayBegin) this.#waiting.shift()?.();
  }
}
