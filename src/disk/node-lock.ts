/**
 * The liveness lock: proper-lockfile, with what it lacks for us put around it.
 *
 * - Ownership is the folder itself, held open, not its time (`lock-folder.ts`): a heartbeat or a release never touches a stranger's.
 * - Strangers' locks become stale by observation (R-6), are moved aside before they are removed (R-8).
 * - For the first second the heartbeat runs on the main loop, so that a short command pays no thread; then a worker goes on with
 *   it, and beats only while the main loop turns (R-7). When the worker is lost, the main loop takes it back.
 */
import type { Clock, HeldLock, LivenessLock, Random, Timer } from '../kernel/env.ts';
import { type FolderIdentity, LockFolder, removeFolder, StaleWatch } from './lock-folder.ts';
import { acquireProperLock, giveUpQuietly, type ProperLock } from './proper-lock.ts';

/** How long the heartbeat stays on the main loop. */
const ON_MAIN_LOOP_MS = 1000;

export interface HeartbeatEvents {
  /** A heartbeat that began then (the main thread's monotonic clock) was confirmed. */
  beat(beganMs: number): void;
  compromised(error: Error): void;
  /** The thread is gone, or cannot go on; the lock is where it was. */
  lost(): void;
}

/** A thread that keeps locks alive while this thread's event loop turns. */
export interface HeartbeatThread {
  /** Goes on with the heartbeat of a lock that this process holds; `events` begin before it returns. */
  adopt(path: string, identity: FolderIdentity, staleMs: number, events: HeartbeatEvents): HeartbeatLease;
}

export interface HeartbeatLease {
  /** No more heartbeats once this resolves; the folder stays. */
  stop(): Promise<void>;
}

export interface NodeLockOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Starts the thread, or answers the running one; undefined where there can be none. */
  readonly heartbeatThread: () => Promise<HeartbeatThread | undefined>;
}

export function nodeLock(options: NodeLockOptions): LivenessLock {
  const inThread = new AbandonedAtExit();
  const staleWatch = new StaleWatch(() => options.clock.monotonicMs());
  return {
    acquire: async (path, { staleMs, onCompromised }) => {
      const held = new NodeHeldLock(options, path, staleMs, onCompromised, inThread);
      if (!(await held.acquire(staleWatch))) return undefined;
      staleWatch.forget(path);
      return held;
    },
    breakDead: async (path) => removeFolder(path, options.random.uuid()),
  };
}

/** Locks that are kept by a thread are not known to proper-lockfile's own exit hook, so they are removed by this one. */
class AbandonedAtExit {
  readonly #folders = new Map<LockFolder, string>();
  readonly #onExit = (): void => {
    for (const [folder, path] of this.#folders) folder.giveUp(path);
  };

  add(folder: LockFolder, path: string): void {
    if (this.#folders.size === 0) process.on('exit', this.#onExit);
    this.#folders.set(folder, path);
  }

  remove(folder: LockFolder | undefined): void {
    if (folder === undefined || !this.#folders.delete(folder)) return;
    if (this.#folders.size === 0) process.off('exit', this.#onExit);
  }
}

class NodeHeldLock implements HeldLock {
  readonly #options: NodeLockOptions;
  readonly #path: string;
  readonly #staleMs: number;
  readonly #onCompromised: (error: Error) => void;
  readonly #inThread: AbandonedAtExit;
  #confirmedAtMs = 0;
  /** Open for as long as the lock is held, wherever the heartbeat runs. */
  #folder: LockFolder | undefined;
  /** The heartbeat on this loop, or the one in the thread. */
  #heartbeat: ProperLock | HeartbeatLease | undefined;
  #moveTimer: Timer | undefined;
  /** A change of the heartbeat's place that is under way. */
  #moving: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(
    options: NodeLockOptions,
    path: string,
    staleMs: number,
    onCompromised: (error: Error) => void,
    inThread: AbandonedAtExit,
  ) {
    this.#inThread = inThread;
    this.#options = options;
    this.#path = path;
    this.#staleMs = staleMs;
    this.#onCompromised = onCompromised;
  }

  /** False when somebody else holds the lock. */
  async acquire(staleWatch: StaleWatch): Promise<boolean> {
    const folder = this.#newFolder(staleWatch);
    const lock = await acquireProperLock(this.#path, folder, this.#staleMs, (error) => this.#compromised(error));
    if (lock === undefined) return false;
    this.#folder = folder;
    this.#heartbeat = lock;
    this.#moveTimer = this.#options.clock.timer(ON_MAIN_LOOP_MS, () => this.#move(() => this.#toThread()), true);
    return true;
  }

  confirmedAtMs(): number {
    return this.#confirmedAtMs;
  }

  async release(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#moveTimer?.cancel();
    await this.#moving;
    this.#folder?.leave();
    await this.#heartbeat?.stop();
    this.#giveUp();
  }

  #giveUp(): void {
    this.#inThread.remove(this.#folder);
    this.#folder?.giveUp(this.#path);
  }

  #compromised(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#moveTimer?.cancel();
    this.#inThread.remove(this.#folder);
    giveUpQuietly(this.#folder, this.#path);
    try {
      this.#onCompromised(error);
    } catch {
      // Its errors are its own; this runs in a timer, where throwing would end the process.
    }
  }

  #newFolder(staleWatch: StaleWatch | undefined, adopt?: FolderIdentity): LockFolder {
    const { clock, random } = this.#options;
    return new LockFolder({
      monotonicMs: () => clock.monotonicMs(),
      uuid: () => random.uuid(),
      isStale: (path, stats) => staleWatch?.isStale(path, stats, this.#staleMs) ?? false,
      mayBeat: () => true,
      onBeat: (beganMs) => this.#beat(beganMs),
      ...(adopt === undefined ? {} : { adopt }),
    });
  }

  #beat(beganMs: number): void {
    if (beganMs > this.#confirmedAtMs) this.#confirmedAtMs = beganMs;
  }

  #move(action: () => Promise<void>): void {
    this.#moving = this.#moving.then(action).catch((error: unknown) => this.#compromised(asError(error)));
  }

  /** From the main loop to the thread; stays here when there is none. */
  async #toThread(): Promise<void> {
    const thread = await this.#options.heartbeatThread();
    const folder = this.#folder;
    const identity = folder?.identity;
    if (thread === undefined || folder === undefined || identity === undefined || this.#isOver) return;
    folder.leave();
    await this.#heartbeat?.stop();
    this.#inThread.add(folder, this.#path);
    this.#heartbeat = thread.adopt(this.#path, identity, this.#staleMs, {
      beat: (beganMs) => this.#beat(beganMs),
      compromised: (error) => this.#compromised(error),
      lost: () => this.#move(() => this.#toMainLoop(identity)),
    });
  }

  /** Back from a thread that is gone. */
  async #toMainLoop(identity: FolderIdentity): Promise<void> {
    if (this.#isOver) return;
    const folder = this.#newFolder(undefined, identity);
    this.#heartbeat = await acquireProperLock(this.#path, folder, this.#staleMs, (error) => this.#compromised(error));
    this.#inThread.remove(this.#folder);
    this.#folder?.forget();
    this.#folder = folder;
    if (this.#heartbeat === undefined) this.#compromised(new Error(`the lock ${this.#path} is somebody else's`));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
