/**
 * Committing, reading and deleting a group's offsets, once it is clear that the caller may. Source: Kafka's OffsetMetadataManager.java.
 */
import type { OffsetFetch } from '../protocol/apis/09-offset-fetch.ts';
import type { OffsetDelete } from '../protocol/apis/47-offset-delete.ts';
import { errorCode } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ZERO_UUID } from '../protocol/schema.ts';
import type { CommitWho, FetchWho } from './group-kind.ts';
import {
  type CommittedOffset,
  isStale,
  NO_EXPIRY,
  type OffsetRecord,
  type OffsetsByTopic,
  offsetTombstone,
} from './offset-store.ts';
import type { TopicsView } from './topics-view.ts';

/**
 * Normalised by the handler: it has asked which topics exist (UNKNOWN_TOPIC_OR_PARTITION for each partition, UNKNOWN_TOPIC_ID for
 * ids), has split names from ids, and merges its own errors.
 */
export interface CommitRequest {
  readonly groupId: string;
  readonly who: CommitWho;
  readonly offsets: readonly OffsetToCommit[];
}

export interface OffsetToCommit {
  readonly topic: string;
  /** Of the topic as it exists. */
  readonly topicId: string;
  readonly partition: number;
  /** Anything is taken, as in Kafka. */
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** In the order of the request. */
export interface CommitResult {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
}

/** One group of an OffsetFetch. */
export interface FetchGroup {
  readonly groupId: string;
  readonly who: FetchWho;
  /** null: all that the group has. `topicId` is only handed back. */
  readonly topics: readonly FetchTopic[] | null;
}

export interface FetchTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionIndexes: readonly number[];
}

export type FetchedGroup = ResponseOf<typeof OffsetFetch>['groups'][number];
type FetchedPartition = FetchedGroup['topics'][number]['partitions'][number];

export type OffsetDeleteRequest = RequestOf<typeof OffsetDelete>;
export type OffsetDeleteResponse = ResponseOf<typeof OffsetDelete>;

/** What a commit writes and answers; metadata of more than `metadataMax` UTF-16 units is refused for its partition alone. */
export function planCommit(
  { groupId, offsets }: CommitRequest,
  metadataMax: number,
  wallMs: number,
): { readonly records: readonly OffsetRecord[]; readonly results: readonly CommitResult[] } {
  const records: OffsetRecord[] = [];
  const commitTimestamp = BigInt(wallMs);
  const results = offsets.map(({ topic, topicId, partition, offset, leaderEpoch, metadata }) => {
    const fits = metadata.length <= metadataMax;
    if (fits) {
      const value = { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp: NO_EXPIRY, topicId };
      records.push({ kind: 'offset-commit', groupId, topic, partition, value });
    }
    return { topic, topicId, partition, errorCode: errorCode(fits ? 'NONE' : 'OFFSET_METADATA_TOO_LARGE') };
  });
  return { records, results };
}

/** Offsets that are not there, or that were committed for another topic of that name, are answered as none. */
export function readOffsets(request: FetchGroup, offsets: OffsetsByTopic, topics: TopicsView): FetchedGroup {
  const asked = request.topics ?? allTopics(offsets, topics);
  return {
    groupId: request.groupId,
    topics: asked.map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((partition) => {
        const found = offsets.get(name)?.get(partition);
        return fetched(partition, found === undefined || isStale(topics, name, found) ? undefined : found);
      }),
    })),
    errorCode: 0,
  };
}

/** Records and answer of an OffsetDelete; what the group subscribes to stays. */
export function planDelete(
  { groupId, topics }: OffsetDeleteRequest,
  offsets: OffsetsByTopic,
  isSubscribed: (topic: string) => boolean,
): { readonly records: readonly OffsetRecord[]; readonly response: OffsetDeleteResponse } {
  const records: OffsetRecord[] = [];
  const results = topics.map(({ name, partitions }) => {
    const subscribed = isSubscribed(name);
    const code = errorCode(subscribed ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE');
    for (const { partitionIndex } of subscribed ? [] : partitions) {
      if (offsets.get(name)?.has(partitionIndex)) records.push(offsetTombstone(groupId, name, partitionIndex));
    }
    return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })) };
  });
  return { records, response: { errorCode: 0, throttleTimeMs: 0, topics: results } };
}

function allTopics(offsets: OffsetsByTopic, topics: TopicsView): readonly FetchTopic[] {
  return [...offsets].flatMap(([name, partitions]) => {
    const live = [...partitions].filter(([, offset]) => !isStale(topics, name, offset)).map(([partition]) => partition);
    const partitionIndexes = live.sort((left, right) => left - right);
    const topicId = topics.byName(name)?.topicId ?? ZERO_UUID;
    return live.length === 0 ? [] : { name, topicId, partitionIndexes };
  });
}

function fetched(partitionIndex: number, found: CommittedOffset | undefined): FetchedPartition {
  return {
    partitionIndex,
    committedOffset: found?.offset ?? -1n,
    committedLeaderEpoch: found?.leaderEpoch ?? -1,
    metadata: found?.metadata ?? '',
    errorCode: 0,
  };
}
