/**
 * Follows the metadata log while a broker serves. A watch on the folder is a hint that makes it quick; a look for the next
 * number once a second is the truth (reliability R-10). Neither begins before the first second is over, so that a command
 * that is done by then pays for nothing.
 */

import type { DiskWatch, Env, Timer } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { entryFolder } from './layout.ts';
import type { MetadataLog } from './metadata-log.ts';

const LOOK_MS = 1000;

export interface TailEvents {
  /** The directory is not there any more. */
  gone(reason: string): void;
  /** The log was read to its end; the next look waits for what is done here. */
  read(): Promise<void>;
}

export class LogTail {
  readonly #env: Env;
  readonly #directory: string;
  readonly #log: MetadataLog;
  readonly #events: TailEvents;
  #timer: Timer;
  #watch: DiskWatch | undefined;
  #reading: Promise<void> | undefined;
  /** What was told of reads that fail; once, until one goes through. */
  #told: string | undefined;
  #closed = false;

  constructor(env: Env, directory: string, log: MetadataLog, events: TailEvents) {
    this.#env = env;
    this.#directory = directory;
    this.#log = log;
    this.#events = events;
    this.#timer = this.#lookLater();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.cancel();
    await this.#watch?.close();
    await this.#reading;
  }

  #lookLater(): Timer {
    return this.#env.clock.timer(LOOK_MS, () => this.#onTick(), true);
  }

  #onTick(): void {
    if (this.#closed) {
      return;
    }
    this.#watch ??= this.#env.disk.watch(entryFolder(this.#directory), () => this.#look());
    this.#look();
    this.#timer = this.#lookLater();
  }

  /** At most one read at a time: a look while one is under way is covered by the next tick. */
  #look(): void {
    if (!this.#closed) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
    }
  }

  async #read(): Promise<void> {
    try {
      await this.#log.catchUp();
      this.#told = undefined;
      await this.#events.read();
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') {
        this.#events.gone(`${this.#directory} is gone`);
      } else {
        const text = `reading the metadata log: ${String(error)}`;
        if (text !== this.#told) this.#env.log.warn(text);
        this.#told = text;
      }
    }
  }
}
