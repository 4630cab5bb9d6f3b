import { Metadata } from '../protocol/apis/03-metadata.ts';
import { type ErrorName, errorName, isRetriable, KafkaError } from '../protocol/errors.ts';
import { type RequestOf, type ResponseOf, ZERO_UUID } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { type Caller, call, callOnce, pauseBeforeRetry } from './call.ts';
import { ClientError } from './client-error.ts';
import { refusal } from './refusal.ts';
import { ANY_NODE } from './transport.ts';

export interface PartitionDescription {
  readonly partition: number;
  /** -1 when there is none now. */
  readonly leader: number;
  /** -1 when the broker does not tell. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly offlineReplicas: readonly number[];
}

export interface TopicDescription {
  readonly name: string;
  /** Zero when the broker does not tell. */
  readonly topicId: string;
  readonly internal: boolean;
  /** In the order of their numbers, from 0. */
  readonly partitions: readonly PartitionDescription[];
}

type MetadataTopic = ResponseOf<typeof Metadata>['topics'][number];

/**
 * Looks the topics up, in the order asked, in one round trip when all is well. Never creates a topic. Asks again while the
 * broker's answer may get better and time is left. Throws `ClientError` `not-found` for a topic that is not there.
 */
export async function describeTopicsByName(caller: Caller, names: readonly string[]): Promise<TopicDescription[]> {
  const backoff = new Backoff(caller.env.random);
  for (;;) {
    const topics = await requestTopics(caller, names);
    const found = names.map((name) => topics.find((topic) => topic.name === name));
    const answer = found.map((topic, index) => topicOrRetry(topic, names[index] ?? ''));
    const retry = answer.find((item) => item instanceof KafkaError);
    if (retry === undefined) return answer.filter((item): item is TopicDescription => !(item instanceof KafkaError));
    const problem = new ClientError('refused', `the topic cannot be used now: ${retry.message}`, { cause: retry });
    await pauseBeforeRetry(caller, backoff, problem);
  }
}

/**
 * One look-up of one topic, for a caller that has its own way to try again: the topic, or the error that the broker
 * answered. Throws `ConnectionLost` and `Unreachable`.
 */
export async function lookUpTopic(caller: Caller, name: string): Promise<TopicDescription | ErrorName> {
  const { topics } = await callOnce(caller, ANY_NODE, Metadata, topicsRequest([name]));
  const topic = topics.find((candidate) => candidate.name === name);
  if (topic === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION';
  return topic.errorCode === 0 ? toTopicInfo(topic) : errorName(topic.errorCode);
}

/** All topics, sorted by name; partitions without a leader included. */
export async function describeAllTopics(caller: Caller): Promise<TopicDescription[]> {
  const topics = await requestTopics(caller, null);
  return topics
    .filter((topic) => topic.errorCode === 0)
    .map(toTopicInfo)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** The brokers only. */
export async function requestCluster(caller: Caller): Promise<ResponseOf<typeof Metadata>> {
  return await call(caller, ANY_NODE, Metadata, topicsRequest([]));
}

async function requestTopics(caller: Caller, names: readonly string[] | null): Promise<readonly MetadataTopic[]> {
  const { topics } = await call(caller, ANY_NODE, Metadata, topicsRequest(names));
  return topics;
}

/** Null names = all topics, an empty list = none, only the brokers. Never creates a topic. */
export function topicsRequest(names: readonly string[] | null): RequestOf<typeof Metadata> {
  return {
    topics: names === null ? null : names.map((name) => ({ topicId: ZERO_UUID, name })),
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  };
}

/** The topic, or the error for which it is worth asking again. */
function topicOrRetry(topic: MetadataTopic | undefined, name: string): TopicDescription | KafkaError {
  if (topic === undefined) throw new ClientError('not-found', `there is no topic '${name}'`);
  if (topic.errorCode === 0) return toTopicInfo(topic);
  const error = errorName(topic.errorCode);
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') throw new ClientError('not-found', `there is no topic '${name}'`);
  if (isRetriable(error)) return new KafkaError(error);
  throw refusal(topic.errorCode, `topic '${name}'`);
}

function toTopicInfo(topic: MetadataTopic): TopicDescription {
  const partitions = topic.partitions.map((partition) => ({
    partition: partition.partitionIndex,
    leader: partition.leaderId,
    leaderEpoch: partition.leaderEpoch,
    replicas: partition.replicaNodes,
    isr: partition.isrNodes,
    offlineReplicas: partition.offlineReplicas,
  }));
  partitions.sort((left, right) => left.partition - right.partition);
  return { name: topic.name ?? '', topicId: topic.topicId, internal: topic.isInternal, partitions };
}
