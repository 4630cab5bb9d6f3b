/**
 * Room under the cap on a directory's size (streamctl.max.disk.bytes). From a mark below the cap on, sealed segments of topics
 * with cleanup.policy=delete go, the oldest over all topics first, never those of internal topics. A Produce that finds the cap
 * near waits for that; when nothing is left that may go it is refused (`DirectorySize.admit`), and now and then it is
 * looked again, as somebody may have deleted records or topics.
 *
 *   onRoomWanted, a new cap, upkeep --soon--> pass <--at once-- Produce at the cap
 *   pass: count, if that is long ago; sweep what is to go anyway; overDisk over all partitions, opening those that give
 */
import type { Env, Timer } from '../kernel/env.ts';
import { closedAges } from '../log/closed-retention.ts';
import type { DirectorySize } from '../log/directory-size.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { type DiskUser, overDisk, type SegmentAge } from '../log/retention-rules.ts';
import { rollBytesOf } from '../log/roll-rules.ts';
import { partitionName } from '../log/segment-files.ts';
import { isInternalTopic } from '../protocol/topic-names.ts';
import { LoopTurns } from './loop-turns.ts';
import type { LedPartition, Partitions } from './partitions.ts';

/** After an append that came near the cap: whoever appends once does not pay for the pass. */
const SOON_MS = 50;
/** After the start, likewise. */
const START_MS = 1000;
/** After a pass that made too little room: at least so long, and so many times what it took. */
const REST_MS_MIN = 250;
const REST_FACTOR = 10;
const COUNT_AGE_MS_MAX = 60_000;
/** How long a Produce waits for a pass before it is refused: far less than clients wait for an answer. */
const WAIT_MS_MAX = 5000;
const ROUNDS_MAX = 4;
/** That appends are refused is told no more often. */
const TELL_MS = 600_000;

export interface RoomParts {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly size: DirectorySize;
  readonly logs: Pick<LogDirectory, 'sweep' | 'opened' | 'closedPartition' | 'unrecovered'>;
  readonly partitions: Pick<Partitions, 'allLed' | 'logOf' | 'configOf'>;
}

export class DiskRoom {
  readonly #parts: RoomParts;
  #pass: Promise<void> | undefined;
  #timer: Timer | undefined;
  /** Monotonic; until then no pass begins. */
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #countedMs = Number.NEGATIVE_INFINITY;
  /** Monotonic. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(parts: RoomParts) {
    this.#parts = parts;
    parts.size.onRoomWanted((isRefused) => {
      if (isRefused) this.#tell();
      this.#soon(SOON_MS);
    });
    if (parts.size.capBytes !== Number.POSITIVE_INFINITY) this.#soon(START_MS);
  }

  /** Infinity: none. */
  setCap(capBytes: number): void {
    const { size } = this.#parts;
    if (capBytes === size.capBytes) return;
    size.setCap(capBytes);
    this.#restUntilMs = Number.NEGATIVE_INFINITY;
    if (capBytes !== Number.POSITIVE_INFINITY) this.#soon(SOON_MS);
  }

  /**
   * Asked before a Produce: undefined when it need not wait, be it because there is room or because none was found a moment ago.
   * Never rejects.
   */
  wait(): Promise<void> | undefined {
    const { size, env } = this.#parts;
    if (size.isReady && !size.isCrowded) return undefined;
    if (this.#isStopped || env.clock.monotonicMs() < this.#restUntilMs) return undefined;
    const pass = this.#run();
    return new Promise((resolve) => {
      const timer = env.clock.timer(WAIT_MS_MAX, resolve);
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      pass.then(done, done);
    });
  }

  /** Makes room where it is wanted. Never rejects. */
  async look(): Promise<void> {
    const { size, env } = this.#parts;
    const isDue = !size.isReady || size.wantedBytes > 0;
    if (isDue && !this.#isStopped && env.clock.monotonicMs() >= this.#restUntilMs) await this.#run();
  }

  /** No pass begins any more; resolves when the one under way has ended, which it does at the next log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#pass;
  }

  #soon(delayMs: number): void {
    if (this.#timer !== undefined || this.#pass !== undefined || this.#isStopped) return;
    const { clock } = this.#parts.env;
    const restMs = this.#restUntilMs - clock.monotonicMs();
    const due = (): void => {
      this.#timer = undefined;
      void this.look();
    };
    this.#timer = clock.timer(Math.max(delayMs, restMs), due, true);
  }

  #run(): Promise<void> {
    this.#pass ??= this.#runOnce().finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  async #runOnce(): Promise<void> {
    const { size, env } = this.#parts;
    const beganMs = env.clock.monotonicMs();
    let deletedCount = 0;
    try {
      deletedCount = await this.#makeRoom();
    } catch (error) {
      env.log.warn(`no room can be made below the cap on the directory's size: ${String(error)}`);
    }
    const isEnough = deletedCount > 0 || (size.isReady && size.wantedBytes === 0);
    if (isEnough) return;
    const nowMs = env.clock.monotonicMs();
    this.#restUntilMs = nowMs + Math.max(REST_MS_MIN, REST_FACTOR * (nowMs - beganMs));
  }

  #tell(): void {
    const { size, env } = this.#parts;
    const nowMs = env.clock.monotonicMs();
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    env.log.warn(
      `the directory has reached its cap of ${size.capBytes} bytes (streamctl.max.disk.bytes): appends are refused until something of it can be deleted`,
    );
  }

  /** Answers how many segments went. */
  async #makeRoom(): Promise<number> {
    const { size, logs } = this.#parts;
    const isStopped = (): boolean => this.#isStopped;
    if (size.isReady && size.wantedBytes === 0) return 0;
    await this.#count(COUNT_AGE_MS_MAX);
    let deletedCount = size.wantedBytes > 0 ? await logs.sweep({ atOnce: true, isStopped }) : 0;
    let isCountedAgain = false;
    for (let round = 0; round < ROUNDS_MAX && size.wantedBytes > 0 && !this.#isStopped; round++) {
      const { usedBytes, wantedBytes } = size;
      const gives = overDisk(await this.#users(), usedBytes, usedBytes - wantedBytes);
      const giveCounts = new Map(gives.map(({ name, count }) => [name, count]));
      const names = new Set(giveCounts.keys());
      await this.#openAll(names);
      const count = names.size === 0 ? 0 : await logs.sweep({ names, giveCounts, atOnce: true, isStopped });
      deletedCount += count;
      if (count > 0) continue;
      // Before anything is refused it is known for certain: somebody may have removed something by other ways.
      if (isCountedAgain) break;
      isCountedAgain = true;
      await this.#count(0);
    }
    return deletedCount;
  }

  async #count(ageMsMax: number): Promise<void> {
    const { size, env } = this.#parts;
    const nowMs = env.clock.monotonicMs();
    if (size.isReady && nowMs - this.#countedMs < ageMsMax) return;
    await size.count();
    this.#countedMs = nowMs;
  }

  async #users(): Promise<DiskUser[]> {
    const { env, logs } = this.#parts;
    const users: DiskUser[] = [];
    const unrecovered = new Set(
      (await logs.unrecovered()).map(({ topic, partition }) => partitionName(topic, partition)),
    );
    const turns = new LoopTurns(env.clock);
    for (const led of this.#parts.partitions.allLed()) {
      if (this.#isStopped) break;
      if (turns.isDue()) await turns.next();
      const { topic } = led;
      const config = this.#parts.partitions.configOf(topic);
      const facts = { internal: isInternalTopic(topic.name), deletable: config.cleanupPolicy !== 'compact' };
      if (facts.internal || !facts.deletable) continue;
      const name = partitionName(topic.name, led.partition.index);
      const found = await this.#agesOf(led, unrecovered.has(name));
      if (found === undefined) continue;
      users.push({
        name,
        ...facts,
        belowOffset: found.belowOffset,
        // One that is appended to and is as large as segments become by now is sealed before it goes.
        segments: found.ages.map((age) => (age.bytes < rollBytesOf(config) ? age : { ...age, active: false })),
      });
    }
    return users;
  }

  /** undefined: nothing can be deleted of it. Opens the log where no line says enough. */
  async #agesOf(
    led: LedPartition,
    isUnrecovered: boolean,
  ): Promise<{ ages: readonly SegmentAge[]; belowOffset: number } | undefined> {
    const { topic, partition } = led;
    const { logs } = this.#parts;
    const closed = logs.closedPartition(topic.name, partition.index, topic.topicId);
    if (closed?.damagedAt !== undefined) return undefined;
    const ages = closed === undefined ? undefined : closedAges(closed, undefined);
    if (closed !== undefined && ages !== undefined) return { ages, belowOffset: closed.endOffset };
    const isToOpen = closed !== undefined || isUnrecovered;
    const log = isToOpen ? await this.#open(led) : logs.opened(topic.name, partition.index);
    if (log === undefined || log.failed !== undefined || log.damagedAt !== undefined || log.closed) return undefined;
    return { ages: await log.ages(), belowOffset: log.deletableEnd };
  }

  async #openAll(names: ReadonlySet<string>): Promise<void> {
    if (names.size === 0) return;
    for (const led of this.#parts.partitions.allLed()) {
      if (this.#isStopped) return;
      if (names.has(partitionName(led.topic.name, led.partition.index))) await this.#open(led);
    }
  }

  async #open(led: LedPartition): Promise<PartitionLog | undefined> {
    const { partitions, env } = this.#parts;
    try {
      return await partitions.logOf(led);
    } catch (error) {
      const { topic, partition } = led;
      env.log.warn(`${partitionName(topic.name, partition.index)} gives no room: ${String(error)}`);
      return undefined;
    }
  }
}
