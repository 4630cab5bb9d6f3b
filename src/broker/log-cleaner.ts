/**
 * Compacts logs by the clock: every log.cleaner.backoff.ms those that are due, one after the other, the dirtiest first. The first
 * look comes that long after the start, so that a one-shot command never meets it; what is small is done when the broker stops.
 * With some of the looks, logs that nobody opened and that are due by what the last close wrote of them are opened for it.
 * Source: Kafka's LogCleaner.
 */
import type { Env, Timer } from '../kernel/env.ts';
import { isCompactionDue } from '../log/compaction/closed-compaction.ts';
import type { CompactionOrder } from '../log/compaction/compact-logs.ts';
import { compacts } from '../log/log-config.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import { partitionName } from '../log/segment-files.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import type { Partitions } from './partitions.ts';

const BACKOFF = 'log.cleaner.backoff.ms';
const ENABLED = 'log.cleaner.enable';
/** Reads of less at a time cost more than they spare. */
const CHUNK_BYTES_MIN = 4096;
/** What a stop compacts at most of one log, and how long it begins to. */
const LAST_BYTES_MAX = 4 * 1024 * 1024;
const LAST_MS_MAX = 500;
/** What a closed log's line says changes with its configuration and the time alone. */
const CLOSED_LOOK_MS = 300_000;
/** Lines of the close record that are read in one turn of the event loop. */
const LINES_PER_TURN = 200;

export interface CleanerParts {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly logs: Pick<LogDirectory, 'compact' | 'closedPartition' | 'cleanedOffset'>;
  readonly partitions: Pick<Partitions, 'allLed' | 'logOf' | 'configOf'>;
  readonly settings: Pick<EffectiveSettings, 'number' | 'flag'>;
}

export class LogCleaner {
  readonly #parts: CleanerParts;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Monotonic; of the last look at closed logs. */
  #closedLookMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(parts: CleanerParts) {
    this.#parts = parts;
    if (parts.settings.flag(ENABLED)) this.#rest();
  }

  /** No pass begins any more; resolves when the one under way has ended, which it does with its turn. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Once it is stopped: compacts, for a moment, small logs that are due, as nobody else does where no server runs. */
  async finish(): Promise<void> {
    const { env, settings } = this.#parts;
    if (!settings.flag(ENABLED)) return;
    const endMs = env.clock.monotonicMs() + LAST_MS_MAX;
    const isOver = (): boolean => env.clock.monotonicMs() >= endMs;
    await this.#compactAll({ ...this.#order(), bytesMax: LAST_BYTES_MAX, isStopped: isOver });
  }

  #rest(): void {
    const { env, settings } = this.#parts;
    const due = (): void => {
      this.#running = this.#look().then(() => {
        if (!this.#isStopped) this.#rest();
      });
    };
    this.#timer = env.clock.timer(settings.number(BACKOFF), due, true);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { env } = this.#parts;
    const nowMs = env.clock.monotonicMs();
    if (nowMs - this.#closedLookMs >= CLOSED_LOOK_MS) {
      this.#closedLookMs = nowMs;
      try {
        await this.#openDue();
      } catch (error) {
        env.log.warn(`partitions that nobody opened are not compacted for now: ${String(error)}`);
      }
    }
    await this.#compactAll(this.#order());
  }

  async #compactAll(order: CompactionOrder): Promise<void> {
    while (!order.isStopped() && (await this.#parts.logs.compact(order)) === 'done');
  }

  async #openDue(): Promise<void> {
    const { env, logs, partitions } = this.#parts;
    let count = 0;
    for (const led of [...partitions.allLed()]) {
      const { topic, partition } = led;
      const config = partitions.configOf(topic);
      if (this.#isStopped) return;
      if (!compacts(config)) continue;
      count += 1;
      if (count % LINES_PER_TURN === 0) await env.clock.sleep(0);
      const closed = logs.closedPartition(topic.name, partition.index, topic.topicId);
      if (closed === undefined) continue;
      const cleanedOffset = await logs.cleanedOffset(topic.name, partition.index);
      if (!isCompactionDue(closed, config, cleanedOffset, env.clock.wallMs())) continue;
      try {
        await partitions.logOf(led);
      } catch (error) {
        env.log.warn(`${partitionName(topic.name, partition.index)} is not compacted for now: ${String(error)}`);
      }
    }
  }

  #order(): CompactionOrder {
    const { settings } = this.#parts;
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
