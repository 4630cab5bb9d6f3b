/**
 * The memory that answers to fetches may take, over all connections (B-7). A slow reader keeps the bytes of its answer until
 * it has read them. So one request may take only a part of what is free; where less than half is free, only connections
 * that hold nothing may take any, and less; and a last part is kept for small answers to those. Slow readers make answers
 * smaller and at last, when there are very many of them, later; they never make the broker grow.
 */

const TOTAL_BYTES = 192 << 20;
/** What one request may take however little is free; so much may the total be exceeded, and by one large batch. */
const ALLOWANCE_BYTES_MIN = 256 << 10;

interface Waiting {
  readonly connectionId: number;
  readonly wantedBytes: number;
  readonly resolve: (takenBytes: number) => void;
}

export class FetchMemory {
  readonly #scarceBytes: number;
  readonly #reserveBytes: number;
  readonly #heldBytes = new Map<number, number>();
  #freeBytes: number;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>();
  #stopped = false;

  constructor(totalBytes = TOTAL_BYTES) {
    this.#freeBytes = totalBytes;
    this.#scarceBytes = totalBytes / 2;
    this.#reserveBytes = totalBytes / 4;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /**
   * Takes up to `wantedBytes` (> 0), less when memory is scarce; answers how much, at once in the normal case, else when its
   * turn comes. 0 when the broker stops. The caller gives all that it took back by `adjust`.
   */
  take(connectionId: number, wantedBytes: number): number | Promise<number> {
    if (this.#stopped) return 0;
    if (this.#mayTake(connectionId) && this.#waiting.size === 0) return this.#grant(connectionId, wantedBytes);
    return new Promise((resolve) => {
      this.#waiting.add({ connectionId, wantedBytes, resolve });
      // Those who wait may all be waiting for themselves.
      this.#serve();
    });
  }

  /** Changes what a connection holds, by what a request turned out to need: negative to give back. */
  adjust(connectionId: number, byteCount: number): void {
    this.#hold(connectionId, byteCount);
    if (byteCount < 0) this.#serve();
  }

  /** Sends who waits away, for good. */
  stop(): void {
    this.#stopped = true;
    for (const { resolve } of this.#waiting) resolve(0);
    this.#waiting.clear();
  }

  #serve(): void {
    for (const waiting of this.#waiting) {
      if (this.#freeBytes <= 0) return;
      if (!this.#mayTake(waiting.connectionId)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(this.#grant(waiting.connectionId, waiting.wantedBytes));
    }
  }

  #mayTake(connectionId: number): boolean {
    if (this.#freeBytes <= 0) return false;
    return this.#freeBytes >= this.#scarceBytes || !this.#heldBytes.has(connectionId);
  }

  #grant(connectionId: number, wantedBytes: number): number {
    const sharedBytes = this.#freeBytes - this.#reserveBytes;
    const shareBytes = Math.floor(sharedBytes / (this.#freeBytes >= this.#scarceBytes ? 4 : 16));
    const takenBytes = Math.min(wantedBytes, Math.max(ALLOWANCE_BYTES_MIN, shareBytes));
    this.#hold(connectionId, takenBytes);
    return takenBytes;
  }

  #hold(connectionId: number, byteCount: number): void {
    this.#freeBytes -= byteCount;
    const heldBytes = (this.#heldBytes.get(connectionId) ?? 0) + byteCount;
    if (heldBytes === 0) this.#heldBytes.delete(connectionId);
    else this.#heldBytes.set(connectionId, heldBytes);
  }
}
