/**
 * What each record makes of its group. A group is there from its first record with a value on until the tombstone of its own, a member
 * likewise; a tombstone of what is not there says nothing, for compaction may have dropped what it was about.
 * Source: the `replay` methods of Kafka's GroupMetadataManager.java.
 */
import { assert } from '../kernel/assert.ts';
import type { GroupRecord, GroupRecordOf } from '../protocol/group/group-record.ts';
import { NO_PARTITIONS, toAssignment } from './consumer-assignment.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { type ConsumerMember, LEAVES, newConsumerMember } from './consumer-member.ts';
import { MEMBER_STATES } from './consumer-records.ts';
import { type MemberMemory, uncount } from './member-memory.ts';

export function replayConsumerRecord(
  groups: Map<string, ConsumerGroup>,
  record: GroupRecord,
  memory: MemberMemory,
): void {
  const { groupId } = record;
  const group = groups.get(groupId) ?? new ConsumerGroup(groupId, memory);
  if (record.value === null && !groups.has(groupId)) return;
  if (record.kind === 'consumer-group-metadata' && record.value === null) {
    uncount(group);
    groups.delete(groupId);
    return;
  }
  groups.set(groupId, group);
  apply(group, record);
}

function apply(group: ConsumerGroup, record: GroupRecord): void {
  switch (record.kind) {
    case 'consumer-group-metadata':
      group.groupEpoch = record.value?.epoch ?? 0;
      group.metadataHash = record.value?.metadataHash ?? 0n;
      return;
    case 'consumer-group-partition-metadata':
      group.hasPartitionMetadata = record.value !== null;
      return;
    case 'consumer-group-member-metadata':
      applyMetadata(group, record);
      return;
    case 'consumer-group-target-assignment-metadata':
      group.targetEpoch = record.value?.assignmentEpoch ?? 0;
      return;
    case 'consumer-group-target-assignment-member':
      if (record.value === null) group.target.delete(record.memberId);
      else group.target.set(record.memberId, toAssignment(record.value.topicPartitions));
      return;
    case 'consumer-group-current-member-assignment':
      applyCurrent(group, record);
      return;
    case 'consumer-group-regular-expression':
      if (record.value === null) group.regularExpressions.delete(record.regularExpression);
      else group.regularExpressions.set(record.regularExpression, [...record.value.topics]);
      return;
    default:
      assert(false, `a record of kind ${record.kind} in a consumer group`);
  }
}

function applyMetadata(
  group: ConsumerGroup,
  { memberId, value }: GroupRecordOf<'consumer-group-member-metadata'>,
): void {
  if (value === null) {
    group.removeMember(memberId);
    return;
  }
  group.setMember({
    ...memberOf(group, memberId),
    instanceId: value.instanceId,
    rackId: value.rackId,
    clientId: value.clientId,
    clientHost: value.clientHost,
    subscribedTopicNames: [...new Set(value.subscribedTopicNames)].sort(),
    subscribedTopicRegex: value.subscribedTopicRegex === '' ? null : value.subscribedTopicRegex,
    rebalanceTimeoutMs: value.rebalanceTimeoutMs,
    serverAssignor: value.serverAssignor,
  });
}

function applyCurrent(
  group: ConsumerGroup,
  { memberId, value }: GroupRecordOf<'consumer-group-current-member-assignment'>,
): void {
  if (value !== null) {
    group.setMember({
      ...memberOf(group, memberId),
      memberEpoch: value.memberEpoch,
      previousMemberEpoch: value.previousMemberEpoch,
      state: MEMBER_STATES.get(value.state) ?? 'unknown',
      assigned: toAssignment(value.assignedPartitions),
      pendingRevocation: toAssignment(value.partitionsPendingRevocation),
    });
  } else if (group.members.has(memberId)) {
    group.setMember({
      ...memberOf(group, memberId),
      memberEpoch: LEAVES,
      previousMemberEpoch: LEAVES,
      assigned: NO_PARTITIONS,
      pendingRevocation: NO_PARTITIONS,
    });
  }
}

function memberOf(group: ConsumerGroup, memberId: string): ConsumerMember {
  return group.members.get(memberId) ?? newConsumerMember(memberId);
}
