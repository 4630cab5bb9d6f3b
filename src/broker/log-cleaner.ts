/**
 * Compacts logs by the clock: every log.cleaner.backoff.ms those that are due, one after the other, the dirtiest first. The first
 * look comes that long after the start, so that a one-shot command never meets it; what is small is done when the broker stops.
 * Source: Kafka's LogCleaner.
 */
import type { Clock, Timer } from '../kernel/env.ts';
import type { CompactionOrder } from '../log/compaction/compact-logs.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import type { EffectiveSettings } from './broker-settings.ts';

const BACKOFF = 'log.cleaner.backoff.ms';
/** Reads of less at a time cost more than they spare. */
const CHUNK_BYTES_MIN = 4096;
/** What a stop compacts at most of one log, and how long it begins to. */
const LAST_BYTES_MAX = 4 * 1024 * 1024;
const LAST_MS_MAX = 500;

type Settings = Pick<EffectiveSettings, 'number' | 'flag'>;

export class LogCleaner {
  readonly #clock: Clock;
  readonly #logs: Pick<LogDirectory, 'compact'>;
  readonly #settings: Settings;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(clock: Clock, logs: Pick<LogDirectory, 'compact'>, settings: Settings) {
    this.#clock = clock;
    this.#logs = logs;
    this.#settings = settings;
    if (settings.flag('log.cleaner.enable')) this.#rest();
  }

  /** No pass begins any more; resolves when the one under way has ended, which it does with its turn. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Once it is stopped: compacts, for a moment, small logs that are due, as nobody else does where no server runs. */
  async finish(): Promise<void> {
    if (!this.#settings.flag('log.cleaner.enable')) return;
    const endMs = this.#clock.monotonicMs() + LAST_MS_MAX;
    const isOver = (): boolean => this.#clock.monotonicMs() >= endMs;
    await this.#compactAll({ ...this.#order(), bytesMax: LAST_BYTES_MAX, isStopped: isOver });
  }

  #rest(): void {
    const due = (): void => {
      this.#running = this.#compactAll(this.#order()).then(() => {
        if (!this.#isStopped) this.#rest();
      });
    };
    this.#timer = this.#clock.timer(this.#settings.number(BACKOFF), due, true);
  }

  async #compactAll(order: CompactionOrder): Promise<void> {
    while (!order.isStopped() && (await this.#logs.compact(order)) === 'done');
  }

  #order(): CompactionOrder {
    const settings = this.#settings;
    return {
      mapBytes: settings.number('log.cleaner.dedupe.buffer.size'),
      mapLoadFactor: settings.number('log.cleaner.io.buffer.load.factor'),
      chunkBytes: Math.max(CHUNK_BYTES_MIN, settings.number('log.cleaner.io.buffer.size')),
      bytesPerSecond: settings.number('log.cleaner.io.max.bytes.per.second'),
      bytesMax: Number.POSITIVE_INFINITY,
      isStopped: () => this.#isStopped,
    };
  }
}
