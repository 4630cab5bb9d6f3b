/**
 * DescribeProducers (61), version 0: the idempotent producers that a partition's leader remembers, each with its epoch and its
 * last sequence. Source: KafkaApis.handleDescribeProducersRequest, ReplicaManager.activeProducerState (Kafka 4.x).
 */

import type { ProducerEntry } from '../../log/producer-state.ts';
import type { DescribeProducers } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { topicResource } from '../authorize.ts';
import { NO_FAILURE } from '../failure.ts';
import { confirmSight } from '../lease.ts';
import { LoopTurns } from '../loop-turns.ts';
import { answerEach } from '../partition-answers.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type ProducersResponse = ResponseOf<typeof DescribeProducers>;
type PartitionDescribed = ProducersResponse['topics'][number]['partitions'][number];
type ProducerDescribed = PartitionDescribed['activeProducers'][number];

const NO_SEQUENCE = -1;
/** Four bytes of a request may ask for all producers of a partition, and may stand there again and again. */
const ANSWER_PRODUCERS_MAX = 200_000;

export async function handleDescribeProducers(
  services: BrokerServices,
  request: RequestOf<typeof DescribeProducers>,
  { context }: Call,
): Promise<Reply> {
  const topics: ProducersResponse['topics'][number][] = [];
  const turns = new LoopTurns(services.env.clock);
  let producersLeft = ANSWER_PRODUCERS_MAX;
  for (const { name, partitionIndexes } of request.topics) {
    const partitions = await answerEach(
      services,
      partitionIndexes,
      async (partitionIndex): Promise<PartitionDescribed> => {
        if (producersLeft <= 0) throw new KafkaError('INVALID_REQUEST', 'one request describes no more producers');
        const activeProducers = await activeProducersOf(services, name, partitionIndex, context);
        producersLeft -= activeProducers.length;
        return { ...NO_FAILURE, partitionIndex, activeProducers };
      },
      (partitionIndex, failure) => ({ ...failure, partitionIndex, activeProducers: [] }),
      turns,
    );
    topics.push({ name, partitions });
  }
  const message: ProducersResponse = { throttleTimeMs: services.throttleTimeMs(context), topics };
  return { message };
}

async function activeProducersOf(
  { authorize, partitions, session }: BrokerServices,
  name: string,
  index: number,
  context: RequestContext,
): Promise<ProducerDescribed[]> {
  if (!authorize(context, 'read', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  const topic = partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  const log = await partitions.log(topic, partitions.led(topic, index));
  const producers = log.producers().map(describeProducer);
  await confirmSight(session);
  return producers;
}

function describeProducer(entry: ProducerEntry): ProducerDescribed {
  const { producerId, epoch, coordinatorEpoch, lastTimestamp, transactionFirstOffset, batches } = entry;
  return {
    producerId,
    producerEpoch: epoch,
    lastSequence: batches.at(-1)?.lastSequence ?? NO_SEQUENCE,
    lastTimestamp,
    coordinatorEpoch,
    currentTxnStartOffset: BigInt(transactionFirstOffset),
  };
}
