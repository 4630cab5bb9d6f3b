/** A heartbeat of a KIP-848 member: it joins, stays or leaves. Source: Kafka's GroupMetadataManager.java, 4.x. */
import { KafkaError } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { isSameAssignment, toTopicPartitions } from './consumer-assignment.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { findLeavingMember, findMember } from './consumer-identity.ts';
import { leaveForAWhile } from './consumer-leave.ts';
import {
  type ConsumerHeartbeatRequest,
  type ConsumerHeartbeatResponse,
  JOINS,
  LEFT_FOR_A_WHILE,
  NOT_SAID,
} from './consumer-member.ts';
import { recordBytesOf } from './consumer-records.ts';
import { checkRequest } from './consumer-request.ts';
import { awaitRevocation, type ConsumerContext, endDeadlines, keepAlive, removeIfThere } from './consumer-sessions.ts';
import { takeStep } from './consumer-step.ts';
import type { Now } from './group-host.ts';
import { groupNotFound } from './group-offsets.ts';
import { consumerMemberBytes } from './member-memory.ts';

/** Throws KafkaError, before anything is decided. */
export function heartbeat(
  context: ConsumerContext,
  call: Call<ConsumerHeartbeatResponse>,
  request: ConsumerHeartbeatRequest,
  now: Now,
): void {
  checkRequest(request, call.caller.apiVersion, context.host.settings.consumerAssignors);
  if (request.memberEpoch < JOINS) leave(context, call, request);
  else beat(context, call, request, now);
}

function leave(
  context: ConsumerContext,
  call: Call<ConsumerHeartbeatResponse>,
  request: ConsumerHeartbeatRequest,
): void {
  const { host, groups } = context;
  const { groupId, memberEpoch } = request;
  const group = groups.get(groupId);
  if (group === undefined) throw missingGroup(context, groupId);
  const member = findLeavingMember(group, request);
  if (memberEpoch === LEFT_FOR_A_WHILE) host.push(leaveForAWhile(group, member));
  else removeIfThere(context, groupId, member.memberId);
  host.answer(call, { ...PLAIN_ANSWER, memberId: member.memberId, memberEpoch });
}

function beat(
  context: ConsumerContext,
  call: Call<ConsumerHeartbeatResponse>,
  request: ConsumerHeartbeatRequest,
  now: Now,
): void {
  const { host } = context;
  const { caller } = call;
  const { groupId } = request;
  const group = findGroup(context, request);
  const memberId = request.memberId === '' ? host.newMemberId(caller.clientId) : request.memberId;
  const found = findMember(group, request, memberId);
  // Kafka refuses a static member that comes back, too, though the group does not grow by it.
  if (found.isNew && group.members.size >= host.settings.consumerMaxSize)
    throw new KafkaError('GROUP_MAX_SIZE_REACHED');
  const { member, records, hasProgressed } = takeStep(host, { group, found, request, caller }, now);
  if (records.reduce((sum, record) => sum + recordBytesOf(record), 0) > host.recordBytesMax) {
    throw new KafkaError('UNKNOWN_SERVER_ERROR', `what group ${groupId} would become is too much for one write`);
  }
  const growthBytes = consumerMemberBytes(member) - (found.isNew ? 0 : consumerMemberBytes(found.member));
  if (growthBytes > 0 && !host.hasRoomFor(growthBytes)) {
    throw new KafkaError('GROUP_MAX_SIZE_REACHED', 'the members of all groups would take too much memory');
  }
  // From here on nothing fails. The records of an empty classic group go first: the log has one kind of a group at a time.
  if (!host.giveUpKind(groupId, 'consumer')) throw missingGroup(context, groupId);
  host.push(...records);
  group.isMetadataFresh = true;
  if (found.replaced !== undefined) endDeadlines(context, groupId, found.replaced.memberId);
  keepAlive(context, groupId, memberId, now);
  if (hasProgressed) awaitRevocation(context, groupId, member, now);
  if (member.instanceId === null) host.tie(groupId, memberId, caller);
  else host.untie(groupId, memberId);
  const hasMissedAnswer = request.memberEpoch !== found.member.memberEpoch;
  const hasOther = !isSameAssignment(found.member.assigned, member.assigned);
  host.answer(call, {
    ...PLAIN_ANSWER,
    memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: host.settings.consumerHeartbeatIntervalMs,
    assignment:
      hasMissedAnswer || hasOther || isFullRequest(request)
        ? { topicPartitions: toTopicPartitions(member.assigned) }
        : null,
  });
}

/** The group, or one that this heartbeat makes. Throws KafkaError GROUP_ID_NOT_FOUND. */
function findGroup(context: ConsumerContext, { groupId, memberEpoch }: ConsumerHeartbeatRequest): ConsumerGroup {
  const group = context.groups.get(groupId);
  if (group === undefined && memberEpoch !== JOINS) throw missingGroup(context, groupId);
  return group ?? new ConsumerGroup(groupId, context.host.memory);
}

function missingGroup({ host }: ConsumerContext, groupId: string): KafkaError {
  if (host.kindOf(groupId) === undefined) return groupNotFound(groupId);
  return new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group.`);
}

/** It says everything of itself, as at a join or after an error: it may have lost what it was told. */
function isFullRequest(request: ConsumerHeartbeatRequest): boolean {
  if (request.memberEpoch === JOINS) return true;
  const { rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex, topicPartitions } = request;
  const saysTopics = subscribedTopicNames !== null || subscribedTopicRegex !== null;
  return rebalanceTimeoutMs !== NOT_SAID && saysTopics && topicPartitions !== null;
}

const PLAIN_ANSWER = {
  throttleTimeMs: 0,
  errorCode: 0,
  errorMessage: null,
  heartbeatIntervalMs: 0,
  assignment: null,
} as const;
