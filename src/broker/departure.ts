/** That a client is gone, told to whatever of it still waits. (An AbortSignal would do, but warns of more than ten waits.) */
export class Departure {
  #isGone = false;
  readonly #listeners = new Set<() => void>();

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Calls `listener` once when the client goes; the answer ends that. Not called when the client is gone already. */
  onGone(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announce(): void {
    this.#isGone = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}
