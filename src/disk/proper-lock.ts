/** proper-lockfile over a LockFolder: acquiring, and the heartbeat on the event loop of the calling thread. */
import { errorCodeOf } from '../kernel/error-code.ts';
import type { LockFolder } from './lock-folder.ts';

/** proper-lockfile allows no less; stale must be at least four times this. */
const UPDATE_MS = 1000;
const STALE_MS_MIN = 4 * UPDATE_MS;

export interface ProperLock {
  /** Stops the heartbeat and removes the folder, unless it was left (`LockFolder.leave`). */
  stop(): Promise<void>;
}

/**
 * Takes the lock, whose folder is `path` itself; undefined when somebody holds it. `onCompromised` is called at most once, by
 * which time the folder has been given up; the error's code is that of the file system when it refused the heartbeats. Throws when `staleMs` is less than four heartbeats, and ENOENT and the like.
 */
export async function acquireProperLock(
  path: string,
  folder: LockFolder,
  staleMs: number,
  onCompromised: (error: Error) => void,
): Promise<ProperLock | undefined> {
  if (staleMs < STALE_MS_MIN) throw new RangeError(`a lock is stale after ${STALE_MS_MIN} ms at the earliest`);
  const { lock } = (await import('proper-lockfile')).default;
  try {
    const stop = await lock(path, {
      lockfilePath: path,
      realpath: false,
      stale: staleMs,
      update: UPDATE_MS,
      retries: 0,
      fs: folder,
      onCompromised: (error) => {
        const { failureCode } = folder;
        giveUpQuietly(folder, path);
        onCompromised(failureCode === undefined ? error : lostBy(failureCode, error));
      },
    });
    return { stop };
  } catch (error) {
    const code = errorCodeOf(error);
    // ENOENT of a folder that we did make: somebody took it for a dead owner's and moved it away meanwhile.
    const isElses = code === 'ELOCKED' || (code === 'ENOENT' && folder.wasMade);
    folder.forget();
    if (isElses) return undefined;
    throw error;
  }
}

/** A file system that takes no heartbeat takes no removal either: the folder then stays, and goes stale. */
export function giveUpQuietly(folder: LockFolder | undefined, path: string): void {
  try {
    folder?.giveUp(path);
  } catch {
    // Nobody could do anything about it, and this runs in timers, where throwing would end the process.
  }
}

/** The error of a lock that was lost because the file system refused its heartbeats with `code`. */
export function lostBy(code: string, cause: unknown): Error {
  return Object.assign(new Error(`no heartbeat could be written (${code})`, { cause }), { code });
}
