/**
 * One classic group as it works: states, members and what follows from them. All of it is soft: it lives in memory only, and its record
 * says of it what outlives a load. Source: Kafka's ClassicGroup.java, ClassicGroupState.java.
 */
import { assert } from '../kernel/assert.ts';
import { KafkaError } from '../protocol/errors.ts';
import { CONSUMER_PROTOCOL_TYPE, decodeConsumerSubscription } from '../protocol/group/consumer-protocol.ts';
import type { GroupRecordOf } from '../protocol/group/group-record.ts';
import { type ClassicMember, type MemberProtocol, metadataFor } from './classic-member.ts';
import {
  classicMemberBytes,
  count,
  type GroupShare,
  type MemberMemory,
  pendingBytes,
  protocolBytes,
} from './member-memory.ts';

/** Empty -> PreparingRebalance -> CompletingRebalance -> Stable, and from each of the last two back to PreparingRebalance. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

export type GroupMetadataValue = NonNullable<GroupRecordOf<'group-metadata'>['value']>;

export interface ClassicGroup extends GroupShare {
  readonly groupId: string;
  state: ClassicState;
  /** 'Empty' while the first rebalance waits for more members to come. */
  previousState: ClassicState | undefined;
  /** Wall time at which the state began; undefined where the log does not say. */
  stateSinceMs: number | undefined;
  /** undefined: nobody has joined yet. */
  protocolType: string | undefined;
  /** As of the last join phase that ended. */
  protocolName: string | undefined;
  generation: number;
  leaderId: string | undefined;
  /** By member id, in the order in which they came. */
  readonly members: Map<string, ClassicMember>;
  /** How many members name each protocol. */
  readonly supporters: Map<string, number>;
  /** Member ids by instance id. */
  readonly staticMembers: Map<string, string>;
  /** Ids that were given out and have not joined with it yet (KIP-394). */
  readonly pendingJoins: Set<string>;
  /** Members of this generation that have not asked for their assignment yet. */
  readonly pendingSyncs: Set<string>;
  /** What members of type "consumer" subscribe to; undefined where that is not known. */
  subscribedTopics: ReadonlySet<string> | undefined;
  /** Somebody came while the first rebalance waits. */
  newMemberAdded: boolean;
}

export function newClassicGroup(groupId: string, memory: MemberMemory): ClassicGroup {
  return {
    groupId,
    memory,
    memberBytes: 0,
    state: 'Empty',
    previousState: undefined,
    stateSinceMs: undefined,
    protocolType: undefined,
    protocolName: undefined,
    generation: 0,
    leaderId: undefined,
    members: new Map(),
    supporters: new Map(),
    staticMembers: new Map(),
    pendingJoins: new Set(),
    pendingSyncs: new Set(),
    subscribedTopics: undefined,
    newMemberAdded: false,
  };
}

export function enterState(group: ClassicGroup, state: ClassicState, wallMs: number): void {
  group.previousState = group.state;
  group.state = state;
  group.stateSinceMs = wallMs;
}

export function addMember(group: ClassicGroup, member: ClassicMember, protocolType: string): void {
  assert(!group.members.has(member.memberId), 'a member is added once');
  if (group.members.size === 0) group.protocolType = protocolType;
  group.leaderId ??= member.memberId;
  group.members.set(member.memberId, member);
  countSupport(group, member, 1);
  count(group, classicMemberBytes(member));
  if (member.groupInstanceId !== null) group.staticMembers.set(member.groupInstanceId, member.memberId);
  dropPending(group, member.memberId);
}

/** The id is given out: the one who has it is to come again. */
export function addPending(group: ClassicGroup, memberId: string): void {
  group.pendingJoins.add(memberId);
  count(group, pendingBytes(memberId));
}

/** Of members and pending ones; the next in line leads when the leader goes. Parked calls are the caller's business. */
export function dropMember(group: ClassicGroup, memberId: string): void {
  const member = group.members.get(memberId);
  if (member !== undefined) {
    countSupport(group, member, -1);
    count(group, -classicMemberBytes(member));
  }
  group.members.delete(memberId);
  dropPending(group, memberId);
  group.pendingSyncs.delete(memberId);
  if (member?.groupInstanceId != null) group.staticMembers.delete(member.groupInstanceId);
  if (group.leaderId === memberId) group.leaderId = group.members.keys().next().value;
}

/** The member joins with these from now on. */
export function setProtocols(group: ClassicGroup, member: ClassicMember, protocols: readonly MemberProtocol[]): void {
  countSupport(group, member, -1);
  count(group, protocolBytes(protocols) - protocolBytes(member.protocols));
  member.protocols = protocols;
  countSupport(group, member, 1);
}

/** What the leader gave to the member, or nothing. */
export function setAssignment(group: ClassicGroup, member: ClassicMember, assignment: Buffer): void {
  count(group, assignment.length - member.assignment.length);
  member.assignment = assignment;
}

/** The member under its instance id goes on as `member`, at the same place, with the same protocols: as leader, if it was that. */
export function replaceStaticMember(group: ClassicGroup, oldMemberId: string, member: ClassicMember): void {
  assert(member.groupInstanceId !== null, 'only static members are replaced');
  const old = group.members.get(oldMemberId);
  count(group, classicMemberBytes(member) - (old === undefined ? 0 : classicMemberBytes(old)));
  const members = [...group.members.values()].map((other) => (other.memberId === oldMemberId ? member : other));
  group.members.clear();
  for (const each of members) group.members.set(each.memberId, each);
  group.staticMembers.set(member.groupInstanceId, member.memberId);
  if (group.leaderId === oldMemberId) group.leaderId = member.memberId;
  if (group.pendingSyncs.delete(oldMemberId)) group.pendingSyncs.add(member.memberId);
}

export function awaitingJoinCount(group: ClassicGroup): number {
  let count = 0;
  for (const { awaitingJoin } of group.members.values()) if (awaitingJoin !== undefined) count += 1;
  return count;
}

export function hasAllJoined(group: ClassicGroup): boolean {
  return group.pendingJoins.size === 0 && awaitingJoinCount(group) === group.members.size;
}

/** The longest of its members; 0 without any. */
export function rebalanceTimeoutMs(group: ClassicGroup): number {
  let longestMs = 0;
  for (const member of group.members.values()) longestMs = Math.max(longestMs, member.rebalanceTimeoutMs);
  return longestMs;
}

/** Whether a member with these protocols can be one of the group: all members share one of them, under the group's type. */
export function supportsProtocols(
  group: ClassicGroup,
  protocolType: string,
  protocols: readonly Pick<MemberProtocol, 'name'>[],
): boolean {
  if (group.state === 'Empty') return protocolType !== '' && protocols.length > 0;
  if (group.protocolType !== protocolType) return false;
  return protocols.some(({ name }) => isCommon(group, name));
}

/**
 * Each member votes for the first of its protocols that all support; the most votes win, and of equals the one that was voted for
 * first. The group has members.
 */
export function electProtocol(group: ClassicGroup): string {
  const votes = new Map<string, number>();
  for (const { memberId, protocols } of group.members.values()) {
    const vote = protocols.find(({ name }) => isCommon(group, name));
    assert(vote !== undefined, `member ${memberId} shares no protocol with the others`);
    votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
  }
  const [winner] = [...votes].reduce((best, next) => (next[1] > best[1] ? next : best), ['', 0] as const);
  assert(winner !== '' || votes.has(''), 'a group without members elects no protocol');
  return winner;
}

/** Makes one that waits the leader where the old one does not. False: nobody waits. */
export function electWaitingLeader(group: ClassicGroup): boolean {
  const leader = group.leaderId === undefined ? undefined : group.members.get(group.leaderId);
  if (leader?.awaitingJoin !== undefined) return true;
  const waiting = [...group.members.values()].find(({ awaitingJoin }) => awaitingJoin !== undefined);
  if (waiting === undefined) return false;
  group.leaderId = waiting.memberId;
  return true;
}

/** The next generation begins: with members they are to fetch their assignments, without it is empty. */
export function beginGeneration(group: ClassicGroup, wallMs: number): void {
  group.generation = group.generation === INT32_MAX ? 0 : group.generation + 1;
  group.pendingSyncs.clear();
  const hasMembers = group.members.size > 0;
  group.protocolName = hasMembers ? electProtocol(group) : undefined;
  group.subscribedTopics = findSubscribedTopics(group);
  enterState(group, hasMembers ? 'CompletingRebalance' : 'Empty', wallMs);
}

const INT32_MAX = 2 ** 31 - 1;

/** undefined for other protocol types, before the first rebalance has ended, and where a subscription cannot be read. */
export function findSubscribedTopics(group: ClassicGroup): ReadonlySet<string> | undefined {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return undefined;
  const { protocolName } = group;
  if (group.members.size > 0 && protocolName === undefined) return undefined;
  const topics = new Set<string>();
  for (const member of group.members.values()) {
    const subscription = decodeConsumerSubscription(metadataFor(member, protocolName ?? ''));
    if (subscription === undefined) return undefined;
    for (const topic of subscription.topics) topics.add(topic);
  }
  return topics;
}

/**
 * That the caller is the member that it says.
 * @throws KafkaError UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID where another one has its instance id by now.
 */
export function checkMember(group: ClassicGroup, memberId: string, groupInstanceId: string | null): ClassicMember {
  if (groupInstanceId !== null) {
    const holder = group.staticMembers.get(groupInstanceId);
    if (holder !== undefined && holder !== memberId) throw new KafkaError('FENCED_INSTANCE_ID');
    if (holder === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID');
  }
  const member = group.members.get(memberId);
  if (member === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID');
  return member;
}

/** Without members any is. */
function isCommon(group: ClassicGroup, protocolName: string): boolean {
  return (group.supporters.get(protocolName) ?? 0) === group.members.size;
}

function dropPending(group: ClassicGroup, memberId: string): void {
  if (group.pendingJoins.delete(memberId)) count(group, -pendingBytes(memberId));
}

function countSupport(group: ClassicGroup, { protocols }: ClassicMember, change: 1 | -1): void {
  for (const { name } of protocols) {
    const count = (group.supporters.get(name) ?? 0) + change;
    if (count === 0) group.supporters.delete(name);
    else group.supporters.set(name, count);
  }
}
