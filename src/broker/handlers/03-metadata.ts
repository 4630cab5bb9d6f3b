/**
 * Metadata (3), versions 0-13: the brokers, and the topics asked for by name or (v12+) by id; null asks for all, as does an
 * empty list in v0. A topic that is not there is created when the request and `auto.create.topics.enable` allow it, and then
 * described at once, where Kafka makes its clients ask again.
 *
 * Skipped: topics of other listeners, since every listener of a broker leads to the same place.
 * Source: KafkaApis.handleTopicMetadataRequest, DefaultAutoTopicCreationManager (Kafka 4.x).
 */

import type { TopicImage } from '../../cluster/cluster-image.ts';
import { OPERATIONS_NOT_ASKED } from '../../protocol/apis/03-metadata.ts';
import type { Metadata } from '../../protocol/apis/index.ts';
import { errorCode, KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/schema.ts';
import { isInternalTopic, problemWithTopicName } from '../../protocol/topic-names.ts';
import { authorizedOperations, CLUSTER, topicResource } from '../authorize.ts';
import { clusterNodes } from '../cluster-view.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import { checkNewName, checkRoom } from '../topic-creation.ts';

type MetadataRequest = RequestOf<typeof Metadata>;
type TopicAsked = NonNullable<MetadataRequest['topics']>[number];
type TopicDescribed = ResponseOf<typeof Metadata>['topics'][number];
type PartitionDescribed = TopicDescribed['partitions'][number];

/** The first version in which a topic may be asked for by its id. */
const TOPIC_ID_VERSION = 12;
const NO_LEADER = -1;
/** Topics that one request may bring into being; a client that needs more asks again (B-10). */
const CREATED_TOPICS_MAX = 100;

export async function handleMetadata(services: BrokerServices, request: MetadataRequest, call: Call): Promise<Reply> {
  const { authorize, session, throttleTimeMs } = services;
  const { version, context } = call;
  const topics = isForAll(request, version)
    ? [...session.image().topics.values()]
        .filter(({ name }) => authorize(context, 'describe', topicResource(name)))
        .map((topic) => describe(services, request, topic, call))
    : await describeAsked(services, request, call);
  const image = session.image();
  const message: ResponseOf<typeof Metadata> = {
    throttleTimeMs: throttleTimeMs(context),
    brokers: clusterNodes(image).map((node) => ({ ...node, rack: null })),
    clusterId: image.clusterId,
    controllerId: image.controllerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations(authorize, context, CLUSTER)
      : OPERATIONS_NOT_ASKED,
    errorCode: NO_FAILURE.errorCode,
  };
  return { message };
}

function isForAll({ topics }: MetadataRequest, version: number): boolean {
  return topics === null || (version === 0 && topics.length === 0);
}

async function describeAsked(
  services: BrokerServices,
  request: MetadataRequest,
  call: Call,
): Promise<TopicDescribed[]> {
  const described = new Map<string, TopicDescribed>();
  const creation = { left: CREATED_TOPICS_MAX };
  const turns = new LoopTurns(services.env.clock);
  for (const asked of request.topics ?? []) {
    if (turns.isDue()) await turns.next();
    const key = asked.name ?? `id ${asked.topicId}`;
    if (described.has(key)) continue;
    try {
      const topic = await askedTopic(services, request, asked, creation, call);
      described.set(key, describe(services, request, topic, call));
    } catch (error) {
      described.set(key, undescribed(asked, failureOf(services.env.log, error).errorCode));
    }
  }
  return [...described.values()];
}

/** Throws KafkaError when the topic is not there and is not created. */
async function askedTopic(
  services: BrokerServices,
  request: MetadataRequest,
  { name, topicId }: TopicAsked,
  creation: { left: number },
  { version, context }: Call,
): Promise<TopicImage> {
  const { authorize, partitions } = services;
  if (version < TOPIC_ID_VERSION && (name === null || topicId !== ZERO_UUID)) throw new KafkaError('INVALID_REQUEST');
  const isById = name === null || topicId !== ZERO_UUID;
  const topic = isById ? partitions.topicWithId(topicId) : partitions.topicNamed(name);
  if (!authorize(context, 'describe', topicResource(topic?.name ?? name ?? ''))) {
    throw new KafkaError(isById ? 'UNKNOWN_TOPIC_ID' : 'TOPIC_AUTHORIZATION_FAILED');
  }
  if (topic !== undefined) return topic;
  if (isById) throw new KafkaError('UNKNOWN_TOPIC_ID');
  if (problemWithTopicName(name) !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION');
  const mayCreate = request.allowAutoTopicCreation && services.settings.flag('auto.create.topics.enable');
  if (!mayCreate || creation.left === 0 || isInternalTopic(name)) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  if (!authorize(context, 'create', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  creation.left -= 1;
  return autoCreate(services, name);
}

async function autoCreate({ session, settings, partitions }: BrokerServices, name: string): Promise<TopicImage> {
  const partitionCount = settings.number('num.partitions');
  checkNewName(session.image(), name);
  checkRoom(session.image(), partitionCount, settings.number('streamctl.max.partitions'));
  try {
    return await session.createTopic({ name, partitionCount, configs: new Map() });
  } catch (error) {
    // Another client asked for the same topic at the same time.
    const topic = partitions.topicNamed(name);
    if (topic !== undefined) return topic;
    throw error;
  }
}

function describe(
  services: BrokerServices,
  request: MetadataRequest,
  topic: TopicImage,
  { context }: Call,
): TopicDescribed {
  return {
    errorCode: NO_FAILURE.errorCode,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map(
      ({ index, leader, leaderEpoch, replicas, isr }): PartitionDescribed => ({
        errorCode: leader === NO_LEADER ? errorCode('LEADER_NOT_AVAILABLE') : NO_FAILURE.errorCode,
        partitionIndex: index,
        leaderId: leader,
        leaderEpoch,
        replicaNodes: replicas,
        isrNodes: isr,
        offlineReplicas: [],
      }),
    ),
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations
      ? authorizedOperations(services.authorize, context, topicResource(topic.name))
      : OPERATIONS_NOT_ASKED,
  };
}

function undescribed({ name, topicId }: TopicAsked, code: number): TopicDescribed {
  return {
    errorCode: code,
    name,
    topicId,
    isInternal: name !== null && isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: OPERATIONS_NOT_ASKED,
  };
}
