import type { Env } from '../kernel/env.ts';
import { CreateTopics } from '../protocol/apis/19-create-topics.ts';
import { DeleteTopics } from '../protocol/apis/20-delete-topics.ts';
import { DescribeConfigs, NO_EFFECT } from '../protocol/apis/32-describe-configs.ts';
import { CreatePartitions } from '../protocol/apis/37-create-partitions.ts';
import { IncrementalAlterConfigs } from '../protocol/apis/44-incremental-alter-configs.ts';
import { DescribeCluster } from '../protocol/apis/60-describe-cluster.ts';
import { type ErrorName, errorName, isRetriable } from '../protocol/errors.ts';
import { type AnyApi, type RequestOf, type ResponseOf, ZERO_UUID } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { type Caller, callOnce, pauseBeforeRetry, unreachable } from './call.ts';
import { ClientError, ConnectionLost } from './client-error.ts';
import { Deadline } from './deadline.ts';
import { describeAllTopics, describeTopicsByName, requestCluster, type TopicDescription } from './metadata.ts';
import { refusal } from './refusal.ts';
import { ANY_NODE, type Transport } from './transport.ts';

/** All functions throw `ClientError`; `timeoutMs` bounds each whole call, retries included (0 = for ever). */
export interface AdminCall {
  readonly env: Env;
  readonly transport: Transport;
  readonly timeoutMs: number;
}

export interface NewTopic {
  readonly name: string;
  /** -1: the cluster's default. */
  readonly partitions: number;
  /** -1: the cluster's default. */
  readonly replicationFactor: number;
  readonly configs: ReadonlyMap<string, string>;
}

export type { PartitionDescription, TopicDescription } from './metadata.ts';

export interface ConfigDescription {
  readonly name: string;
  readonly value: string | null;
  /** Kafka's ConfigSource number: 1 topic, 2 dynamic broker, 4 static broker, 5 default, .... */
  readonly source: number;
  readonly isDefault: boolean;
  readonly readOnly: boolean;
  readonly sensitive: boolean;
  /** False where the broker says that it keeps the config and does nothing by it. */
  readonly effect: boolean;
}

export interface BrokerDescription {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

export interface ClusterDescription {
  readonly clusterId: string;
  readonly controllerId: number;
  readonly brokers: readonly BrokerDescription[];
}

const TOPIC_RESOURCE = 2;
/** The first version of DescribeConfigs that knows documentation. */
const DOCUMENTATION_VERSION = 3;
const DEFAULT_SOURCE = 5;
const SET = 0;
const DELETE = 1;

/** For as many calls as are made within one time limit, which begins to count. */
export function callerOf({ env, transport, timeoutMs }: AdminCall): Caller {
  return { env, transport, deadline: new Deadline(env.clock, timeoutMs) };
}

/** Creates the topic and waits until all its partitions have leaders. `conflict` when it exists. */
export async function createTopic(admin: AdminCall, topic: NewTopic): Promise<TopicDescription> {
  const caller = callerOf(admin);
  await request(caller, CreateTopics, `topic '${topic.name}'`, {
    message: () => ({
      topics: [
        {
          name: topic.name,
          numPartitions: topic.partitions,
          replicationFactor: topic.replicationFactor,
          assignments: [],
          configs: [...topic.configs].map(([name, value]) => ({ name, value })),
        },
      ],
      timeoutMs: brokerTimeoutMs(caller),
      validateOnly: false,
    }),
    answerOf: ({ topics }) => topics[0],
    doneAlready: 'TOPIC_ALREADY_EXISTS',
  });
  const made = await awaitLeaders(caller, topic.name);
  if (topic.partitions > 0 && made.partitions.length !== topic.partitions) {
    throw new ClientError(
      'conflict',
      `topic '${topic.name}' was made meanwhile, with ${made.partitions.length} partitions`,
    );
  }
  return made;
}

/** `not-found` when it is not there. */
export async function deleteTopic(admin: AdminCall, name: string): Promise<void> {
  const caller = callerOf(admin);
  await request(caller, DeleteTopics, `topic '${name}'`, {
    message: (version) => ({
      topics: version >= 6 ? [{ name, topicId: ZERO_UUID }] : [],
      topicNames: version >= 6 ? [] : [name],
      timeoutMs: brokerTimeoutMs(caller),
    }),
    answerOf: ({ responses }) => responses[0],
    doneAlready: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
}

/** All topics, by name. */
export async function listTopics(admin: AdminCall): Promise<TopicDescription[]> {
  return await describeAllTopics(callerOf(admin));
}

/** In the order asked; `not-found` names the first that is not there. */
export async function describeTopics(admin: AdminCall, names: readonly string[]): Promise<TopicDescription[]> {
  return await describeTopicsByName(callerOf(admin), names);
}

/** All configs of a topic, those that it does not set itself included. */
export async function describeTopicConfigs(admin: AdminCall, name: string): Promise<ConfigDescription[]> {
  const answer = await request(callerOf(admin), DescribeConfigs, `topic '${name}'`, {
    message: (version) => ({
      resources: [{ resourceType: TOPIC_RESOURCE, resourceName: name, configurationKeys: null }],
      includeSynonyms: false,
      includeDocumentation: version >= DOCUMENTATION_VERSION,
    }),
    answerOf: ({ results }) => results[0],
  });
  return answer.configs.map((config) => ({
    name: config.name,
    value: config.value,
    source: config.configSource,
    isDefault: config.configSource === DEFAULT_SOURCE,
    readOnly: config.readOnly,
    sensitive: config.isSensitive,
    effect: config.documentation?.startsWith(NO_EFFECT) !== true,
  }));
}

/** Sets configs of a topic; null takes one back to its default. Others stay as they are. */
export async function alterTopicConfigs(
  admin: AdminCall,
  name: string,
  changes: ReadonlyMap<string, string | null>,
): Promise<void> {
  await request(callerOf(admin), IncrementalAlterConfigs, `topic '${name}'`, {
    message: () => ({
      resources: [
        {
          resourceType: TOPIC_RESOURCE,
          resourceName: name,
          configs: [...changes].map(([config, value]) => ({
            name: config,
            configOperation: value === null ? DELETE : SET,
            value,
          })),
        },
      ],
      validateOnly: false,
    }),
    answerOf: ({ responses }) => responses[0],
  });
}

/** `totalCount` is the count afterwards. */
export async function createPartitions(admin: AdminCall, name: string, totalCount: number): Promise<void> {
  const caller = callerOf(admin);
  await request(caller, CreatePartitions, `topic '${name}'`, {
    message: () => ({
      topics: [{ name, count: totalCount, assignments: null }],
      timeoutMs: brokerTimeoutMs(caller),
      validateOnly: false,
    }),
    answerOf: ({ results }) => results[0],
  });
}

/** By DescribeCluster, or Metadata where a broker is older than that. */
export async function describeCluster(admin: AdminCall): Promise<ClusterDescription> {
  const caller = callerOf(admin);
  const offered = await admin.transport.versions(ANY_NODE);
  if (!offered.has(DescribeCluster.key)) {
    const { clusterId, controllerId, brokers } = await requestCluster(caller);
    return {
      clusterId: clusterId ?? '',
      controllerId,
      brokers: brokers.map(({ nodeId, ...rest }) => ({ id: nodeId, ...rest })),
    };
  }
  const answer = await request(caller, DescribeCluster, 'the cluster', {
    message: () => ({ includeClusterAuthorizedOperations: false, endpointType: 1, includeFencedBrokers: false }),
    answerOf: (message) => message,
  });
  const brokers = answer.brokers.map(({ brokerId, host, port, rack }) => ({ id: brokerId, host, port, rack }));
  return { clusterId: answer.clusterId, controllerId: answer.controllerId, brokers };
}

interface Answer {
  readonly errorCode: number;
  readonly errorMessage?: string | null;
}

interface Question<A extends AnyApi, T extends Answer> {
  readonly message: (version: number) => RequestOf<A>;
  readonly answerOf: (message: ResponseOf<A>) => T | undefined;
  /** The refusal that says, where the answer to an earlier attempt was lost, that this attempt did what was asked. */
  readonly doneAlready?: ErrorName;
}

/** Asks until the answer is one that will not get better by asking again. */
async function request<A extends AnyApi, T extends Answer>(
  caller: Caller,
  api: A,
  what: string,
  { message, answerOf, doneAlready }: Question<A, T>,
): Promise<T> {
  const backoff = new Backoff(caller.env.random);
  let isAnswerLost = false;
  for (;;) {
    let isAsked = false;
    // The message is asked for once the broker has told its versions: what is lost before was not sent.
    const ask = (version: number): RequestOf<A> => {
      isAsked = true;
      return message(version);
    };
    const response = await callOnce(caller, ANY_NODE, api, ask).catch(async (error: unknown) => {
      if (!(error instanceof ConnectionLost)) throw error;
      isAnswerLost ||= isAsked;
      await pauseBeforeRetry(caller, backoff, unreachable(error));
    });
    if (response === undefined) continue;
    const answer = answerOf(response);
    if (answer === undefined) throw new ClientError('refused', `${what}: the broker left it out of its answer`);
    const name = errorName(answer.errorCode);
    if (name === 'NONE' || (isAnswerLost && name === doneAlready)) return answer;
    const refused = refusal(answer.errorCode, what, answer.errorMessage);
    // A topic that is not there will not come by itself.
    if (!isRetriable(name) || refused.kind === 'not-found') throw refused;
    await pauseBeforeRetry(caller, backoff, refused);
  }
}

/** Brokers learn of a new topic one after the other, and elect its leaders. */
async function awaitLeaders(caller: Caller, name: string): Promise<TopicDescription> {
  const backoff = new Backoff(caller.env.random);
  for (;;) {
    let problem = new ClientError('refused', `topic '${name}' was created, but has no leaders yet`);
    try {
      const [topic] = await describeTopicsByName(caller, [name]);
      if (topic?.partitions.every(({ leader }) => leader >= 0)) return topic;
    } catch (error) {
      if (!(error instanceof ClientError) || error.kind !== 'not-found') throw error;
      problem = error;
    }
    await pauseBeforeRetry(caller, backoff, problem);
  }
}

/** How long the broker may take, a little less than we wait for its answer. */
function brokerTimeoutMs({ deadline }: Caller): number {
  return Math.ceil(deadline.attemptMs() * 0.9);
}
