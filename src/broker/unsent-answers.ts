/**
 * Answers of all connections that their readers have not taken (B-7). A few bytes ask for the metadata of a hundred thousand
 * partitions; so whoever asks for a long answer waits while too much of others lies unread, and has its answer made one at a time.
 * Records are a smaller part, bounded by FetchMemory.
 */
const UNSENT_BYTES_MAX = 256 << 20;

export class UnsentAnswers {
  readonly #bytesMax: number;
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;

  constructor(bytesMax = UNSENT_BYTES_MAX) {
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

  /** Runs `action` once there is room; those who wait are as many as connections at the most, as each waits for one thing. */
  async whenRoom<T>(action: () => Promise<T>): Promise<T> {
    if (this.isTooMuch) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      this.#wakeOne();
    }
  }

  #wakeOne(): void {
    if (!this.isTooMuch) this.#waiting.shift()?.();
  }
}
