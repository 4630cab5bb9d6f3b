/** The committed offsets of one shard's groups, as its records say them. Changes by `replay` alone. */
import type { GroupRecordOf } from '../protocol/group/group-record.ts';
import { ZERO_UUID } from '../protocol/schema.ts';
import type { TopicsView } from './topics-view.ts';

export type OffsetRecord = GroupRecordOf<'offset-commit'>;
export type CommittedOffset = NonNullable<OffsetRecord['value']>;

/** The expiry of an offset that goes by its group's retention; clients before OffsetCommit v5 could give it one of its own. */
export const NO_EXPIRY = -1n;

/** By topic and partition. */
export type OffsetsByTopic = ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>;

export class OffsetStore {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>();

  /** A group is here as long as it has an offset. */
  replay({ groupId, topic, partition, value }: OffsetRecord): void {
    const topics = this.#groups.get(groupId) ?? new Map<string, Map<number, CommittedOffset>>();
    const partitions = topics.get(topic) ?? new Map<number, CommittedOffset>();
    if (value !== null) {
      this.#groups.set(groupId, topics.set(topic, partitions.set(partition, value)));
      return;
    }
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) this.#groups.delete(groupId);
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId);
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys();
  }

  /** Empty for a group without offsets. */
  of(groupId: string): OffsetsByTopic {
    return this.#groups.get(groupId) ?? NO_OFFSETS;
  }

  countOf(groupId: string): number {
    let count = 0;
    for (const partitions of this.of(groupId).values()) count += partitions.size;
    return count;
  }

  some(groupId: string, isMeant: (topic: string, offset: CommittedOffset) => boolean): boolean {
    for (const [topic, partitions] of this.of(groupId)) {
      for (const offset of partitions.values()) if (isMeant(topic, offset)) return true;
    }
    return false;
  }
}

const NO_OFFSETS: OffsetsByTopic = new Map();

/** Whether it was committed for another topic of that name, or for one that is gone; before Kafka 4.1 nobody noted which. */
export function isStale(topics: TopicsView, topic: string, { topicId }: CommittedOffset): boolean {
  return topicId !== ZERO_UUID && topics.byName(topic)?.topicId !== topicId;
}

export function offsetTombstone(groupId: string, topic: string, partition: number): OffsetRecord {
  return { kind: 'offset-commit', groupId, topic, partition, value: null };
}

/** One for each offset that `isMeant`, in the order in which they came. */
export function offsetTombstones(
  groupId: string,
  offsets: OffsetsByTopic,
  isMeant: (topic: string, offset: CommittedOffset) => boolean,
): OffsetRecord[] {
  return [...offsets].flatMap(([topic, partitions]) =>
    [...partitions].flatMap(([partition, offset]) =>
      isMeant(topic, offset) ? offsetTombstone(groupId, topic, partition) : [],
    ),
  );
}
