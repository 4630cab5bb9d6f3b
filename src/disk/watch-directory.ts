/**
 * Hints that something changed in a directory, by chokidar.
 *
 * A hint is all that is taken from it, so only the directory itself is watched, not each file in it: one inotify
 * watch however many files there are. chokidar 5 passes the first change of a burst on and drops the last one (throttled
 * without a trailing event), so the raw events are used, and each burst ends with one more hint of our own.
 */
import { resolve } from 'node:path';
import type { FSWatcher } from 'chokidar';
import type { Clock, DiskWatch, Timer } from '../kernel/env.ts';

/** After the last event of a burst one more hint comes this much later. */
const TRAILING_MS = 60;

export interface WatchOptions {
  readonly clock: Clock;
  /** A watch that cannot work (ENOSPC: no inotify watches left; a file system without events) is told here, once. */
  readonly onWatchError: (path: string, error: Error) => void;
}

/** Watches at once from the caller's view; chokidar itself is loaded and started in the background. */
export function watchDirectory(path: string, onHint: () => void, options: WatchOptions): DiskWatch {
  const hints = new TrailingHints(onHint, options.clock);
  let isClosed = false;
  let isBroken = false;
  const fail = (error: unknown): void => {
    if (isBroken || isClosed) return;
    isBroken = true;
    options.onWatchError(path, error instanceof Error ? error : new Error(String(error)));
  };
  const started = start(resolve(path), () => hints.event(), fail).catch((error: unknown) => {
    fail(error);
    return undefined;
  });
  return {
    close: async () => {
      isClosed = true;
      hints.close();
      const watcher = await started;
      await watcher?.close();
    },
  };
}

async function start(path: string, onEvent: () => void, onError: (error: unknown) => void): Promise<FSWatcher> {
  const { watch } = await import('chokidar');
  const watcher = watch(path, {
    depth: 0,
    ignoreInitial: true,
    persistent: false,
    ignored: (candidate) => candidate !== path,
  });
  watcher.on('raw', onEvent);
  // What changed before the watch stood has caused no event.
  watcher.on('ready', onEvent);
  watcher.on('error', onError);
  return watcher;
}

/** A hint at the first event, and one `TRAILING_MS` after the last. */
class TrailingHints {
  readonly #onHint: () => void;
  readonly #clock: Clock;
  #trailing: Timer | undefined;
  #lastEventMs = 0;
  #isClosed = false;

  constructor(onHint: () => void, clock: Clock) {
    this.#onHint = onHint;
    this.#clock = clock;
  }

  event(): void {
    if (this.#isClosed) return;
    this.#lastEventMs = this.#clock.monotonicMs();
    if (this.#trailing !== undefined) return;
    this.#arm(TRAILING_MS);
    this.#onHint();
  }

  close(): void {
    this.#isClosed = true;
    this.#trailing?.cancel();
  }

  #arm(delayMs: number): void {
    this.#trailing = this.#clock.timer(delayMs, () => this.#due(), true);
  }

  #due(): void {
    const quietMs = this.#clock.monotonicMs() - this.#lastEventMs;
    this.#trailing = undefined;
    if (quietMs < TRAILING_MS) this.#arm(Math.ceil(TRAILING_MS - quietMs));
    this.#onHint();
  }
}
