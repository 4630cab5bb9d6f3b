/**
 * CreateTopics (19), versions 2-7. Counts of -1 are the broker's defaults at every version; assignments may name this broker
 * only. A topic is created whole or not at all, each by itself; validateOnly checks and writes nothing. v5+ answers
 * with all configs of the new topic, v7 with its id.
 *
 * Skipped: the timeout, since nothing is waited for. Source: ReplicationControlManager.createTopics (Kafka 4.x).
 */

import type { CreateTopics } from '../../protocol/apis/index.ts';
import { errorCode, KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/schema.ts';
import type { Authorize } from '../authorize.ts';
import { CLUSTER, topicResource } from '../authorize.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import { repeated } from '../repeated.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import { TOPIC_CONFIGS } from '../topic-config-table.ts';
import { resolveTopicConfig } from '../topic-configs.ts';
import {
  checkedPartitionCount,
  checkNewName,
  checkRoom,
  NEW_PARTITIONS_MAX,
  type NewTopic,
} from '../topic-creation.ts';

type CreateTopicsRequest = RequestOf<typeof CreateTopics>;
type TopicAsked = CreateTopicsRequest['topics'][number];
type TopicCreated = ResponseOf<typeof CreateTopics>['topics'][number];

export async function handleCreateTopics(
  services: BrokerServices,
  request: CreateTopicsRequest,
  { context }: Call,
): Promise<Reply> {
  const twice = repeated(request.topics.map(({ name }) => name));
  const topics: TopicCreated[] = [];
  const answered = new Set<string>();
  const turns = new LoopTurns(services.env.clock);
  let partitionsLeft = NEW_PARTITIONS_MAX;
  for (const asked of request.topics) {
    if (turns.isDue()) await turns.next();
    // Kafka answers a name that stands there twice once.
    if (answered.has(asked.name)) continue;
    answered.add(asked.name);
    try {
      if (twice.has(asked.name)) throw new KafkaError('INVALID_REQUEST', `topic '${asked.name}' stands there twice`);
      const created = await createOne(services, asked, request.validateOnly, partitionsLeft, context);
      partitionsLeft -= created.numPartitions;
      topics.push(created);
    } catch (error) {
      topics.push({ ...nothingCreated(asked.name), ...failureOf(services.env.log, error) });
    }
  }
  const message: ResponseOf<typeof CreateTopics> = { throttleTimeMs: services.throttleTimeMs(context), topics };
  return { message };
}

async function createOne(
  services: BrokerServices,
  asked: TopicAsked,
  validateOnly: boolean,
  partitionsLeft: number,
  context: RequestContext,
): Promise<TopicCreated> {
  const { authorize, session, settings } = services;
  if (!authorize(context, 'create', CLUSTER) && !authorize(context, 'create', topicResource(asked.name))) {
    throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  }
  checkNewName(session.image(), asked.name);
  const topic = newTopic(asked);
  const partitionCount = checkedPartitionCount(topic, session.brokerId, settings.number('num.partitions'));
  if (partitionCount > partitionsLeft) {
    throw new KafkaError('INVALID_PARTITIONS', `one request creates at most ${NEW_PARTITIONS_MAX} partitions`);
  }
  checkRoom(session.image(), partitionCount, settings.number('streamctl.max.partitions'));
  const { name, configs } = topic;
  const created = validateOnly ? undefined : await session.createTopic({ name, partitionCount, configs });
  return {
    name,
    topicId: created?.topicId ?? ZERO_UUID,
    errorCode: NO_FAILURE.errorCode,
    errorMessage: null,
    numPartitions: partitionCount,
    replicationFactor: 1,
    ...describedConfigs(services, authorize, topic, context),
  };
}

/** Throws KafkaError INVALID_CONFIG, INVALID_REQUEST. */
function newTopic({ name, numPartitions, replicationFactor, assignments, configs }: TopicAsked): NewTopic {
  const configsByName = new Map<string, string>();
  for (const { name: configName, value } of configs) {
    if (value === null) throw new KafkaError('INVALID_CONFIG', `${configName} has no value`);
    if (configsByName.has(configName)) throw new KafkaError('INVALID_REQUEST', `${configName} is set twice`);
    configsByName.set(configName, value);
  }
  return { name, numPartitions, replicationFactor, assignments, configs: configsByName };
}

function describedConfigs(
  services: BrokerServices,
  authorize: Authorize,
  topic: NewTopic,
  context: RequestContext,
): Pick<TopicCreated, 'topicConfigErrorCode' | 'configs'> {
  if (!authorize(context, 'describeConfigs', topicResource(topic.name))) {
    return { topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), configs: null };
  }
  const listed = TOPIC_CONFIGS.filter(({ name, onlyWhenSet }) => !onlyWhenSet || topic.configs.has(name));
  const configs = listed.map((definition) => {
    const { value, source } = resolveTopicConfig(definition, topic.configs, services.settings.explicit);
    return { name: definition.name, value, readOnly: false, configSource: source, isSensitive: false };
  });
  return { topicConfigErrorCode: NO_FAILURE.errorCode, configs };
}

function nothingCreated(name: string): TopicCreated {
  return {
    name,
    topicId: ZERO_UUID,
    errorCode: NO_FAILURE.errorCode,
    errorMessage: null,
    topicConfigErrorCode: NO_FAILURE.errorCode,
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  };
}
