/**
 * Watches a lock's folder from outside: for how long has nothing moved there, by our own monotonic clock (reliability R-6)?
 * Neither the holder's clock nor the times in the file system are believed; only change is.
 */
import type { Env } from '../kernel/env.ts';

export class LockWatch {
  readonly #env: Env;
  readonly #path: string;
  #seen: string | undefined;
  #sinceMs = 0;

  constructor(env: Env, path: string) {
    this.#env = env;
    this.#path = path;
  }

  /**
   * Milliseconds for which every look found the same: the same folder with the same time of change, or none, and the same
   * `state` of whatever else the caller watches.
   */
  async stillMs(state: string): Promise<number> {
    const stat = await this.#env.disk.stat(this.#path);
    const seen = stat === undefined ? state : `${state} ${stat.inode} ${stat.modifiedMs}`;
    const nowMs = this.#env.clock.monotonicMs();
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs;
  }
}
