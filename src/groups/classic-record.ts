/** A classic group to its record, and back to a group after a load. Source: Kafka's GroupCoordinatorRecordHelpers.java. */
import type { GroupRecordOf } from '../protocol/group/group-record.ts';
import {
  addMember,
  type ClassicGroup,
  findSubscribedTopics,
  type GroupMetadataValue,
  newClassicGroup,
} from './classic-group.ts';
import { type ClassicMember, metadataFor } from './classic-member.ts';
import type { MemberMemory } from './member-memory.ts';

export type GroupMetadataRecord = GroupRecordOf<'group-metadata'>;

/** The group as it is now, with the assignments that its members have. */
export function recordOf(group: ClassicGroup): GroupMetadataRecord {
  const { protocolName } = group;
  const members = [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: metadataFor(member, protocolName ?? ''),
    assignment: member.assignment,
  }));
  return {
    kind: 'group-metadata',
    groupId: group.groupId,
    value: {
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocol: protocolName ?? null,
      leader: group.leaderId ?? null,
      currentStateTimestamp: BigInt(group.stateSinceMs ?? -1),
      members,
    },
  };
}

/** What makes a new group known: nobody is in it yet, whoever joins at this moment. */
export function newGroupRecord(groupId: string, wallMs: number): GroupMetadataRecord {
  const value = {
    protocolType: '',
    generation: 0,
    protocol: null,
    leader: null,
    currentStateTimestamp: BigInt(wallMs),
    members: [],
  };
  return { kind: 'group-metadata', groupId, value };
}

export function tombstoneOf(groupId: string): GroupMetadataRecord {
  return { kind: 'group-metadata', groupId, value: null };
}

/** The group as a coordinator goes on with it that knows nothing but its record. */
export function groupFromRecord(groupId: string, value: GroupMetadataValue, memory: MemberMemory): ClassicGroup {
  const group = newClassicGroup(groupId, memory);
  const { protocol, leader, currentStateTimestamp } = value;
  for (const member of value.members) addMember(group, memberFromRecord(member, protocol ?? ''), value.protocolType);
  group.state = value.members.length > 0 ? 'Stable' : 'Empty';
  group.stateSinceMs = currentStateTimestamp === -1n ? undefined : Number(currentStateTimestamp);
  group.protocolType = value.protocolType === '' ? undefined : value.protocolType;
  group.protocolName = protocol ?? undefined;
  group.generation = value.generation;
  if (leader !== null && group.members.has(leader)) group.leaderId = leader;
  group.subscribedTopics = findSubscribedTopics(group);
  return group;
}

/** About what a record of the group takes with its key, in bytes; not less than it does. */
export function recordBytes(groupId: string, value: GroupMetadataValue): number {
  const fixedBytes = 64 + textBytes(groupId, value.protocolType, value.protocol, value.leader);
  return value.members.reduce((sum, member) => sum + memberBytes(member), fixedBytes);
}

type MemberValue = GroupMetadataValue['members'][number];

function memberBytes({ subscription, assignment, ...member }: MemberValue): number {
  const texts = textBytes(member.memberId, member.groupInstanceId, member.clientId, member.clientHost);
  return 24 + texts + subscription.length + assignment.length;
}

function textBytes(...texts: readonly (string | null)[]): number {
  return texts.reduce((sum, text) => sum + 2 + (text === null ? 0 : Buffer.byteLength(text)), 0);
}

function memberFromRecord(value: MemberValue, protocolName: string): ClassicMember {
  return {
    memberId: value.memberId,
    groupInstanceId: value.groupInstanceId,
    clientId: value.clientId,
    clientHost: value.clientHost,
    rebalanceTimeoutMs: value.rebalanceTimeout === -1 ? value.sessionTimeout : value.rebalanceTimeout,
    sessionTimeoutMs: value.sessionTimeout,
    protocols: [{ name: protocolName, metadata: value.subscription }],
    assignment: value.assignment,
    isNew: false,
    awaitingJoin: undefined,
    awaitingSync: undefined,
  };
}
