/**
 * A liveness lock that is kept for as long as its holder's registration is the newest. The lock says who should act, never
 * who may: when it is lost (a contender thought it stale, a release removed a stranger's), the holder does not stop; it
 * asks the metadata log, and takes the lock again while the log still names it.
 */
import type { Env, HeldLock, Timer } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { LOCK_STALE_MS } from './owner-judgement.ts';

const RETRY_MS = 250;

export class PlaceLock {
  readonly #env: Env;
  readonly #path: string;
  #held: HeldLock | undefined;
  #stillMine: (() => Promise<boolean>) | undefined;
  #retry: Timer | undefined;
  #lost = false;
  /** Why the lock cannot be kept or taken: the code of the file system's error. */
  #failureCode: string | undefined;
  /** The code of the error that was told last; not again before the lock is there. */
  #toldCode: string | undefined;
  #released = false;

  private constructor(env: Env, path: string) {
    this.#env = env;
    this.#path = path;
  }

  /** undefined when somebody else holds it. */
  static async acquire(env: Env, path: string): Promise<PlaceLock | undefined> {
    const lock = new PlaceLock(env, path);
    return (await lock.#tryAcquire()) ? lock : undefined;
  }

  /** From now on a lost lock is taken again while `stillMine` says so. */
  keepWhile(stillMine: () => Promise<boolean>): void {
    this.#stillMine = stillMine;
    if (this.#lost) {
      this.#regainLater(0);
    }
  }

  /** Monotonic milliseconds of the last confirmed heartbeat; -Infinity while the lock is lost. */
  confirmedAtMs(): number {
    return this.#held?.confirmedAtMs() ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * Whether the lock is lost for no other reason than that the file system takes no writes: nobody else can take it then, nor
   * register, as both are writes.
   */
  isUnwritable(): boolean {
    return this.#lost && (this.#failureCode === 'EROFS' || this.#failureCode === 'EIO');
  }

  /** Gives the lock up. A lost one is left alone: it would be somebody else's. */
  async release(): Promise<void> {
    this.#released = true;
    this.#retry?.cancel();
    const held = this.#held;
    this.#held = undefined;
    await held?.release().catch((error: unknown) => this.#env.log.debug(`releasing ${this.#path}: ${String(error)}`));
  }

  async #tryAcquire(): Promise<boolean> {
    this.#held = await this.#env.lock.acquire(this.#path, {
      staleMs: LOCK_STALE_MS,
      onCompromised: (error) => this.#onLost(error),
    });
    return this.#held !== undefined;
  }

  #onLost(error: Error): void {
    this.#env.log.debug(`lost ${this.#path}: ${error.message}`);
    this.#held = undefined;
    this.#lost = true;
    this.#failureCode = errorCodeOf(error);
    this.#regainLater(0);
  }

  #regainLater(delayMs: number): void {
    if (this.#stillMine !== undefined && !this.#released) {
      this.#retry = this.#env.clock.timer(delayMs, () => void this.#regain(), true);
    }
  }

  #tellOnce(error: unknown): void {
    const code = errorCodeOf(error) ?? 'unknown';
    if (code === this.#toldCode) return;
    this.#toldCode = code;
    this.#env.log.warn(`taking ${this.#path} again: ${String(error)}`);
  }

  /** Owned by the timer that calls it; ends by itself. */
  async #regain(): Promise<void> {
    try {
      if (this.#released || !(await this.#stillMine?.())) {
        return;
      }
      this.#lost = !(await this.#tryAcquire());
      if (!this.#lost) this.#toldCode = undefined;
    } catch (error) {
      this.#failureCode = errorCodeOf(error);
      this.#tellOnce(error);
    }
    if (this.#released) {
      await this.release();
    } else if (this.#lost) {
      this.#regainLater(RETRY_MS);
    }
  }
}
