/**
 * What a broker does by the clock: retention, over the logs that are open. The first sweep comes half a minute after the start, so
 * that a one-shot command never meets it, the others every log.retention.check.interval.ms, read anew each time.
 * Source: Kafka's LogManager.startup, whose first run comes 30 s after the start too.
 */
import type { Clock, Timer } from '../kernel/env.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import type { EffectiveSettings } from './broker-settings.ts';

const FIRST_SWEEP_MS = 30_000;
const INTERVAL = 'log.retention.check.interval.ms';

export class Upkeep {
  readonly #clock: Clock;
  readonly #logs: Pick<LogDirectory, 'sweep'>;
  readonly #settings: Pick<EffectiveSettings, 'number'>;
  #timer: Timer;
  #sweeping: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(clock: Clock, logs: Pick<LogDirectory, 'sweep'>, settings: Pick<EffectiveSettings, 'number'>) {
    this.#clock = clock;
    this.#logs = logs;
    this.#settings = settings;
    this.#timer = this.#after(FIRST_SWEEP_MS);
  }

  /** No sweep begins any more; resolves when the one under way has ended, which it does at the next log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#sweeping;
  }

  #after(delayMs: number): Timer {
    return this.#clock.timer(
      delayMs,
      () => {
        this.#sweeping = this.#sweep();
      },
      true,
    );
  }

  async #sweep(): Promise<void> {
    await this.#logs.sweep({ isStopped: () => this.#isStopped });
    if (!this.#isStopped) this.#timer = this.#after(this.#settings.number(INTERVAL));
  }
}
