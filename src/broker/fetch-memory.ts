/**
 * The memory that answers to fetches may take, over all connections (B-7). A slow reader keeps the bytes of its answer until
 * it has read them, so one request may take only a part of what is free: many slow readers make answers smaller and,
 * when all is taken, later; they never make the broker grow.
 */

const TOTAL_BYTES = 128 * 1024 * 1024;
/** What one request may take however little is free; so much may the total be exceeded, and by one large batch. */
const ALLOWANCE_BYTES_MIN = 1024 * 1024;

interface Waiting {
  readonly wantedBytes: number;
  readonly resolve: (takenBytes: number) => void;
}

export class FetchMemory {
  #freeBytes: number;
  #waiting: Waiting[] = [];
  #stopped = false;

  constructor(totalBytes = TOTAL_BYTES) {
    this.#freeBytes = totalBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /**
   * Takes up to `wantedBytes` (> 0), less when memory is scarce; answers how much, at once in the normal case. Who finds nothing
   * free waits in line. 0 when the broker stops. The caller gives all that it took back by `adjust`.
   */
  take(wantedBytes: number): number | Promise<number> {
    if (this.#stopped) return 0;
    if (this.#freeBytes > 0 && this.#waiting.length === 0) return this.#grant(wantedBytes);
    return new Promise((resolve) => this.#waiting.push({ wantedBytes, resolve }));
  }

  /** Changes what a request holds, by what it turned out to need: negative to give back. */
  adjust(byteCount: number): void {
    this.#freeBytes -= byteCount;
    while (this.#freeBytes > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.resolve(this.#grant(next.wantedBytes));
    }
  }

  /** Sends who waits away, for good. */
  stop(): void {
    this.#stopped = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(0);
  }

  #grant(wantedBytes: number): number {
    const takenBytes = Math.min(wantedBytes, Math.max(ALLOWANCE_BYTES_MIN, Math.floor(this.#freeBytes / 4)));
    this.#freeBytes -= takenBytes;
    return takenBytes;
  }
}
