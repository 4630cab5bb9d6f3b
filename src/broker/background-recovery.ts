/**
 * After an unclean end every log is recovered when it is first opened. A server does not leave that to the first client of each:
 * from a moment after its start on it opens them all, one after the other, while it serves; who asks for one meanwhile does not
 * wait for its turn. After a clean end there is nothing to do, and nothing is looked at.
 */
import type { Env, Timer } from '../kernel/env.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import type { Partitions } from './partitions.ts';

const BEGIN_MS = 1000;
/** A line of progress after so many logs (C-8). */
const TOLD_COUNT = 100;

export class BackgroundRecovery {
  readonly #env: Pick<Env, 'clock' | 'log'>;
  readonly #logs: Pick<LogDirectory, 'closedCleanly' | 'unrecovered'>;
  readonly #partitions: Pick<Partitions, 'topicNamed' | 'led' | 'log'>;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(
    env: Pick<Env, 'clock' | 'log'>,
    logs: Pick<LogDirectory, 'closedCleanly' | 'unrecovered'>,
    partitions: Pick<Partitions, 'topicNamed' | 'led' | 'log'>,
  ) {
    this.#env = env;
    this.#logs = logs;
    this.#partitions = partitions;
  }

  begin(): void {
    if (this.#isStopped || this.#timer !== undefined || this.#logs.closedCleanly) return;
    const due = (): void => {
      this.#running = this.#recoverAll();
    };
    this.#timer = this.#env.clock.timer(BEGIN_MS, due, true);
  }

  /** No log is opened any more; resolves when the one under way is. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Never rejects: what cannot be opened is told, and to whoever asks for it as well. */
  async #recoverAll(): Promise<void> {
    const { log } = this.#env;
    try {
      const names = await this.#logs.unrecovered();
      for (const [index, { topic, partition }] of names.entries()) {
        if (this.#isStopped) return;
        await this.#recover(topic, partition);
        const count = index + 1;
        if (count % TOLD_COUNT === 0) log.info(`${count} of ${names.length} partitions are recovered`);
      }
    } catch (error) {
      log.warn(`partitions are recovered when they are asked for: ${String(error)}`);
    }
  }

  async #recover(topicName: string, index: number): Promise<void> {
    const topic = this.#partitions.topicNamed(topicName);
    if (topic === undefined) return;
    try {
      await this.#partitions.log(topic, this.#partitions.led(topic, index));
    } catch (error) {
      this.#env.log.warn(`${topicName}-${index} cannot be recovered: ${String(error)}`);
    }
  }
}
