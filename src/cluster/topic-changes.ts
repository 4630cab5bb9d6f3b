/**
 * What the controller appends for a change of topics or settings: pure functions from the image and the wish to an entry.
 * They check names and existence; the values of configs are the broker's to check. undefined means that the change is
 * already there: an append whose answer was lost is decided again and finds its own work.
 */
import { KafkaError } from '../protocol/errors.ts';
import { collidingTopic, problemWithTopicName } from '../protocol/topic-names.ts';
import { type ClusterImage, type TopicImage, topicById } from './cluster-image.ts';
import type {
  ConfigChanges,
  ControllerHead,
  NewPartition,
  PartitionsAdded,
  SettingsAltered,
  TopicConfigsAltered,
  TopicCreated,
  TopicDeleted,
} from './entries.ts';

export interface NewTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitionCount: number;
  readonly configs: ReadonlyMap<string, string>;
}

/** Throws KafkaError INVALID_TOPIC_EXCEPTION for a name that no new topic may have, TOPIC_ALREADY_EXISTS. */
export function checkNewTopicName(image: ClusterImage, name: string): void {
  const problem = problemWithTopicName(name);
  if (problem !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', problem);
  if (image.topics.has(name)) throw new KafkaError('TOPIC_ALREADY_EXISTS', `topic '${name}' already exists`);
  const other = collidingTopic(name, image.topics.keys());
  if (other !== undefined) {
    throw new KafkaError('INVALID_TOPIC_EXCEPTION', `'${name}' differs from topic '${other}' only in '.' and '_'`);
  }
}

/** Throws KafkaError INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, TOPIC_ALREADY_EXISTS. */
export function createTopicEntry(image: ClusterImage, head: ControllerHead, topic: NewTopic): TopicCreated | undefined {
  if (image.topicNameById.get(topic.topicId) === topic.name) {
    return undefined;
  }
  checkNewTopicName(image, topic.name);
  if (!Number.isInteger(topic.partitionCount) || topic.partitionCount < 1) {
    throw new KafkaError('INVALID_PARTITIONS', 'a topic has at least one partition');
  }
  return {
    ...head,
    type: 'topic-created',
    name: topic.name,
    topicId: topic.topicId,
    configs: Object.fromEntries(topic.configs),
    partitions: newPartitions(head.brokerId, 0, topic.partitionCount),
  };
}

/** Throws KafkaError UNKNOWN_TOPIC_ID. `seen`: this very change was decided before. */
export function deleteTopicEntry(
  image: ClusterImage,
  head: ControllerHead,
  topicId: string,
  seen: boolean,
): TopicDeleted | undefined {
  if (seen && !image.topicNameById.has(topicId)) {
    return undefined;
  }
  requireTopic(image, topicId);
  return { ...head, type: 'topic-deleted', topicId };
}

/** `partitionCount` is the new total. Throws KafkaError UNKNOWN_TOPIC_ID, INVALID_PARTITIONS. */
export function addPartitionsEntry(
  image: ClusterImage,
  head: ControllerHead,
  topicId: string,
  partitionCount: number,
  seen: boolean,
): PartitionsAdded | undefined {
  const topic = requireTopic(image, topicId);
  const present = topic.partitions.length;
  if (seen && present === partitionCount) {
    return undefined;
  }
  if (!Number.isInteger(partitionCount) || partitionCount <= present) {
    throw new KafkaError('INVALID_PARTITIONS', `topic '${topic.name}' has ${present} partitions already`);
  }
  return {
    ...head,
    type: 'partitions-added',
    topicId,
    expects: { partitionCount: present },
    partitions: newPartitions(head.brokerId, present, partitionCount),
  };
}

/** Throws KafkaError UNKNOWN_TOPIC_ID. undefined when nothing would change. */
export function alterTopicConfigsEntry(
  image: ClusterImage,
  head: ControllerHead,
  topicId: string,
  changes: ReadonlyMap<string, string | null>,
): TopicConfigsAltered | undefined {
  const effective = effectiveChanges(requireTopic(image, topicId).configs, changes);
  return effective && { ...head, type: 'topic-configs-altered', topicId, changes: effective };
}

/** undefined when nothing would change. */
export function alterSettingsEntry(
  image: ClusterImage,
  head: ControllerHead,
  changes: ReadonlyMap<string, string | null>,
): SettingsAltered | undefined {
  const effective = effectiveChanges(image.settings, changes);
  return effective && { ...head, type: 'settings-altered', changes: effective };
}

function requireTopic(image: ClusterImage, topicId: string): TopicImage {
  const topic = topicById(image, topicId);
  if (topic === undefined) {
    throw new KafkaError('UNKNOWN_TOPIC_ID', `no topic has the id ${topicId}`);
  }
  return topic;
}

/** Partitions from `start`, inclusive, to `end`, exclusive, with one replica. */
function newPartitions(brokerId: number, start: number, end: number): NewPartition[] {
  return Array.from({ length: end - start }, (_, at) => ({ index: start + at, replicas: [brokerId] }));
}

function effectiveChanges(
  current: ReadonlyMap<string, string>,
  changes: ReadonlyMap<string, string | null>,
): ConfigChanges | undefined {
  const effective = [...changes].filter(([name, value]) => (current.get(name) ?? null) !== value);
  return effective.length === 0 ? undefined : Object.fromEntries(effective);
}
