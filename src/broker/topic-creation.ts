/** The rules for a new topic, shared by CreateTopics and by Metadata's creation of topics that a client asks for. */

import type { ClusterImage } from '../cluster/cluster-image.ts';
import { checkNewTopicName } from '../cluster/topic-changes.ts';
import { KafkaError } from '../protocol/errors.ts';
import { isInternalTopic } from '../protocol/topic-names.ts';
import { problemWithTopicConfigs } from './topic-configs.ts';

/** Partitions that one request may create, over all its topics (B-10). */
export const NEW_PARTITIONS_MAX = 10_000;
/** Kafka's "use the broker's default" in counts. */
const DEFAULT_COUNT = -1;

export interface Assignment {
  readonly partitionIndex: number;
  readonly brokerIds: readonly number[];
}

export interface NewTopic {
  readonly name: string;
  /** -1: the broker's default, or what the assignments say. */
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly assignments: readonly Assignment[];
  readonly configs: ReadonlyMap<string, string>;
}

/** What the cluster asks of a new name, and that no client takes one of ours. Throws KafkaError INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS. */
export function checkNewName(image: ClusterImage, name: string): void {
  checkNewTopicName(image, name);
  if (isInternalTopic(name)) {
    throw new KafkaError(
      'INVALID_TOPIC_EXCEPTION',
      `${name} belongs to the cluster itself, which creates it when needed`,
    );
  }
}

/**
 * The number of partitions of a topic that may be created. Throws KafkaError INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
 * INVALID_REPLICA_ASSIGNMENT, INVALID_REQUEST, INVALID_CONFIG.
 */
export function checkedPartitionCount(topic: NewTopic, brokerId: number, defaultPartitionCount: number): number {
  const problem = problemWithTopicConfigs(topic.configs);
  if (problem !== undefined) throw new KafkaError('INVALID_CONFIG', problem);
  if (topic.assignments.length > 0) return countAssigned(topic, brokerId);
  if (topic.replicationFactor !== DEFAULT_COUNT) checkReplicationFactor(topic.replicationFactor);
  if (topic.numPartitions === DEFAULT_COUNT) return defaultPartitionCount;
  if (topic.numPartitions < 1) {
    throw new KafkaError('INVALID_PARTITIONS', `a topic has at least one partition, not ${topic.numPartitions}`);
  }
  if (topic.numPartitions > NEW_PARTITIONS_MAX) {
    throw new KafkaError('INVALID_PARTITIONS', `one request creates at most ${NEW_PARTITIONS_MAX} partitions`);
  }
  return topic.numPartitions;
}

/** Throws KafkaError POLICY_VIOLATION where the directory would hold more than streamctl.max.partitions (B-10). */
export function checkRoom(image: ClusterImage, newCount: number, partitionsMax: number): void {
  let count = newCount;
  for (const { partitions } of image.topics.values()) count += partitions.length;
  if (count <= partitionsMax) return;
  throw new KafkaError('POLICY_VIOLATION', `the directory holds at most ${partitionsMax} partitions, not ${count}`);
}

/** Throws KafkaError INVALID_REPLICA_ASSIGNMENT unless each partition is given to this one broker. */
export function checkAssignedBrokers(brokerIdsOfEach: Iterable<readonly number[]>, brokerId: number): void {
  for (const brokerIds of brokerIdsOfEach) {
    if (brokerIds.length !== 1 || brokerIds[0] !== brokerId) {
      throw new KafkaError(
        'INVALID_REPLICA_ASSIGNMENT',
        `partitions can be assigned to broker ${brokerId} only, there is no other; not to [${brokerIds.join(', ')}]`,
      );
    }
  }
}

function countAssigned({ assignments, numPartitions, replicationFactor }: NewTopic, brokerId: number): number {
  if (numPartitions !== DEFAULT_COUNT || replicationFactor !== DEFAULT_COUNT) {
    throw new KafkaError('INVALID_REQUEST', 'give either assignments or a number of partitions and replicas, not both');
  }
  if (assignments.length > NEW_PARTITIONS_MAX) {
    throw new KafkaError('INVALID_PARTITIONS', `one request creates at most ${NEW_PARTITIONS_MAX} partitions`);
  }
  const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex));
  for (let index = 0; index < assignments.length; index += 1) {
    if (!indexes.has(index)) {
      throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'assigned partitions are numbered from 0 without a gap');
    }
  }
  checkAssignedBrokers(
    assignments.map(({ brokerIds }) => brokerIds),
    brokerId,
  );
  return assignments.length;
}

function checkReplicationFactor(replicationFactor: number): void {
  if (replicationFactor === 1) return;
  const found =
    replicationFactor < 1
      ? `a partition has at least one replica, not ${replicationFactor}`
      : `there is one broker, too few for ${replicationFactor} replicas`;
  throw new KafkaError('INVALID_REPLICATION_FACTOR', found);
}
