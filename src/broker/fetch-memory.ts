/**
 * The memory that answers to fetches may take, over all connections (B-7). A slow reader keeps the bytes of its answer until
 * it has read them, so one request may take only a part of what is free: many slow readers make answers smaller and,
 * when all is taken, later; they never make the broker grow.
 */

const TOTAL_BYTES = 128 * 1024 * 1024;
/** What one request may take however little is free; so much may the total be exceeded, and by one large batch. */
const ALLOWANCE_BYTES_MIN = 1024 * 1024;

export class FetchMemory {
  #freeBytes: number;
  #waiting: (() => void)[] = [];
  #stopped = false;

  constructor(totalBytes = TOTAL_BYTES) {
    this.#freeBytes = totalBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Resolves when there is something free; at once in the normal case. False when the broker stops. */
  async whenFree(): Promise<boolean> {
    while (this.#freeBytes <= 0 && !this.#stopped) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return !this.#stopped;
  }

  /** Takes up to `wantedBytes`, less when memory is scarce; answers how much. The caller gives all of it back. */
  take(wantedBytes: number): number {
    const takenBytes = Math.min(wantedBytes, Math.max(ALLOWANCE_BYTES_MIN, Math.floor(this.#freeBytes / 4)));
    this.#freeBytes -= takenBytes;
    return takenBytes;
  }

  /** Changes what a request holds, by what it turned out to need: negative to give back. */
  adjust(byteCount: number): void {
    this.#freeBytes -= byteCount;
    if (this.#freeBytes <= 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Wakes who waits, for good. */
  stop(): void {
    this.#stopped = true;
    this.adjust(0);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
