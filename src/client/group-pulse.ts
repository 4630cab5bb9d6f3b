/** Heartbeats: one at a time, each an interval after the one before began, whatever else the process does. */
import type { Clock, Timer } from '../kernel/env.ts';

export class Pulse {
  readonly #clock: Clock;
  readonly #beat: () => Promise<number>;
  #timer: Timer | undefined;
  #isRunning = false;
  #isBeating = false;
  #isWanted = false;
  #running: Promise<void> = Promise.resolve();

  /** `beat` answers in how many milliseconds, counted from its begin, the next one is due; it never rejects. */
  constructor(clock: Clock, beat: () => Promise<number>) {
    this.#clock = clock;
    this.#beat = beat;
  }

  /** The first beat comes after `delayMs`. */
  start(delayMs: number): void {
    this.#isRunning = true;
    this.#schedule(delayMs);
  }

  /** A beat that is under way is let go to its end. */
  stop(): void {
    this.#isRunning = false;
    this.#isWanted = false;
    this.#timer?.cancel();
  }

  /** One at once, or right behind the one that is under way. Nothing when stopped. */
  now(): void {
    if (!this.#isRunning) return;
    if (this.#isBeating) this.#isWanted = true;
    else this.#schedule(0);
  }

  /** Resolves when no beat is under way. */
  async quiet(): Promise<void> {
    await this.#running;
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(delayMs, () => {
      // Stopped and started again meanwhile: the one that is under way goes on.
      if (!this.#isBeating) this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isBeating = true;
    this.#isWanted = false;
    const beganMs = this.#clock.monotonicMs();
    const intervalMs = await this.#beat();
    this.#isBeating = false;
    if (!this.#isRunning) return;
    const passedMs = this.#clock.monotonicMs() - beganMs;
    this.#schedule(this.#isWanted ? 0 : Math.max(0, intervalMs - passedMs));
  }
}
