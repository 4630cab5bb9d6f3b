/**
 * Files of deleted segments: they get a name that no log looks at, and go after a while, so that nobody's long read of them is
 * cut short. Neither is synced: log-starts has said before that the log begins behind them, and whoever finds one of them again
 * after a crash, under the one name or the other, removes it.
 *
 *   <20 digits>.log -> <20 digits>.log.deleted -> gone after file.delete.delay.ms
 */
import type { Env, Timer } from '../kernel/env.ts';
import { DELETED_SUFFIX, type SegmentSuffix, segmentFileName } from './segment-files.ts';

const SUFFIXES: readonly SegmentSuffix[] = ['.log', '.index', '.timeindex', '.snapshot'];

/** What a deletion needs of its log directory. */
export interface DeletionHost {
  readonly env: Env;
  /** Asked before each step: a process that is the owner no more stops in the middle. */
  canWrite(): boolean;
  /** The files of the directory are `bytes` more; less when negative. */
  grew(bytes: number): void;
}

interface Lot {
  readonly paths: readonly string[];
  readonly timer: Timer;
}

export class DeletedFiles {
  readonly #host: DeletionHost;
  readonly #lots = new Set<Lot>();
  /** Removals under way. */
  readonly #removals = new Set<Promise<void>>();

  constructor(host: DeletionHost) {
    this.#host = host;
  }

  /** Renames the files of the segments of `directory` with these base offsets, and removes them `delayMs` later. */
  async take(directory: string, baseOffsets: readonly number[], delayMs: number): Promise<void> {
    const paths: string[] = [];
    try {
      for (const baseOffset of baseOffsets) {
        for (const suffix of SUFFIXES) {
          if (!this.#host.canWrite()) return;
          const path = `${directory}/${segmentFileName(baseOffset, suffix)}`;
          if (await this.#rename(path)) paths.push(path + DELETED_SUFFIX);
        }
      }
    } finally {
      this.removeLater(paths, delayMs);
    }
    this.#host.env.fault('log.retention.after-rename');
  }

  /** Removes files, which have names that no log looks at, `delayMs` later. */
  removeLater(paths: readonly string[], delayMs: number): void {
    if (paths.length === 0) return;
    const lot: Lot = { paths, timer: this.#host.env.clock.timer(delayMs, () => this.#removeNow(lot), true) };
    this.#lots.add(lot);
  }

  /** Removes what still waits, and waits for what is being removed. */
  async removeAll(): Promise<void> {
    for (const lot of [...this.#lots]) this.#removeNow(lot);
    await Promise.all(this.#removals);
  }

  /** False when there is no such file. */
  async #rename(path: string): Promise<boolean> {
    try {
      await this.#host.env.disk.rename(path, path + DELETED_SUFFIX);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  #removeNow(lot: Lot): void {
    lot.timer.cancel();
    if (!this.#lots.delete(lot)) return;
    const removal = this.#remove(lot.paths).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Never rejects: what stays is removed by the next recovery of the log. */
  async #remove(paths: readonly string[]): Promise<void> {
    const { env } = this.#host;
    try {
      for (const path of paths) {
        env.fault('log.retention.before-unlink');
        if (!this.#host.canWrite()) return;
        const bytes = (await env.disk.stat(path))?.size ?? 0;
        await env.disk.remove(path);
        this.#host.grew(-bytes);
      }
    } catch (error) {
      env.log.warn(`files of deleted segments cannot be removed: ${String(error)}`);
    }
  }
}
