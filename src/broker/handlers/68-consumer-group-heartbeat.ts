/**
 * ConsumerGroupHeartbeat (68), versions 0-1: joining, living in and leaving a KIP-848 group. Source:
 * KafkaApis.handleConsumerGroupHeartbeat (Kafka 4.x).
 */

import type { ConsumerGroupHeartbeat } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { failureOf } from '../failure.ts';
import { authorizeGroup, checkMetadataBytes, checkNames, mayUseTopic } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type HeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>;

export async function handleConsumerGroupHeartbeat(
  services: BrokerServices,
  request: RequestOf<typeof ConsumerGroupHeartbeat>,
  call: Call,
): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  let message: HeartbeatResponse;
  try {
    authorizeGroup(services, call.context, 'read', request.groupId);
    const topics = request.subscribedTopicNames ?? [];
    checkMetadataBytes(topics.reduce((sum, name) => sum + name.length, 0));
    checkNames([request.memberId, request.instanceId, request.rackId, ...topics]);
    if (!topics.every((name) => mayUseTopic(services, call.context, 'describe', name))) {
      throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
    }
    const answer = await services.groups.call<HeartbeatResponse>(request.groupId, call, (machine, asked, now) =>
      machine.consumerGroupHeartbeat(asked, request, now),
    );
    message = { ...answer, throttleTimeMs };
  } catch (error) {
    message = {
      throttleTimeMs,
      ...failureOf(services.env.log, error),
      memberId: null,
      memberEpoch: 0,
      heartbeatIntervalMs: 0,
      assignment: null,
    };
  }
  return { message };
}
