/**
 * One lock of proper-lockfile as a folder that is really ours.
 *
 * proper-lockfile knows its lock by path and modification time only; it would refresh or remove a stranger's lock that took
 * the place of its own. This is the `fs` that is given to it (callback signatures over sync calls: a hung thread pool must
 * not stop a heartbeat). It keeps the folder open from `mkdir` on: while the descriptor is open the inode number is not
 * used again, so "ours" is a fact and not a guess. What is not ours counts as absent.
 *
 * A stranger's lock is judged stale by watching it, not by comparing clocks: see `StaleWatch`.
 */

import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { errorCodeOf } from '../kernel/error-code.ts';

/** What identifies a folder, whatever its path. */
export interface FolderIdentity {
  readonly device: number;
  readonly inode: number;
}

export interface LockFolderOptions {
  readonly monotonicMs: () => number;
  readonly uuid: () => string;
  /** Is the stranger's lock with this status stale? */
  readonly isStale: (path: string, stats: Stats) => boolean;
  /** False: the heartbeat is left out, so that the lock goes stale, because the rest of the process hangs. */
  readonly mayBeat: () => boolean;
  /** A heartbeat that began at `beganMs` (monotonic) was confirmed. */
  readonly onBeat: (beganMs: number) => void;
  /** Take over this folder, which the same process made, instead of making one. */
  readonly adopt?: FolderIdentity;
}

type Callback<T> = (error: Error | null, result?: T) => void;

const OPEN_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** What proper-lockfile, which compares with the wall clock, is told of a lock that is stale or is not. */
const STALE_TIME = new Date(0);
const FRESH_TIME = new Date(8.64e15);

/** The methods are those of node:fs that proper-lockfile calls; each one completes before it returns. */
export class LockFolder {
  readonly #options: LockFolderOptions;
  #descriptor: number | undefined;
  #lastMtime = new Date(0);
  #beganMs = 0;
  #isLeft = false;
  #wasMade = false;
  #failureCode: string | undefined;

  constructor(options: LockFolderOptions) {
    this.#options = options;
  }

  /** Whether a folder was made, even if it was taken away since. */
  get wasMade(): boolean {
    return this.#wasMade;
  }

  /** Why the last heartbeat was not taken by the file system, as EROFS; undefined when it was. */
  get failureCode(): string | undefined {
    return this.#failureCode;
  }

  /** undefined before `mkdir` succeeded and after the folder was given up. */
  get identity(): FolderIdentity | undefined {
    return this.#descriptor === undefined ? undefined : identityOf(fstatSync(this.#descriptor));
  }

  readonly mkdir = (path: string, callback: Callback<void>): void => {
    answer(callback, () => {
      this.#beganMs = this.#options.monotonicMs();
      const { adopt } = this.#options;
      if (adopt === undefined) {
        mkdirSync(path, { mode: 0o700 });
        this.#wasMade = true;
      }
      const descriptor = openSync(path, OPEN_FLAGS);
      if (adopt !== undefined && !isSame(adopt, identityOf(fstatSync(descriptor)))) {
        closeSync(descriptor);
        throw absent(path);
      }
      this.#descriptor = descriptor;
    });
  };

  readonly stat = (path: string, callback: Callback<{ mtime: Date }>): void => {
    answer(callback, () => {
      if (this.#descriptor === undefined) {
        return { mtime: this.#options.isStale(path, lstatSync(path)) ? STALE_TIME : FRESH_TIME };
      }
      this.#beganMs = this.#options.monotonicMs();
      if (!this.#isOurs(path)) throw absent(path);
      return { mtime: this.#lastMtime };
    });
  };

  readonly utimes = (path: string, accessed: Date, modified: Date, callback: Callback<void>): void => {
    answer(callback, () => {
      this.#lastMtime = modified;
      if (this.#descriptor === undefined) throw absent(path);
      if (!this.#options.mayBeat()) return;
      this.#touch(this.#descriptor, accessed, modified);
      if (!this.#isOurs(path)) throw absent(path);
      this.#options.onBeat(this.#beganMs);
    });
  };

  readonly rmdir = (path: string, callback: Callback<void>): void => {
    answer(callback, () => this.rmdirSync(path));
  };

  /** Removes our folder if it is still there, or the stranger's that was judged stale. Called at exit, too. */
  readonly rmdirSync = (path: string): void => {
    if (this.#isLeft) return;
    if (this.#descriptor === undefined) removeFolder(path, this.#options.uuid());
    else this.giveUp(path);
  };

  /** The next removal leaves the folder where it is: another thread goes on with it. */
  leave(): void {
    this.#isLeft = true;
  }

  /** Removes the folder if it is still ours and forgets it. */
  giveUp(path: string): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    try {
      if (this.#isOurs(path)) removeFolder(path, this.#options.uuid(), identityOf(fstatSync(descriptor)));
    } finally {
      this.forget();
    }
  }

  /** Closes the descriptor; the folder stays. */
  forget(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  #touch(descriptor: number, accessed: Date, modified: Date): void {
    this.#failureCode = undefined;
    try {
      futimesSync(descriptor, accessed, modified);
    } catch (error) {
      this.#failureCode = errorCodeOf(error);
      throw error;
    }
  }

  #isOurs(path: string): boolean {
    if (this.#descriptor === undefined) return false;
    const there = lstatSync(path, { throwIfNoEntry: false });
    return there !== undefined && isSame(identityOf(there), identityOf(fstatSync(this.#descriptor)));
  }
}

/**
 * Moves the folder aside under a name that nobody else uses and removes it there, whatever is in it. With `expected`, a folder
 * that is another one (it came between check and move) is put back. Nothing happens when there is none.
 */
export function removeFolder(path: string, uuid: string, expected?: FolderIdentity): void {
  const aside = `${path}.dead-${uuid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (expected !== undefined && !isSame(expected, identityOf(lstatSync(aside)))) {
    renameSync(aside, path);
    return;
  }
  try {
    rmdirSync(aside);
  } catch {
    // Not empty, which no lock of ours is. (rmSync alone would do, but loading its code costs a short command 4 ms.)
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Judges strangers' locks by how long they stood still on our own monotonic clock. */
export class StaleWatch {
  readonly #monotonicMs: () => number;
  readonly #seen = new Map<string, { readonly inode: number; readonly mtimeMs: number; readonly sinceMs: number }>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** True once the lock at `path` has been seen unchanged for `staleMs`. */
  isStale(path: string, stats: Stats, staleMs: number): boolean {
    const nowMs = this.#monotonicMs();
    const seen = this.#seen.get(path);
    if (seen?.inode === stats.ino && seen.mtimeMs === stats.mtimeMs) return nowMs - seen.sinceMs >= staleMs;
    this.#seen.set(path, { inode: stats.ino, mtimeMs: stats.mtimeMs, sinceMs: nowMs });
    return false;
  }

  forget(path: string): void {
    this.#seen.delete(path);
  }
}

function identityOf(stats: Stats): FolderIdentity {
  return { device: stats.dev, inode: stats.ino };
}

function isSame(one: FolderIdentity, other: FolderIdentity): boolean {
  return one.inode === other.inode && one.device === other.device;
}

function absent(path: string): Error {
  return Object.assign(new Error(`the lock ${path} is not ours any more`), { code: 'ENOENT' });
}

/** Calls back with the result or the error of `action`; an error of the callback itself is thrown on. */
function answer<T>(callback: Callback<T>, action: () => T): void {
  let result: T;
  try {
    result = action();
  } catch (error) {
    callback(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  callback(null, result);
}
