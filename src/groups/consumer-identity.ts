/**
 * Whose heartbeat it is: by member id, by instance id where it has one, and whether its epoch lets it speak.
 * Source: Kafka's GroupMetadataManager.java (getOrMaybeSubscribeDynamicConsumerGroupMember, ...Static..., consumerGroupLeave).
 */
import { KafkaError } from '../protocol/errors.ts';
import { isSubset, toAssignment } from './consumer-assignment.ts';
import type { ConsumerGroup } from './consumer-group.ts';
import {
  type ConsumerHeartbeatRequest,
  type ConsumerMember,
  JOINS,
  LEFT_FOR_A_WHILE,
  newConsumerMember,
} from './consumer-member.ts';

export interface FoundMember {
  /** As the group has it, or as it begins. */
  readonly member: ConsumerMember;
  readonly isNew: boolean;
  /** The static member that left for a while and comes back as `member`. */
  readonly replaced: ConsumerMember | undefined;
}

/** `memberId`: that of the request, or the one made for it. Throws KafkaError. */
export function findMember(group: ConsumerGroup, request: ConsumerHeartbeatRequest, memberId: string): FoundMember {
  const { instanceId, memberEpoch } = request;
  if (instanceId !== null) return findStaticMember(group, request, instanceId, memberId);
  const member = group.members.get(memberId);
  if (member === undefined) {
    if (memberEpoch === JOINS) return begin(memberId);
    throw unknownMember(group.groupId, memberId);
  }
  checkEpoch(member, request);
  return { member, isNew: false, replaced: undefined };
}

/** Throws KafkaError UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
export function findLeavingMember(group: ConsumerGroup, request: ConsumerHeartbeatRequest): ConsumerMember {
  const { instanceId, memberId } = request;
  if (instanceId !== null) return findByInstance(group, instanceId, memberId);
  const member = group.members.get(memberId);
  if (member === undefined) throw unknownMember(group.groupId, memberId);
  return member;
}

/**
 * Kafka refuses a join under an instance id that did not leave even by the very member that has it. Here that one may: what it asks is
 * the answer that it did not get.
 */
function findStaticMember(
  group: ConsumerGroup,
  request: ConsumerHeartbeatRequest,
  instanceId: string,
  memberId: string,
): FoundMember {
  const known = group.staticMember(instanceId);
  if (request.memberEpoch !== JOINS) {
    const member = findByInstance(group, instanceId, memberId);
    checkEpoch(member, request);
    return { member, isNew: false, replaced: undefined };
  }
  if (known === undefined) {
    const member = group.members.get(memberId);
    return member === undefined ? begin(memberId) : { member, isNew: false, replaced: undefined };
  }
  if (known.memberEpoch === LEFT_FOR_A_WHILE) {
    const member = { ...known, memberId, memberEpoch: JOINS, previousMemberEpoch: JOINS };
    return { member, isNew: false, replaced: known };
  }
  if (known.memberId === memberId) return { member: known, isNew: false, replaced: undefined };
  throw new KafkaError(
    'UNRELEASED_INSTANCE_ID',
    `Member ${memberId} cannot join with instance id ${instanceId}, which member ${known.memberId} has.`,
  );
}

function findByInstance(group: ConsumerGroup, instanceId: string, memberId: string): ConsumerMember {
  const member = group.staticMember(instanceId);
  if (member === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`);
  if (member.memberId === memberId) return member;
  throw new KafkaError(
    'FENCED_INSTANCE_ID',
    `Member ${memberId} was fenced by ${member.memberId} of the same instance.`,
  );
}

/**
 * Joins again at any time. The epoch before is good as long as the member has nothing that it would have to give up: the answer that
 * told it the new one was lost. Throws KafkaError FENCED_MEMBER_EPOCH.
 */
function checkEpoch(member: ConsumerMember, { memberEpoch, topicPartitions }: ConsumerHeartbeatRequest): void {
  if (memberEpoch === JOINS || memberEpoch === member.memberEpoch) return;
  const isPrevious = memberEpoch < member.memberEpoch && memberEpoch === member.previousMemberEpoch;
  if (isPrevious && topicPartitions !== null && isSubset(toAssignment(topicPartitions), member.assigned)) return;
  throw new KafkaError(
    'FENCED_MEMBER_EPOCH',
    `The member's epoch is ${member.memberEpoch}, not ${memberEpoch}. It must abandon its partitions and rejoin.`,
  );
}

function begin(memberId: string): FoundMember {
  return { member: newConsumerMember(memberId), isNew: true, replaced: undefined };
}

export function unknownMember(groupId: string, memberId: string): KafkaError {
  return new KafkaError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${groupId}.`);
}
