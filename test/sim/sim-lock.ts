/**
 * `LivenessLock` with the errors of the real one (reliability 2.1), step by step as proper-lockfile 4.1.2 takes them:
 * - a stale lock is removed by its path, so two contenders that both saw it stale may both own it;
 * - the heartbeat looks and then writes, so a holder that was stopped between the two takes over a stranger's lock;
 * - the only sign of ownership is a time of change, whose first value is rounded up to a second, so two processes that take
 *   it within one second cannot tell who is the owner;
 * - a release removes whatever is at the path.
 */
import type { Clock, HeldLock, LivenessLock, Timer } from '../../src/kernel/env.ts';
import type { FileSystem, Inode } from './file-system.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';
import { systemError } from './system-error.ts';

interface LockOptions {
  readonly staleMs: number;
  readonly onCompromised: (error: Error) => void;
}

export class SimLock implements LivenessLock {
  readonly #process: SimProcess;
  readonly #files: FileSystem;
  readonly #clock: Clock;
  readonly #chance: Prng;

  constructor(process: SimProcess, files: FileSystem, clock: Clock, chance: Prng) {
    this.#process = process;
    this.#files = files;
    this.#clock = clock;
    this.#chance = chance;
  }

  async acquire(path: string, options: LockOptions): Promise<HeldLock | undefined> {
    const beganMs = this.#clock.monotonicMs();
    let inode = await this.#tryMake(path);
    if (inode === undefined) {
      const found = await this.step('lock stat', path, () => this.#files.find(path));
      if (found !== undefined) {
        if (found.modifiedMs >= this.#clock.wallMs() - options.staleMs) return undefined;
        await this.step('lock rmdir stale', path, () => this.#removeFolder(path));
      }
      inode = await this.#tryMake(path);
      if (inode === undefined) return undefined;
    }
    // The probe of the file system's resolution: the next full second, and 5 ms.
    const modifiedMs = Math.ceil(this.#clock.wallMs() / 1000) * 1000 + 5;
    const isThere = await this.step('lock utimes', path, () => {
      const there = this.#files.find(path);
      if (there !== undefined) there.modifiedMs = modifiedMs;
      return there !== undefined;
    });
    // Somebody took it for stale, and moved it away.
    if (!isThere) return undefined;
    return new SimHeldLock(this, this.#clock, path, { ...options, beganMs, modifiedMs });
  }

  async breakDead(path: string): Promise<void> {
    const aside = `${path}.dead-${this.#chance.word().toString(16)}`;
    await this.step('lock break', path, () => {
      if (this.#files.find(path) !== undefined) this.#files.rename(path, aside);
    });
    await this.step('lock break', aside, () => this.#removeFolder(aside));
  }

  step<T>(what: string, path: string, effect: () => T): Promise<T> {
    return this.#process.perform('disk', this.#chance.latencyMs(0.05, 5), () => {
      this.#process.note(what, path);
      return effect();
    });
  }

  find(path: string): Inode | undefined {
    return this.#files.find(path);
  }

  release(path: string): Promise<void> {
    return this.step('lock release', path, () => this.#removeFolder(path));
  }

  #tryMake(path: string): Promise<Inode | undefined> {
    return this.step('lock mkdir', path, () => {
      return this.#files.find(path) === undefined ? this.#files.create(path, 'directory', 'mkdir') : undefined;
    });
  }

  #removeFolder(path: string): void {
    if (this.#files.find(path) !== undefined) this.#files.removeDirectory(path);
  }
}

interface HeldOptions extends LockOptions {
  readonly beganMs: number;
  readonly modifiedMs: number;
}

class SimHeldLock implements HeldLock {
  readonly #lock: SimLock;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #options: HeldOptions;
  #confirmedAtMs: number;
  #modifiedMs: number;
  #isOver = false;
  #timer: Timer | undefined;

  constructor(lock: SimLock, clock: Clock, path: string, options: HeldOptions) {
    this.#lock = lock;
    this.#clock = clock;
    this.#path = path;
    this.#options = options;
    this.#confirmedAtMs = options.beganMs;
    this.#modifiedMs = options.modifiedMs;
    this.#beatLater();
  }

  confirmedAtMs(): number {
    return this.#confirmedAtMs;
  }

  async release(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    await this.#lock.release(this.#path);
  }

  #beatLater(): void {
    // Three heartbeats in the time after which the lock is stale.
    this.#timer = this.#clock.timer(this.#options.staleMs / 3, () => void this.#beat(), true);
  }

  /** Owned by the timer that calls it; never rejects. */
  async #beat(): Promise<void> {
    const beganMs = this.#clock.monotonicMs();
    const seenMs = await this.#lock.step('lock beat', this.#path, () => this.#lock.find(this.#path)?.modifiedMs);
    if (this.#isOver) return;
    if (seenMs !== this.#modifiedMs) return this.#compromise();
    const nextMs = this.#clock.wallMs();
    const wasThere = await this.#lock.step('lock beat utimes', this.#path, () => {
      const inode = this.#lock.find(this.#path);
      if (inode !== undefined) inode.modifiedMs = nextMs;
      return inode !== undefined;
    });
    if (this.#isOver) return;
    if (!wasThere) return this.#compromise();
    this.#modifiedMs = nextMs;
    this.#confirmedAtMs = beganMs;
    this.#beatLater();
  }

  #compromise(): void {
    this.#isOver = true;
    this.#options.onCompromised(systemError('ECOMPROMISED', 'lock', this.#path));
  }
}
