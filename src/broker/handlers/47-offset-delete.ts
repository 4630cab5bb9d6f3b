/**
 * OffsetDelete (47), version 0: offsets of topics to which nobody in the group subscribes.
 * Source: KafkaApis.handleOffsetDeleteRequest (Kafka 4.x).
 */

import type { OffsetDelete } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizeGroup, codeOf, mayUseTopic, NO_ERROR } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DeleteRequest = RequestOf<typeof OffsetDelete>;
type DeleteResponse = ResponseOf<typeof OffsetDelete>;
type TopicAsked = DeleteRequest['topics'][number];
type TopicDeleted = DeleteResponse['topics'][number];

export async function handleOffsetDelete(services: BrokerServices, request: DeleteRequest, call: Call): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  let message: DeleteResponse;
  try {
    authorizeGroup(services, call.context, 'delete', request.groupId);
    message = { ...(await deleteOffsets(services, request, call)), throttleTimeMs };
  } catch (error) {
    message = { throttleTimeMs, errorCode: codeOf(services, error), topics: [] };
  }
  return { message };
}

/** Answers every partition that was asked for, in its order. */
async function deleteOffsets(services: BrokerServices, request: DeleteRequest, call: Call): Promise<DeleteResponse> {
  const judged = request.topics.map((topic) => ({ topic, refusals: refusalsOf(services, topic, call) }));
  const wanted = judged.map(({ topic, refusals }) => ({
    name: topic.name,
    partitions: topic.partitions.filter(({ partitionIndex }) => !refusals.has(partitionIndex)),
  }));
  const topics = wanted.filter(({ partitions }) => partitions.length > 0);
  const own = { ...request, topics };
  const answer = await services.groups.callKnown<DeleteResponse>(request.groupId, call, (machine, asked, now) =>
    machine.deleteOffsets(asked, own, now),
  );
  if (answer.errorCode !== NO_ERROR) return answer;
  const codes = new Map(answer.topics.map((deleted) => [deleted.name, deleted]));
  return { ...answer, topics: judged.map(({ topic, refusals }) => merged(topic, refusals, codes.get(topic.name))) };
}

/** Codes of the partitions that are not asked for, by their index. */
function refusalsOf(
  services: BrokerServices,
  { name, partitions }: TopicAsked,
  { context }: Call,
): Map<number, number> {
  const topic = services.partitions.topicNamed(name);
  const isAllowed = mayUseTopic(services, context, 'read', name);
  const code = errorCode(isAllowed ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'TOPIC_AUTHORIZATION_FAILED');
  const isRefused = (index: number): boolean => !isAllowed || topic?.partitions[index] === undefined;
  const refused = partitions.filter(({ partitionIndex }) => isRefused(partitionIndex));
  return new Map(refused.map(({ partitionIndex }) => [partitionIndex, code]));
}

function merged(
  { name, partitions }: TopicAsked,
  refusals: ReadonlyMap<number, number>,
  deleted: TopicDeleted | undefined,
): TopicDeleted {
  const codes = new Map(deleted?.partitions.map(({ partitionIndex, errorCode: code }) => [partitionIndex, code]));
  return {
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: refusals.get(partitionIndex) ?? codes.get(partitionIndex) ?? NO_ERROR,
    })),
  };
}
