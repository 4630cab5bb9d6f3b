/**
 * What a broker does by the clock: retention, over the logs that are open and those that have something to delete by what the
 * last close wrote of them, which are opened for it, a few at a time; then room below the cap on the directory; then what only
 * housekeeping has opened is closed again. The first time
 * comes half a minute after the start, so that a one-shot command never meets it, or earlier where the interval is shorter; the
 * others every log.retention.check.interval.ms, read anew each time.
 * Source: Kafka's LogManager.startup, whose first run comes 30 s after the start too.
 */
import type { Env, Timer } from '../kernel/env.ts';
import { isDeletionDue } from '../log/closed-retention.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import { partitionName } from '../log/segment-files.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import type { DiskRoom } from './disk-room.ts';
import type { LedPartition, Partitions } from './partitions.ts';

const FIRST_SWEEP_MS = 30_000;
const INTERVAL = 'log.retention.check.interval.ms';
/** Lines of the close record that are read in one turn of the event loop. */
const LINES_PER_TURN = 200;
const OPENED_ABREAST_COUNT = 4;

export interface UpkeepParts {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly logs: Pick<LogDirectory, 'sweep' | 'opened' | 'closedPartition' | 'unrecovered'>;
  readonly partitions: Pick<Partitions, 'allLed' | 'logOf' | 'configOf' | 'closeUnused'>;
  readonly settings: Pick<EffectiveSettings, 'number'>;
  readonly room: Pick<DiskRoom, 'look'>;
}

export class Upkeep {
  readonly #parts: UpkeepParts;
  #timer: Timer;
  #sweeping: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#timer = this.#after(Math.min(FIRST_SWEEP_MS, parts.settings.number(INTERVAL)));
  }

  /** No sweep begins any more; resolves when the one under way has ended, which it does at the next log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#sweeping;
  }

  #after(delayMs: number): Timer {
    return this.#parts.env.clock.timer(
      delayMs,
      () => {
        this.#sweeping = this.#sweep();
      },
      true,
    );
  }

  async #sweep(): Promise<void> {
    const { env, logs, partitions, room, settings } = this.#parts;
    await logs.sweep({ isStopped: () => this.#isStopped });
    try {
      await this.#sweepClosed();
    } catch (error) {
      env.log.warn(`old segments of partitions that nobody opened stay for now: ${String(error)}`);
    }
    await room.look();
    await partitions.closeUnused();
    if (!this.#isStopped) this.#timer = this.#after(settings.number(INTERVAL));
  }

  async #sweepClosed(): Promise<void> {
    const { logs } = this.#parts;
    const due = await this.#closedDue();
    for (let from = 0; from < due.length && !this.#isStopped; from += OPENED_ABREAST_COUNT) {
      const some = due.slice(from, from + OPENED_ABREAST_COUNT);
      await Promise.all(some.map((led) => this.#open(led)));
      const names = new Set(some.map(nameOf));
      await logs.sweep({ names, isStopped: () => this.#isStopped });
    }
  }

  /**
   * Partitions that are not open and have something to delete: no file is looked at for that. Those of which no line tells, as
   * nobody came to them since a kill, are recovered first.
   */
  async #closedDue(): Promise<readonly LedPartition[]> {
    const { env, logs, partitions } = this.#parts;
    const due: LedPartition[] = [];
    const untold: LedPartition[] = [];
    const nowMs = env.clock.wallMs();
    let count = 0;
    for (const led of partitions.allLed()) {
      const { topic, partition } = led;
      if (this.#isStopped) return [];
      count += 1;
      if (count % LINES_PER_TURN === 0) await env.clock.sleep(0);
      const closed = logs.closedPartition(topic.name, partition.index, topic.topicId);
      if (closed === undefined) {
        if (logs.opened(topic.name, partition.index) === undefined) untold.push(led);
      } else if (isDeletionDue(closed, partitions.configOf(topic), nowMs)) due.push(led);
    }
    if (untold.length === 0) return due;
    const names = new Set((await logs.unrecovered()).map((found) => partitionName(found.topic, found.partition)));
    return [...due, ...untold.filter((led) => names.has(nameOf(led)))];
  }

  /** Never rejects: it is tried again next time. */
  async #open(led: LedPartition): Promise<void> {
    const { env, partitions } = this.#parts;
    try {
      await partitions.logOf(led);
    } catch (error) {
      env.log.warn(`${nameOf(led)}: old segments stay for now: ${String(error)}`);
    }
  }
}

function nameOf({ topic, partition }: LedPartition): string {
  return partitionName(topic.name, partition.index);
}
