/**
 * From a topic's partition to its open log. What exists and who leads is read from the cluster's image each time; a log
 * is opened when it is first asked for, once, and closed and removed when its topic is no longer in the image.
 */

import type { BrokerSession } from '../cluster/broker-session.ts';
import type { ClusterImage, PartitionImage, TopicImage } from '../cluster/cluster-image.ts';
import { topicById } from '../cluster/cluster-image.ts';
import type { Env } from '../kernel/env.ts';
import { rollBytesWithin } from '../log/directory-size.ts';
import type { LogConfig } from '../log/log-config.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { partitionName } from '../log/segment-files.ts';
import { KafkaError } from '../protocol/errors.ts';
import { isInternalTopic } from '../protocol/topic-names.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import { logConfigOf } from './topic-configs.ts';

/** A partition that this broker leads, and its topic. */
export interface LedPartition {
  readonly topic: TopicImage;
  readonly partition: PartitionImage;
}

export class Partitions {
  readonly #env: Env;
  readonly #session: BrokerSession;
  readonly #logs: LogDirectory;
  readonly #settings: EffectiveSettings;
  /** Logs that are open or being opened, by topic id, then by partition. */
  readonly #opened = new Map<string, Map<number, PartitionLog | Promise<PartitionLog>>>();
  /** Removals under way, by topic name: a new topic of the same name waits for them before it touches the disk. */
  readonly #removals = new Map<string, Promise<void>>();
  /** Opened by `logOf` alone, by name: nobody has asked for them since. */
  readonly #unused = new Map<string, LedPartition>();
  /** Of unused ones, while it is under way: nothing is opened meanwhile. */
  #closing: Promise<void> | undefined;
  #image: ClusterImage;
  /** The power of two that holds the number of partitions, but those of internal topics: so it seldom changes. */
  #countBound: number;
  readonly #unsubscribe: () => void;

  constructor(env: Env, session: BrokerSession, logs: LogDirectory, settings: EffectiveSettings) {
    this.#env = env;
    this.#session = session;
    this.#logs = logs;
    this.#settings = settings;
    this.#image = session.image();
    this.#countBound = countBound(this.#image);
    this.#unsubscribe = session.onImage(() => this.#follow(session.image()));
  }

  topicNamed(name: string): TopicImage | undefined {
    return this.#session.image().topics.get(name);
  }

  topicWithId(topicId: string): TopicImage | undefined {
    return topicById(this.#session.image(), topicId);
  }

  /** Throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, or NOT_LEADER_OR_FOLLOWER when another broker leads. */
  led(topic: TopicImage, index: number): PartitionImage {
    const partition = topic.partitions[index];
    if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
    if (partition.leader !== this.#session.brokerId) throw new KafkaError('NOT_LEADER_OR_FOLLOWER');
    return partition;
  }

  /** The log of a partition that this broker leads; a promise only while it is being opened. */
  log(topic: TopicImage, partition: PartitionImage): PartitionLog | Promise<PartitionLog> {
    if (this.#unused.size > 0) this.#unused.delete(partitionName(topic.name, partition.index));
    return this.#opened.get(topic.topicId)?.get(partition.index) ?? this.#open(topic, partition);
  }

  /** Every partition that this broker leads, as the image is when the first one is asked for. */
  *allLed(): Iterable<LedPartition> {
    for (const topic of this.#session.image().topics.values()) {
      for (const partition of topic.partitions) {
        if (partition.leader === this.#session.brokerId) yield { topic, partition };
      }
    }
  }

  /**
   * The log for the broker's own housekeeping, opened where that is needed, until `closeUnused`; undefined when the topic was
   * deleted meanwhile. Rejects as `log` does.
   */
  async logOf(led: LedPartition): Promise<PartitionLog | undefined> {
    const { topic, partition } = led;
    if (this.topicWithId(topic.topicId) === undefined) return undefined;
    const opened = this.#opened.get(topic.topicId)?.get(partition.index);
    if (opened !== undefined) return opened;
    this.#unused.set(partitionName(topic.name, partition.index), led);
    return this.#open(topic, partition);
  }

  /** Closes the logs that only housekeeping has asked for. Nothing of it may be under way with them. Never rejects. */
  async closeUnused(): Promise<void> {
    const names = new Set<string>();
    for (const [name, { topic, partition }] of this.#unused) {
      const logs = this.#opened.get(topic.topicId);
      const log = logs?.get(partition.index);
      if (log instanceof Promise) continue;
      this.#unused.delete(name);
      if (log === undefined || !this.#session.image().topicNameById.has(topic.topicId)) continue;
      logs?.delete(partition.index);
      names.add(name);
    }
    if (names.size === 0) return;
    const tell = (error: unknown): void => this.#env.log.warn(`closing logs that nobody uses: ${String(error)}`);
    this.#closing = this.#logs.closePartitions(names).catch(tell);
    await this.#closing;
    this.#closing = undefined;
  }

  /** What a topic's configs come to for its logs; under a cap on the directory their segments are small enough for it. */
  configOf(topic: TopicImage): LogConfig {
    const config = logConfigOf(topic.configs, this.#settings.explicit);
    const { maxDiskBytes } = this.#settings;
    return maxDiskBytes === Number.POSITIVE_INFINITY
      ? config
      : { ...config, rollBytes: rollBytesWithin(maxDiskBytes, this.#countBound) };
  }

  /** Finishes removals and follows the image no more. The logs stay open: their directory closes them. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#removals.values());
  }

  #open(topic: TopicImage, partition: PartitionImage): Promise<PartitionLog> {
    const logs = this.#opened.get(topic.topicId) ?? new Map<number, PartitionLog | Promise<PartitionLog>>();
    this.#opened.set(topic.topicId, logs);
    const opening = this.#openAfterRemovals(topic, partition);
    logs.set(partition.index, opening);
    opening.then(
      (log) => logs.set(partition.index, log),
      () => logs.delete(partition.index),
    );
    return opening;
  }

  async #openAfterRemovals(topic: TopicImage, partition: PartitionImage): Promise<PartitionLog> {
    await this.#removals.get(topic.name);
    if (this.#closing !== undefined) await this.#closing;
    return this.#logs.openPartition({
      topic: topic.name,
      partition: partition.index,
      topicId: topic.topicId,
      config: this.configOf(topic),
      leaderEpoch: partition.leaderEpoch,
    });
  }

  #follow(image: ClusterImage): void {
    const before = this.#image;
    this.#image = image;
    if (image.topics === before.topics && image.settings === before.settings) return;
    const boundBefore = this.#countBound;
    this.#countBound = countBound(image);
    const isBoundNews = this.#countBound !== boundBefore && this.#settings.maxDiskBytes !== Number.POSITIVE_INFINITY;
    const concernsAll = isBoundNews || image.settings !== before.settings;
    for (const topic of before.topics.values()) {
      if (!image.topicNameById.has(topic.topicId)) this.#remove(topic);
    }
    for (const [topicId, logs] of this.#opened) {
      const topic = topicById(image, topicId);
      if (topic === undefined) continue;
      if (!concernsAll && topic.configs === topicById(before, topicId)?.configs) continue;
      for (const log of logs.values()) this.#configure(topic, log);
    }
  }

  #configure(topic: TopicImage, log: PartitionLog | Promise<PartitionLog>): void {
    const config = this.configOf(topic);
    if (!(log instanceof Promise)) {
      log.setConfig(config);
      return;
    }
    // A log that cannot be opened has told whoever asked for it.
    log.then(
      (opened) => opened.setConfig(config),
      () => undefined,
    );
  }

  #remove(topic: TopicImage): void {
    const earlier = this.#removals.get(topic.name) ?? Promise.resolve();
    const removal = earlier.then(() => this.#removePartitions(topic));
    this.#removals.set(topic.name, removal);
    removal.then(
      () => {
        if (this.#removals.get(topic.name) === removal) this.#removals.delete(topic.name);
      },
      () => undefined,
    );
  }

  /** Never rejects: what cannot be removed is left for the next start. */
  async #removePartitions(topic: TopicImage): Promise<void> {
    if (this.#closing !== undefined) await this.#closing;
    const opened = this.#opened.get(topic.topicId);
    for (const { index } of topic.partitions) {
      try {
        await opened?.get(index);
      } catch {
        // It never opened; its files may be there all the same.
      }
      try {
        await this.#logs.deletePartition(topic.name, index, topic.topicId);
      } catch (error) {
        this.#env.log.warn(`the files of ${topic.name}-${index} could not be removed: ${String(error)}`);
      }
    }
    this.#opened.delete(topic.topicId);
  }
}

function countBound(image: ClusterImage): number {
  let count = 0;
  for (const { name, partitions } of image.topics.values()) if (!isInternalTopic(name)) count += partitions.length;
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/**
 * Compares the leader epoch that a client knows with ours; -1 is "do not check". Throws KafkaError FENCED_LEADER_EPOCH when
 * the client's is older, UNKNOWN_LEADER_EPOCH when ours is.
 */
export function checkLeaderEpoch(partition: PartitionImage, clientEpoch: number): void {
  if (clientEpoch < 0 || clientEpoch === partition.leaderEpoch) return;
  throw new KafkaError(clientEpoch < partition.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH');
}
