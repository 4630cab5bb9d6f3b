/**
 * DeleteTopics (20), versions 1-6: by name, from v6 on by name or id. The topic is gone for everybody once this is
 * answered; its files are removed behind that.
 *
 * Skipped: the timeout, since nothing is waited for. Source: KafkaApis/ControllerApis.deleteTopics (Kafka 4.x).
 */

import type { TopicImage } from '../../cluster/cluster-image.ts';
import type { DeleteTopics } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/schema.ts';
import { topicResource } from '../authorize.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import { repeated } from '../repeated.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DeleteTopicsRequest = RequestOf<typeof DeleteTopics>;
type TopicDeleted = ResponseOf<typeof DeleteTopics>['responses'][number];

interface TopicAsked {
  readonly name: string | null;
  readonly topicId: string;
}

/** The first version that knows TOPIC_DELETION_DISABLED, and the first that speaks of ids. */
const DELETION_DISABLED_VERSION = 3;
const TOPIC_ID_VERSION = 6;

export async function handleDeleteTopics(
  services: BrokerServices,
  request: DeleteTopicsRequest,
  { version, context }: Call,
): Promise<Reply> {
  const asked: readonly TopicAsked[] =
    version >= TOPIC_ID_VERSION ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const twice = repeated(asked.map(keyOf));
  const responses: TopicDeleted[] = [];
  const answered = new Set<string>();
  const turns = new LoopTurns(services.env.clock);
  for (const topic of asked) {
    if (turns.isDue()) await turns.next();
    const key = keyOf(topic);
    if (answered.has(key)) continue;
    answered.add(key);
    try {
      if (twice.has(key)) throw new KafkaError('INVALID_REQUEST', 'the topic stands there twice');
      responses.push(await deleteOne(services, topic, version, context));
    } catch (error) {
      responses.push({ ...topic, ...failureOf(services.env.log, error) });
    }
  }
  const message: ResponseOf<typeof DeleteTopics> = { throttleTimeMs: services.throttleTimeMs(context), responses };
  return { message };
}

async function deleteOne(
  { settings, session, partitions, authorize }: BrokerServices,
  { name, topicId }: TopicAsked,
  version: number,
  context: RequestContext,
): Promise<TopicDeleted> {
  if (!settings.flag('delete.topic.enable')) {
    throw new KafkaError(version >= DELETION_DISABLED_VERSION ? 'TOPIC_DELETION_DISABLED' : 'INVALID_REQUEST');
  }
  let topic: TopicImage | undefined;
  if (name === null) {
    topic = partitions.topicWithId(topicId);
    if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_ID');
  } else {
    if (topicId !== ZERO_UUID) throw new KafkaError('INVALID_REQUEST', 'give the name or the id of a topic, not both');
    topic = partitions.topicNamed(name);
  }
  if (!authorize(context, 'delete', topicResource(topic?.name ?? name ?? ''))) {
    throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  }
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  await session.deleteTopic(topic.topicId);
  return { name: topic.name, topicId: topic.topicId, ...NO_FAILURE };
}

function keyOf({ name, topicId }: TopicAsked): string {
  return name === null ? `id ${topicId}` : `name ${name}`;
}
