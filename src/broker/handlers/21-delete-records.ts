/**
 * DeleteRecords (21), versions 0-2: what lies before an offset of a partition is not shown any more once this is answered; the
 * segments go with the next sweep. -1 is the high watermark. Answers where the log starts now.
 *
 * Skipped: the timeout, since there is no other replica to wait for.
 * Source: KafkaApis.handleDeleteRecordsRequest, ReplicaManager.deleteRecords (Kafka 4.x).
 */

import type { DeleteRecords } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { isInternalTopic } from '../../protocol/topic-names.ts';
import { topicResource } from '../authorize.ts';
import { NO_FAILURE } from '../failure.ts';
import { confirmLease } from '../lease.ts';
import { LoopTurns } from '../loop-turns.ts';
import { answerEach } from '../partition-answers.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DeleteRecordsRequest = RequestOf<typeof DeleteRecords>;
type PartitionAsked = DeleteRecordsRequest['topics'][number]['partitions'][number];
type DeleteRecordsResponse = ResponseOf<typeof DeleteRecords>;

const NO_LOW_WATERMARK = -1n;

export async function handleDeleteRecords(
  services: BrokerServices,
  request: DeleteRecordsRequest,
  { context }: Call,
): Promise<Reply> {
  const topics: DeleteRecordsResponse['topics'][number][] = [];
  const turns = new LoopTurns(services.env.clock);
  for (const { name, partitions } of request.topics) {
    const answers = await answerEach(
      services,
      partitions,
      async (asked) => ({
        partitionIndex: asked.partitionIndex,
        lowWatermark: BigInt(await deleteBefore(services, name, asked, context)),
        errorCode: NO_FAILURE.errorCode,
      }),
      ({ partitionIndex }, { errorCode }) => ({ partitionIndex, lowWatermark: NO_LOW_WATERMARK, errorCode }),
      turns,
    );
    topics.push({ name, partitions: answers });
  }
  const message: DeleteRecordsResponse = { throttleTimeMs: services.throttleTimeMs(context), topics };
  return { message };
}

/** Answers the start of the log. */
async function deleteBefore(
  { authorize, partitions, session }: BrokerServices,
  name: string,
  { partitionIndex, offset }: PartitionAsked,
  context: RequestContext,
): Promise<number> {
  if (!authorize(context, 'delete', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  const topic = partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  if (isInternalTopic(name)) throw new KafkaError('INVALID_TOPIC_EXCEPTION');
  const log = await partitions.log(topic, partitions.led(topic, partitionIndex));
  await confirmLease(session);
  const logStartOffset = await log.deleteRecords(Number(offset));
  await confirmLease(session);
  return logStartOffset;
}
