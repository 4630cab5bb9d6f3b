import { Produce } from '../protocol/apis/00-produce.ts';
import { type ResponseOf, ZERO_UUID } from '../protocol/schema.ts';
import type { TopicDescription } from './metadata.ts';
import { PRODUCE_BY_ID_VERSION } from './partition-leaders.ts';
import type { PendingBatch } from './partition-queue.ts';
import type { Transport } from './transport.ts';

export interface ProduceRequest {
  readonly topic: TopicDescription;
  readonly acks: -1 | 0 | 1;
  readonly timeoutMs: number;
  /** One a partition at most. */
  readonly batches: readonly PendingBatch[];
}

export interface PartitionAnswer {
  readonly errorCode: number;
  readonly message: string | null;
}

/** Throws as `Transport.request`. The request is handed to the transport before this returns its promise. */
export async function sendProduce(
  transport: Transport,
  node: number,
  version: number,
  { topic, acks, timeoutMs, batches }: ProduceRequest,
): Promise<ResponseOf<typeof Produce>> {
  const byId = version >= PRODUCE_BY_ID_VERSION;
  const topicData = {
    name: byId ? '' : topic.name,
    topicId: byId ? topic.topicId : ZERO_UUID,
    partitionData: batches.map(({ partition, bytes }) => ({ index: partition, records: [bytes] })),
  };
  const message = { transactionalId: null, acks, timeoutMs: Math.ceil(timeoutMs), topicData: [topicData] };
  const reply = await transport.request(node, Produce, version, message, timeoutMs);
  reply.release();
  return reply.message;
}

/** By partition. */
export function readProduceAnswers(message: ResponseOf<typeof Produce>): Map<number, PartitionAnswer> {
  const answers = new Map<number, PartitionAnswer>();
  for (const { partitionResponses } of message.responses) {
    for (const { index, errorCode, errorMessage, recordErrors } of partitionResponses) {
      const detail = recordErrors.find((error) => error.batchIndexErrorMessage !== null)?.batchIndexErrorMessage;
      answers.set(index, { errorCode, message: errorMessage ?? detail ?? null });
    }
  }
  return answers;
}
