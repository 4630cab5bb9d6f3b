/**
 * The topic in which groups keep their state: `__consumer_offsets`, which the broker makes itself when the first client asks for a
 * group's coordinator. Source: Kafka's GroupCoordinatorService.groupMetadataTopicConfigs, DefaultAutoTopicCreationManager.
 */

import type { BrokerSession } from '../cluster/broker-session.ts';
import type { TopicImage } from '../cluster/cluster-image.ts';
import { KafkaError } from '../protocol/errors.ts';
import { offsetsPartitionOf } from '../protocol/group/offsets-partition.ts';

export const OFFSETS_TOPIC = '__consumer_offsets';

/** A group's state after one turn is one batch, which is never split. */
const BATCH_BYTES_MAX = 16 << 20;

/** What the settings say of it when it is made. */
export interface OffsetsTopicSettings {
  /** offsets.topic.num.partitions */
  readonly partitionCount: number;
  /** offsets.topic.segment.bytes */
  readonly segmentBytes: number;
}

export class OffsetsTopic {
  readonly #session: BrokerSession;
  readonly #settings: () => OffsetsTopicSettings;
  #making: Promise<TopicImage> | undefined;

  constructor(session: BrokerSession, settings: () => OffsetsTopicSettings) {
    this.#session = session;
    this.#settings = settings;
  }

  /** undefined while there is none. */
  find(): TopicImage | undefined {
    return this.#session.image().topics.get(OFFSETS_TOPIC);
  }

  /** Makes it where it is missing; whoever asks meanwhile waits for the same. Throws KafkaError COORDINATOR_NOT_AVAILABLE. */
  async make(): Promise<TopicImage> {
    const found = this.find();
    if (found !== undefined) return found;
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return await this.#making;
  }

  async #make(): Promise<TopicImage> {
    const { partitionCount, segmentBytes } = this.#settings();
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'producer'],
      ['max.message.bytes', String(BATCH_BYTES_MAX)],
      ['segment.bytes', String(segmentBytes)],
      // A commit that was acked is on the disk, whatever the directory's other topics are for.
      ['streamctl.durability', 'ack'],
    ]);
    try {
      return await this.#session.createTopic({ name: OFFSETS_TOPIC, partitionCount, configs });
    } catch (error) {
      const made = this.find();
      if (made !== undefined) return made;
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `${OFFSETS_TOPIC} cannot be made`, { cause: error });
    }
  }
}

/** Which partition of `topic` keeps the group's state: by the number that the topic has, whatever the settings say now. */
export function partitionOfGroup(groupId: string, topic: TopicImage): number {
  return offsetsPartitionOf(groupId, topic.partitions.length);
}
