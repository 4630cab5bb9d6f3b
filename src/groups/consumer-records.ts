/** Records 3 to 8 of KIP-848 groups, from what they tell of. Source: Kafka's GroupCoordinatorRecordHelpers.java. */
import type { GroupRecord, GroupRecordOf } from '../protocol/group/group-record.ts';
import { type Assignment, toTopicPartitions } from './consumer-assignment.ts';
import type { ConsumerGroup } from './consumer-group.ts';
import type { ConsumerMember, MemberState } from './consumer-member.ts';

/** As record 8 numbers them. */
export const MEMBER_STATES: ReadonlyMap<number, MemberState> = new Map([
  [0, 'stable'],
  [1, 'unrevoked'],
  [2, 'unreleased'],
]);
const STATE_NUMBERS = { stable: 0, unrevoked: 1, unreleased: 2, unknown: 127 } as const;

export function epochRecord(groupId: string, epoch: number, metadataHash: bigint): GroupRecord {
  return { kind: 'consumer-group-metadata', groupId, value: { epoch, metadataHash } };
}

export function memberRecord(groupId: string, member: ConsumerMember): GroupRecord {
  return {
    kind: 'consumer-group-member-metadata',
    groupId,
    memberId: member.memberId,
    value: {
      instanceId: member.instanceId,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames],
      subscribedTopicRegex: member.subscribedTopicRegex,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: member.serverAssignor,
      classicMemberMetadata: null,
    },
  };
}

export function targetEpochRecord(groupId: string, assignmentEpoch: number, wallMs: number): GroupRecord {
  const value = { assignmentEpoch, assignmentTimestamp: BigInt(wallMs) };
  return { kind: 'consumer-group-target-assignment-metadata', groupId, value };
}

export function targetRecord(groupId: string, memberId: string, target: Assignment): GroupRecord {
  const value = { topicPartitions: toTopicPartitions(target) };
  return { kind: 'consumer-group-target-assignment-member', groupId, memberId, value };
}

export function currentRecord(groupId: string, member: ConsumerMember): GroupRecord {
  return {
    kind: 'consumer-group-current-member-assignment',
    groupId,
    memberId: member.memberId,
    value: {
      memberEpoch: member.memberEpoch,
      previousMemberEpoch: member.previousMemberEpoch,
      state: STATE_NUMBERS[member.state],
      assignedPartitions: withoutEpochs(member.assigned),
      partitionsPendingRevocation: withoutEpochs(member.pendingRevocation),
    },
  };
}

/** In this order: what a member has goes before the member does. */
export function memberTombstones(groupId: string, memberId: string): readonly GroupRecord[] {
  return [
    { kind: 'consumer-group-current-member-assignment', groupId, memberId, value: null },
    { kind: 'consumer-group-target-assignment-member', groupId, memberId, value: null },
    { kind: 'consumer-group-member-metadata', groupId, memberId, value: null },
  ];
}

export function partitionMetadataTombstone(groupId: string): GroupRecord {
  return { kind: 'consumer-group-partition-metadata', groupId, value: null };
}

/** Of all that the log has of the group; the group's own record goes last. */
export function groupTombstones(group: ConsumerGroup): readonly GroupRecord[] {
  const { groupId } = group;
  const memberIds = new Set([...group.members.keys(), ...group.target.keys()]);
  return [
    ...[...memberIds].flatMap((memberId) => memberTombstones(groupId, memberId)),
    { kind: 'consumer-group-target-assignment-metadata', groupId, value: null },
    ...[...group.regularExpressions.keys()].map(
      (regularExpression): GroupRecord => ({
        kind: 'consumer-group-regular-expression',
        groupId,
        regularExpression,
        value: null,
      }),
    ),
    ...(group.hasPartitionMetadata ? [partitionMetadataTombstone(groupId)] : []),
    { kind: 'consumer-group-metadata', groupId, value: null },
  ];
}

/** About what the record takes in the log, in bytes; not less than its key and value do. */
export function recordBytesOf(record: GroupRecord): number {
  const { value } = record;
  const keyBytes = 8 + textBytes(record.groupId, 'memberId' in record ? record.memberId : null);
  if (value === null) return keyBytes;
  switch (record.kind) {
    case 'consumer-group-member-metadata':
      return keyBytes + metadataBytes(record);
    case 'consumer-group-target-assignment-member':
      return keyBytes + assignmentBytes(record.value?.topicPartitions ?? []);
    case 'consumer-group-current-member-assignment': {
      const { assignedPartitions = [], partitionsPendingRevocation = [] } = record.value ?? {};
      return keyBytes + 16 + assignmentBytes(assignedPartitions) + assignmentBytes(partitionsPendingRevocation);
    }
    default:
      return keyBytes + 32;
  }
}

function metadataBytes({ value }: GroupRecordOf<'consumer-group-member-metadata'>): number {
  if (value === null) return 0;
  const texts = textBytes(value.instanceId, value.rackId, value.clientId, value.clientHost, value.serverAssignor);
  // More of them than a call has room for arguments.
  const names = value.subscribedTopicNames.reduce((sum, name) => sum + textBytes(name), 0);
  return 32 + texts + textBytes(value.subscribedTopicRegex) + names;
}

function assignmentBytes(topics: readonly { readonly partitions: readonly number[] }[]): number {
  return topics.reduce((sum, { partitions }) => sum + 24 + 4 * partitions.length, 8);
}

function textBytes(...texts: readonly (string | null)[]): number {
  return texts.reduce((sum, text) => sum + 4 + (text === null ? 0 : Buffer.byteLength(text)), 0);
}

function withoutEpochs(assignment: Assignment) {
  return toTopicPartitions(assignment).map((topic) => ({ ...topic, assignmentEpochs: null }));
}
