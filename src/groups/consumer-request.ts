/**
 * Which heartbeats say something that makes sense, before any group is looked at.
 * Source: Kafka's GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid (4.x).
 */
import { KafkaError } from '../protocol/errors.ts';
import { type ConsumerHeartbeatRequest, JOINS, LEAVES, LEFT_FOR_A_WHILE, NOT_SAID } from './consumer-member.ts';

/** From this version on the member makes its own id. */
const OWN_MEMBER_ID_SINCE = 1;

/** Throws KafkaError INVALID_REQUEST, INVALID_REGULAR_EXPRESSION, UNSUPPORTED_ASSIGNOR. */
export function checkRequest(
  request: ConsumerHeartbeatRequest,
  apiVersion: number,
  assignorNames: readonly string[],
): void {
  const { memberEpoch, memberId } = request;
  const brokerMakesId = memberEpoch === JOINS && apiVersion < OWN_MEMBER_ID_SINCE;
  if (!brokerMakesId && isBlank(memberId)) invalid('MemberId cannot be empty.');
  if (isBlank(request.groupId)) invalid('GroupId cannot be empty.');
  if (isBlank(request.instanceId)) invalid('InstanceId cannot be empty.');
  if (isBlank(request.rackId)) invalid('RackId cannot be empty.');
  if (memberEpoch < LEFT_FOR_A_WHILE) invalid('MemberEpoch is invalid.');
  if (memberEpoch === LEFT_FOR_A_WHILE && request.instanceId === null) invalid('InstanceId cannot be null.');
  if (memberEpoch === JOINS) checkJoin(request);
  if (memberEpoch === LEAVES || memberEpoch === LEFT_FOR_A_WHILE) return;
  if (request.subscribedTopicRegex !== null && request.subscribedTopicRegex !== '') {
    throw new KafkaError(
      'INVALID_REGULAR_EXPRESSION',
      'Regular expressions are not resolved by this broker: subscribe by names, or let the client match them.',
    );
  }
  const { serverAssignor } = request;
  if (serverAssignor !== null && !assignorNames.includes(serverAssignor)) {
    const supported = assignorNames.join(', ');
    throw new KafkaError(
      'UNSUPPORTED_ASSIGNOR',
      `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${supported}.`,
    );
  }
}

function checkJoin(request: ConsumerHeartbeatRequest): void {
  if (request.rebalanceTimeoutMs === NOT_SAID) invalid('RebalanceTimeoutMs must be provided in first request.');
  if (request.topicPartitions?.length !== 0) invalid('TopicPartitions must be empty when (re-)joining.');
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
    invalid('SubscribedTopicNames or SubscribedTopicRegex must be set when (re-)joining.');
  }
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === '';
}

function invalid(message: string): never {
  throw new KafkaError('INVALID_REQUEST', message);
}
