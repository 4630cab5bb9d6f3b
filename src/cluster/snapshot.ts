/**
 * A snapshot: the whole image up to an entry's number, inclusive, as one file (layout.ts). It spares a reader the entries
 * before it, and lets them be deleted.
 *
 *     {"v":1,"lastNumber":N,"clusterId":...,"controllerId":...,"controllerEpoch":...,
 *      "brokers":[BrokerRegistration...],"topics":[{"name","topicId","configs":{},"partitions":[PartitionImage...]}...],
 *      "settings":{},"deletedTopicIds":[...]}
 *
 * `deletedTopicIds` came later: a snapshot without it says nothing of topics that were deleted.
 */
import { sealJson, unsealJson } from './checked-json.ts';
import { ClusterError } from './cluster-error.ts';
import type { BrokerRegistration, ClusterImage, PartitionImage, TopicImage } from './cluster-image.ts';
import { FORMAT_VERSION } from './layout.ts';

interface SnapshotFields {
  readonly v: number;
  readonly lastNumber: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly controllerEpoch: number;
  readonly brokers: readonly BrokerRegistration[];
  readonly topics: readonly {
    readonly name: string;
    readonly topicId: string;
    readonly configs: Readonly<Record<string, string>>;
    readonly partitions: readonly PartitionImage[];
  }[];
  readonly settings: Readonly<Record<string, string>>;
  readonly deletedTopicIds?: readonly string[];
}

export function encodeSnapshot(image: ClusterImage): Buffer {
  const fields: SnapshotFields = {
    v: FORMAT_VERSION,
    lastNumber: image.lastNumber,
    clusterId: image.clusterId,
    controllerId: image.controllerId,
    controllerEpoch: image.controllerEpoch,
    brokers: [...image.brokers.values()],
    topics: [...image.topics.values()].map((topic) => ({ ...topic, configs: Object.fromEntries(topic.configs) })),
    settings: Object.fromEntries(image.settings),
    deletedTopicIds: [...image.deletedTopicIds],
  };
  return sealJson('snapshot', fields);
}

/** Throws ClusterError: `damaged`, or `format` for an unknown version. */
export function decodeSnapshot(path: string, bytes: Buffer): ClusterImage {
  const fields = unsealJson('snapshot', path, bytes) as unknown as SnapshotFields;
  if (!Number.isSafeInteger(fields.lastNumber) || !Array.isArray(fields.topics) || !Array.isArray(fields.brokers)) {
    throw new ClusterError('damaged', `${path} is damaged: it is no snapshot`);
  }
  const topics = fields.topics.map(
    (topic): TopicImage => ({
      ...topic,
      configs: new Map(Object.entries(topic.configs)),
    }),
  );
  return {
    clusterId: fields.clusterId,
    lastNumber: fields.lastNumber,
    controllerId: fields.controllerId,
    controllerEpoch: fields.controllerEpoch,
    brokers: new Map(fields.brokers.map((broker) => [broker.brokerId, broker])),
    topics: new Map(topics.map((topic) => [topic.name, topic])),
    topicNameById: new Map(topics.map((topic) => [topic.topicId, topic.name])),
    settings: new Map(Object.entries(fields.settings)),
    deletedTopicIds: new Set(fields.deletedTopicIds),
  };
}
