/** Where a member begins to read its partitions, and where it ends (R16, R18). */
import type { Env } from '../kernel/env.ts';
import { Backoff } from './backoff.ts';
import type { ConsumeOptions } from './consumer.ts';
import { Deadline } from './deadline.ts';
import type { PartitionCursor } from './fetch-request.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { fetchCommitted, type GroupPartition, partitionKey } from './group-offsets.ts';
import type { TopicLookUp } from './group-topics.ts';
import { crossGap, LATEST, listOffsets, type OffsetPlace, offsetsOf } from './offsets.ts';
import type { Transport } from './transport.ts';

export interface StartingCursor {
  readonly cursor: PartitionCursor;
  /** undefined: the group has no offset for it. */
  readonly committed: number | undefined;
}

/** How long a partition is waited for that is assigned and not there. */
const LEARNING_MS_MAX = 5_000;

type Place = Omit<PartitionCursor, 'fetchOffset' | 'untilOffset' | 'failingSinceMs'>;

export interface GroupPositionsParts {
  readonly env: Env;
  readonly transport: Transport;
  readonly coordinator: GroupCoordinator;
  readonly topics: TopicLookUp;
}

export class GroupPositions {
  readonly #parts: GroupPositionsParts;
  readonly #options: ConsumeOptions;
  /** Ends (exclusive) by partition, for good once they are known. */
  readonly #ends = new Map<string, number>();

  constructor(parts: GroupPositionsParts, options: ConsumeOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Whether reading ends anywhere. */
  get isBounded(): boolean {
    return this.#options.exitAtEnd || this.#options.until !== undefined;
  }

  /** Fixes the ends of all partitions of all topics; those that are fixed already stay. Throws `ClientError`. */
  async freezeEnds(): Promise<void> {
    if (!this.isBounded) return;
    const places = this.#places(this.#allPartitions()).filter((place) => !this.#ends.has(partitionKey(place)));
    if (places.length === 0) return;
    const { exitAtEnd, until, isolation } = this.#options;
    const ends = exitAtEnd ? await listOffsets(this.#caller(), places, LATEST, isolation) : [];
    const untils = until === undefined ? [] : await offsetsOf(this.#caller(), places, until, isolation);
    for (const [index, place] of places.entries()) {
      const key = partitionKey(place);
      if (!this.#ends.has(key)) this.#ends.set(key, Math.min(ends[index] ?? Infinity, untils[index] ?? Infinity));
    }
  }

  /** Throws `ClientError`; of kind `data` where the log does not hold the offset to begin at and a gap is not wanted. */
  async open(partitions: readonly GroupPartition[]): Promise<StartingCursor[]> {
    await this.#learn(partitions);
    await this.freezeEnds();
    const places = this.#places(partitions);
    const committed = places.length === 0 ? [] : await this.#committed(places);
    const missing = places.filter((_, index) => committed[index] === undefined);
    const { start, isolation } = this.#options;
    const starts = missing.length === 0 ? [] : await offsetsOf(this.#caller(), missing, start, isolation);
    const opened: StartingCursor[] = [];
    for (const [index, place] of places.entries()) {
      const found = committed[index];
      const wanted = found ?? starts[missing.indexOf(place)] ?? 0;
      const untilOffset = this.#ends.get(partitionKey(place)) ?? Infinity;
      const cursor = { ...place, fetchOffset: wanted, untilOffset, failingSinceMs: undefined };
      if (wanted > untilOffset) await this.#checkBeyond(cursor);
      opened.push({ cursor, committed: found });
    }
    return opened;
  }

  /** How many records at most lie between what is committed and the ends, over all partitions of all topics; 0: all is read. */
  async recordsLeft(): Promise<number> {
    await this.freezeEnds();
    const partitions = this.#allPartitions();
    const committed = await this.#committed(partitions);
    let left = 0;
    for (const [index, partition] of partitions.entries()) {
      const end = this.#ends.get(partitionKey(partition)) ?? Infinity;
      const at = committed[index];
      left += Math.max(0, end - (at ?? 0));
    }
    return left;
  }

  /** Whether each partition has a committed offset that is its end. */
  async isAllRead(): Promise<boolean> {
    await this.freezeEnds();
    const partitions = this.#allPartitions();
    const committed = await this.#committed(partitions);
    return partitions.every((partition, index) => committed[index] === this.#ends.get(partitionKey(partition)));
  }

  /** Brokers hear of a new partition one after the other: the one that is asked here perhaps after the one that assigns it. */
  async #learn(partitions: readonly GroupPartition[]): Promise<void> {
    const { env, topics } = this.#parts;
    const isKnown = ({ topic, partition }: GroupPartition): boolean =>
      topics.named(topic)?.partitions[partition] !== undefined || !topics.names.includes(topic);
    const backoff = new Backoff(env.random);
    const deadline = new Deadline(env.clock, LEARNING_MS_MAX);
    while (!partitions.every(isKnown) && !deadline.passed) {
      await topics.refresh();
      if (!partitions.every(isKnown)) await env.clock.sleep(backoff.nextMs());
    }
  }

  async #committed(partitions: readonly GroupPartition[]): Promise<(number | undefined)[]> {
    const { coordinator } = this.#parts;
    const deadline = this.#deadline();
    const ask = () => fetchCommitted(coordinator, partitions, deadline.attemptMs());
    return await coordinator.persistently(deadline, ask);
  }

  /**
   * To be behind the end is to have read all, as long as the log holds the offset; else records that came since were another log's.
   * What a reader of committed records may not see yet is in the log all the same.
   */
  async #checkBeyond(cursor: PartitionCursor): Promise<void> {
    const isolation = 'read_uncommitted';
    const [end = 0] = await listOffsets(this.#caller(), [cursor], LATEST, isolation);
    if (cursor.fetchOffset > end) await crossGap(this.#caller(), cursor, { ...this.#options, isolation });
  }

  #allPartitions(): GroupPartition[] {
    return this.#parts.topics.known.flatMap(({ name, partitions }) =>
      partitions.map(({ partition }) => ({ topic: name, partition })),
    );
  }

  /** Without those that are not there any more. */
  #places(partitions: readonly GroupPartition[]): (Place & OffsetPlace)[] {
    return partitions.flatMap(({ topic, partition }) => {
      const found = this.#parts.topics.named(topic);
      const info = found?.partitions[partition];
      if (found === undefined || info === undefined) return [];
      return [{ topic, topicId: found.topicId, partition, leader: info.leader, leaderEpoch: info.leaderEpoch }];
    });
  }

  #caller() {
    const { env, transport } = this.#parts;
    return { env, transport, deadline: this.#deadline() };
  }

  #deadline(): Deadline {
    return new Deadline(this.#parts.env.clock, this.#options.timeoutMs);
  }
}
