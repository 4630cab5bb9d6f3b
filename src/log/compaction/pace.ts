/**
 * How a compaction shares the process: it works in short turns, keeps to log.cleaner.io.max.bytes.per.second, and ends at the
 * next turn once it is told to.
 */
import type { Env } from '../../kernel/env.ts';

/** The loop belongs to others after so long, */
const TURN_MS = 8;
/** or so many bytes. */
const TURN_BYTES = 1024 * 1024;
/** A stop is seen at the latest after so long a wait. */
const SLEEP_MS_MAX = 250;

/** The compaction was told to end. Nothing is wrong. */
export class CompactionStopped extends Error {
  override readonly name = 'CompactionStopped';
}

export interface PaceOptions {
  /** Of what is read and written together; Infinity: no limit. */
  readonly bytesPerSecond: number;
  readonly isStopped: () => boolean;
}

export class Pace {
  readonly #env: Env;
  readonly #options: PaceOptions;
  readonly #startMs: number;
  #turnStartMs: number;
  #turnBytes = 0;
  #totalBytes = 0;

  constructor(env: Env, options: PaceOptions) {
    this.#env = env;
    this.#options = options;
    this.#startMs = env.clock.monotonicMs();
    this.#turnStartMs = this.#startMs;
  }

  /** `bytes` were read or written, or 0: some work was done. A promise when others are to have their turn first. */
  spent(bytes: number): Promise<void> | undefined {
    this.#turnBytes += bytes;
    this.#totalBytes += bytes;
    const isOver = this.#turnBytes >= TURN_BYTES || this.#env.clock.monotonicMs() - this.#turnStartMs >= TURN_MS;
    return isOver ? this.#rest() : undefined;
  }

  /** @throws CompactionStopped */
  check(): void {
    if (this.#options.isStopped()) throw new CompactionStopped('told to end');
  }

  async #rest(): Promise<void> {
    const { clock } = this.#env;
    await new Promise<void>((resolve) => clock.soon(resolve));
    this.check();
    for (let waitMs = this.#waitMs(); waitMs > 0; waitMs = this.#waitMs()) {
      await clock.sleep(Math.min(waitMs, SLEEP_MS_MAX));
      this.check();
    }
    this.#turnBytes = 0;
    this.#turnStartMs = clock.monotonicMs();
  }

  /** How long until what was spent is within the limit. */
  #waitMs(): number {
    const dueMs = this.#startMs + (this.#totalBytes / this.#options.bytesPerSecond) * 1000;
    return Math.ceil(dueMs - this.#env.clock.monotonicMs());
  }
}
