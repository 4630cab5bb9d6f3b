/**
 * Replay of the metadata log: one pure function, the same for whoever reads. An entry that does not hold (its writer is not
 * the newest registration of its id, its controller epoch is not the current one, or what it expects is not so) changes
 * nothing but `lastNumber`; all readers skip alike because all decide from the same entries before it.
 */
import type { BrokerRegistration, ClusterImage, PartitionImage, TopicImage } from './cluster-image.ts';
import { DELETED_TOPIC_IDS_MAX, topicById } from './cluster-image.ts';
import type {
  BrokerRegistered,
  ConfigChanges,
  ControllerEntry,
  MetadataEntry,
  NewPartition,
  PartitionsAdded,
  TopicConfigsAltered,
  TopicCreated,
  TopicDeleted,
} from './entries.ts';

/** The image after the entry `image.lastNumber + 1`, whether it holds or not. */
export function applyEntry(image: ClusterImage, entry: MetadataEntry): ClusterImage {
  const number = image.lastNumber + 1;
  const changes = entryHolds(image, entry) ? changesOf(image, entry) : {};
  return { ...image, ...changes, lastNumber: number };
}

/** Whether the entry, put at `image.lastNumber + 1`, would be replayed and not skipped. */
export function entryHolds(image: ClusterImage, entry: MetadataEntry): boolean {
  if (entry.type === 'broker-registered') {
    const claim = entry.claimsController;
    return (
      entry.brokerEpoch === image.lastNumber + 1 &&
      entry.expects.lastNumber === image.lastNumber &&
      (claim === undefined || claim === image.controllerEpoch + 1)
    );
  }
  if (image.brokers.get(entry.brokerId)?.brokerEpoch !== entry.brokerEpoch) {
    return false;
  }
  return entry.type === 'producer-id-block' || controllerEntryHolds(image, entry);
}

function controllerEntryHolds(image: ClusterImage, entry: ControllerEntry): boolean {
  if (image.controllerId !== entry.brokerId || image.controllerEpoch !== entry.controllerEpoch) {
    return false;
  }
  switch (entry.type) {
    case 'topic-created':
      return !image.topics.has(entry.name) && !image.topicNameById.has(entry.topicId);
    case 'partitions-added':
      return topicById(image, entry.topicId)?.partitions.length === entry.expects.partitionCount;
    case 'topic-deleted':
    case 'topic-configs-altered':
      return image.topicNameById.has(entry.topicId);
    case 'settings-altered':
      return true;
  }
}

function changesOf(image: ClusterImage, entry: MetadataEntry): Partial<ClusterImage> {
  switch (entry.type) {
    case 'broker-registered':
      return registered(image, entry);
    case 'topic-created':
      return topicCreated(image, entry);
    case 'topic-deleted':
      return topicDeleted(image, entry);
    case 'partitions-added':
      return withTopic(image, entry, (topic) => ({
        ...topic,
        partitions: [...topic.partitions, ...entry.partitions.map(newPartition)],
      }));
    case 'topic-configs-altered':
      return withTopic(image, entry, (topic) => ({ ...topic, configs: changed(topic.configs, entry.changes) }));
    case 'settings-altered':
      return { settings: changed(image.settings, entry.changes) };
    case 'producer-id-block':
      return {};
  }
}

function registered(image: ClusterImage, entry: BrokerRegistered): Partial<ClusterImage> {
  const registration: BrokerRegistration = {
    brokerId: entry.brokerId,
    brokerEpoch: entry.brokerEpoch,
    incarnation: entry.uuid,
    process: entry.process,
    command: entry.command,
    endpoints: entry.endpoints,
    ...(entry.hasLogs === true ? { hasLogs: true } : {}),
  };
  return {
    brokers: new Map(image.brokers).set(entry.brokerId, registration),
    ...(entry.claimsController === undefined
      ? {}
      : { controllerId: entry.brokerId, controllerEpoch: entry.claimsController }),
    ...(entry.uncleanClose ? { topics: withRaisedLeaderEpochs(image.topics, entry.brokerId) } : {}),
  };
}

/** The files of `brokerId` may have lost their end: whoever read that end must be able to tell (KIP-101). */
function withRaisedLeaderEpochs(
  topics: ReadonlyMap<string, TopicImage>,
  brokerId: number,
): ReadonlyMap<string, TopicImage> {
  const raise = (partition: PartitionImage): PartitionImage =>
    partition.leader === brokerId
      ? { ...partition, leaderEpoch: partition.leaderEpoch + 1, partitionEpoch: partition.partitionEpoch + 1 }
      : partition;
  return new Map([...topics].map(([name, topic]) => [name, { ...topic, partitions: topic.partitions.map(raise) }]));
}

function topicCreated(image: ClusterImage, entry: TopicCreated): Partial<ClusterImage> {
  const topic: TopicImage = {
    name: entry.name,
    topicId: entry.topicId,
    configs: new Map(Object.entries(entry.configs)),
    partitions: entry.partitions.map(newPartition),
  };
  return {
    topics: new Map(image.topics).set(entry.name, topic),
    topicNameById: new Map(image.topicNameById).set(entry.topicId, entry.name),
  };
}

function topicDeleted(image: ClusterImage, entry: TopicDeleted): Partial<ClusterImage> {
  const topics = new Map(image.topics);
  const topicNameById = new Map(image.topicNameById);
  const name = topicNameById.get(entry.topicId);
  topicNameById.delete(entry.topicId);
  if (name !== undefined) {
    topics.delete(name);
  }
  return { topics, topicNameById, deletedTopicIds: withNewest(image.deletedTopicIds, entry.topicId) };
}

function withNewest(ids: ReadonlySet<string>, newest: string): ReadonlySet<string> {
  return new Set([...ids, newest].slice(-DELETED_TOPIC_IDS_MAX));
}

function withTopic(
  image: ClusterImage,
  entry: PartitionsAdded | TopicConfigsAltered,
  change: (topic: TopicImage) => TopicImage,
): Partial<ClusterImage> {
  const topic = topicById(image, entry.topicId);
  return topic === undefined ? {} : { topics: new Map(image.topics).set(topic.name, change(topic)) };
}

function newPartition({ index, replicas }: NewPartition): PartitionImage {
  return { index, leader: replicas[0] ?? -1, leaderEpoch: 0, partitionEpoch: 0, replicas, isr: replicas };
}

function changed(current: ReadonlyMap<string, string>, changes: ConfigChanges): ReadonlyMap<string, string> {
  const result = new Map(current);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) {
      result.delete(name);
    } else {
      result.set(name, value);
    }
  }
  return result;
}
