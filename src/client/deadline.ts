import type { Clock, Timer } from '../kernel/env.ts';

/**
 * The longest that one request waits for its answer, whatever time is left: a peer that is dead without having closed its
 * connection is given up after this.
 */
const ATTEMPT_MS = 30_000;

/** A moment on the monotonic clock until which something may be tried again. */
export class Deadline {
  readonly #clock: Clock;
  readonly #atMs: number;

  /** `timeoutMs` from now; 0 = never. */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#atMs = timeoutMs === 0 ? Infinity : clock.monotonicMs() + timeoutMs;
  }

  get passed(): boolean {
    return this.#clock.monotonicMs() >= this.#atMs;
  }

  /** Milliseconds left, 0 when passed, Infinity when there is no deadline. */
  remainingMs(): number {
    return Math.max(0, this.#atMs - this.#clock.monotonicMs());
  }

  /** How long one attempt may take: what is left, at least 1 ms and at most half a minute. */
  attemptMs(): number {
    return Math.max(1, Math.min(this.remainingMs(), ATTEMPT_MS));
  }
}

/** As `work`, or `otherwise` once the deadline has passed; the work is then left to end by itself. */
export async function unlessPassed<T>(clock: Clock, deadline: Deadline, work: Promise<T>, otherwise: T): Promise<T> {
  const leftMs = deadline.remainingMs();
  if (leftMs === Infinity) return await work;
  let timer: Timer | undefined;
  const limit = new Promise<T>((resolve) => {
    timer = clock.timer(leftMs, () => resolve(otherwise));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    timer?.cancel();
  }
}
