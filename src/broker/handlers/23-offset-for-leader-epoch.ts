/**
 * OffsetForLeaderEpoch (23), versions 2-4: where the largest epoch that is not above the one asked for ended, so that a
 * consumer sees whether what it read was taken back. An epoch that is not known yet is answered by -1 and -1.
 *
 * Skipped: the replica id, since there are no followers. Source: KafkaApis.handleOffsetForLeaderEpochRequest,
 * ReplicaManager.lastOffsetForLeaderEpoch (Kafka 4.x).
 */

import type { OffsetForLeaderEpoch } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { topicResource } from '../authorize.ts';
import { NO_FAILURE } from '../failure.ts';
import { confirmSight } from '../lease.ts';
import { LoopTurns } from '../loop-turns.ts';
import { answerEach } from '../partition-answers.ts';
import { checkLeaderEpoch } from '../partitions.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type EpochRequest = RequestOf<typeof OffsetForLeaderEpoch>;
type PartitionAsked = EpochRequest['topics'][number]['partitions'][number];
type EpochResponse = ResponseOf<typeof OffsetForLeaderEpoch>;
type EpochEnd = EpochResponse['topics'][number]['partitions'][number];

const UNKNOWN_EPOCH = -1;
const UNKNOWN_OFFSET = -1n;

export async function handleOffsetForLeaderEpoch(
  services: BrokerServices,
  request: EpochRequest,
  { context }: Call,
): Promise<Reply> {
  const topics: EpochResponse['topics'][number][] = [];
  const turns = new LoopTurns(services.env.clock);
  for (const { topic, partitions } of request.topics) {
    const answers = await answerEach(
      services,
      partitions,
      (asked) => endOfEpoch(services, topic, asked, context),
      ({ partition }, { errorCode }): EpochEnd => ({
        errorCode,
        partition,
        leaderEpoch: UNKNOWN_EPOCH,
        endOffset: UNKNOWN_OFFSET,
      }),
      turns,
    );
    topics.push({ topic, partitions: answers });
  }
  const message: EpochResponse = { throttleTimeMs: services.throttleTimeMs(context), topics };
  return { message };
}

async function endOfEpoch(
  { authorize, partitions, session }: BrokerServices,
  name: string,
  { partition: index, currentLeaderEpoch, leaderEpoch: asked }: PartitionAsked,
  context: RequestContext,
): Promise<EpochEnd> {
  if (!authorize(context, 'describe', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  const topic = partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  const partition = partitions.led(topic, index);
  checkLeaderEpoch(partition, currentLeaderEpoch);
  const log = await partitions.log(topic, partition);
  const { leaderEpoch, endOffset } = log.endOffsetFor(asked);
  await confirmSight(session);
  return { errorCode: NO_FAILURE.errorCode, partition: index, leaderEpoch, endOffset: BigInt(endOffset) };
}
