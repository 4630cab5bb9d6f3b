/**
 * CreatePartitions (37), versions 0-3: `count` is the new total and must be larger than the present one. Assignments may name
 * this broker only, one for each new partition. validateOnly checks and writes nothing.
 *
 * Skipped: the timeout, since nothing is waited for. Source: ReplicationControlManager.createPartitions (Kafka 4.x).
 */

import type { CreatePartitions } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { isInternalTopic } from '../../protocol/topic-names.ts';
import { topicResource } from '../authorize.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import { repeated } from '../repeated.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import { checkAssignedBrokers, checkRoom, NEW_PARTITIONS_MAX } from '../topic-creation.ts';

type CreatePartitionsRequest = RequestOf<typeof CreatePartitions>;
type TopicAsked = CreatePartitionsRequest['topics'][number];
type TopicGrown = ResponseOf<typeof CreatePartitions>['results'][number];

export async function handleCreatePartitions(
  services: BrokerServices,
  request: CreatePartitionsRequest,
  { context }: Call,
): Promise<Reply> {
  const twice = repeated(request.topics.map(({ name }) => name));
  const results: TopicGrown[] = [];
  const answered = new Set<string>();
  const turns = new LoopTurns(services.env.clock);
  for (const asked of request.topics) {
    if (turns.isDue()) await turns.next();
    const { name } = asked;
    if (answered.has(name)) continue;
    answered.add(name);
    try {
      if (twice.has(name)) throw new KafkaError('INVALID_REQUEST', `topic '${name}' stands there twice`);
      await growOne(services, asked, request.validateOnly, context);
      results.push({ name, ...NO_FAILURE });
    } catch (error) {
      results.push({ name, ...failureOf(services.env.log, error) });
    }
  }
  const message: ResponseOf<typeof CreatePartitions> = { throttleTimeMs: services.throttleTimeMs(context), results };
  return { message };
}

async function growOne(
  { session, partitions, settings, authorize }: BrokerServices,
  { name, count, assignments }: TopicAsked,
  validateOnly: boolean,
  context: RequestContext,
): Promise<void> {
  if (!authorize(context, 'alter', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  const topic = partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  if (isInternalTopic(name)) {
    // Which partition keeps a group follows from their number: with another one its offsets would not be found.
    throw new KafkaError('INVALID_TOPIC_EXCEPTION', `${name} keeps the partitions that it was made with`);
  }
  const presentCount = topic.partitions.length;
  if (count <= presentCount) {
    const has = `topic '${name}' has ${presentCount} partition${presentCount === 1 ? '' : 's'}`;
    throw new KafkaError('INVALID_PARTITIONS', `${has}; the number can only grow, not change to ${count}`);
  }
  const newCount = count - presentCount;
  if (newCount > NEW_PARTITIONS_MAX) {
    throw new KafkaError('INVALID_PARTITIONS', `one request creates at most ${NEW_PARTITIONS_MAX} partitions`);
  }
  if (assignments !== null) {
    if (assignments.length !== newCount) {
      throw new KafkaError(
        'INVALID_REPLICA_ASSIGNMENT',
        `${newCount} new partitions need as many assignments, not ${assignments.length}`,
      );
    }
    checkAssignedBrokers(
      assignments.map(({ brokerIds }) => brokerIds),
      session.brokerId,
    );
  }
  checkRoom(session.image(), newCount, settings.number('streamctl.max.partitions'));
  if (!validateOnly) await session.addPartitions(topic.topicId, count);
}
