/**
 * What the metadata log says: the state that every reader arrives at by replaying the same entries (replay.ts). Plain
 * immutable data; a change makes a new image that shares what did not change.
 */
import type { ProcessFacts } from '../kernel/env.ts';

/** Where a broker listens for Kafka clients; the directory's Unix socket is not among them. */
export interface Endpoint {
  /** Kafka's listener name, e.g. PLAINTEXT. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** The newest registration of a broker id. Whether its process still lives is not said here: owner-judgement.ts. */
export interface BrokerRegistration {
  readonly brokerId: number;
  /** The number of the registration's entry. */
  readonly brokerEpoch: number;
  /** The entry's uuid: tells one registration from another whatever its number. */
  readonly incarnation: string;
  readonly process: ProcessFacts;
  /** The command by name, e.g. `serve` or `produce`. */
  readonly command: string;
  readonly endpoints: readonly Endpoint[];
  /** The broker had a log directory when it registered: its name lasts, and one that is missing later is lost. */
  readonly hasLogs?: true;
}

export interface PartitionImage {
  readonly index: number;
  readonly leader: number;
  readonly leaderEpoch: number;
  /** Rises with each change of this record. */
  readonly partitionEpoch: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

export interface TopicImage {
  readonly name: string;
  readonly topicId: string;
  /** Only what was set on the topic. */
  readonly configs: ReadonlyMap<string, string>;
  /** In the order of `index`, without a gap. */
  readonly partitions: readonly PartitionImage[];
}

export interface ClusterImage {
  readonly clusterId: string;
  /** The number of the last entry replayed, 0 for none. */
  readonly lastNumber: number;
  /** NO_CONTROLLER before the first claim. */
  readonly controllerId: number;
  readonly controllerEpoch: number;
  readonly brokers: ReadonlyMap<number, BrokerRegistration>;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly topicNameById: ReadonlyMap<string, string>;
  /** Ids of the topics deleted last, oldest first, DELETED_TOPIC_IDS_MAX at the most: files of theirs may be left (H-19). */
  readonly deletedTopicIds: ReadonlySet<string>;
  /** Broker configs that are kept in the directory. */
  readonly settings: ReadonlyMap<string, string>;
}

export const NO_CONTROLLER = -1;
/** Files of an id that is forgotten are put aside as a stray's, not removed. */
export const DELETED_TOPIC_IDS_MAX = 1000;

export function emptyImage(clusterId: string): ClusterImage {
  return {
    clusterId,
    lastNumber: 0,
    controllerId: NO_CONTROLLER,
    controllerEpoch: 0,
    brokers: new Map(),
    topics: new Map(),
    topicNameById: new Map(),
    deletedTopicIds: new Set(),
    settings: new Map(),
  };
}

/** undefined when no topic has that id. */
export function topicById(image: ClusterImage, topicId: string): TopicImage | undefined {
  const name = image.topicNameById.get(topicId);
  return name === undefined ? undefined : image.topics.get(name);
}
