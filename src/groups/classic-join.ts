/**
 * JoinGroup to a classic group: who may come in, under which id, and whether the group rebalances for it.
 * Source: Kafka's GroupMetadataManager.java (classicGroupJoin).
 */
import { type ErrorName, KafkaError } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { failJoin, failParked, joinedAnswer, parkJoin } from './classic-answers.ts';
import {
  addMember,
  addPending,
  awaitingJoinCount,
  type ClassicGroup,
  checkMember,
  electProtocol,
  newClassicGroup,
  replaceStaticMember,
  setProtocols,
  supportsProtocols,
} from './classic-group.ts';
import {
  type ClassicMember,
  type JoinRequest,
  type JoinResponse,
  keepProtocols,
  NO_BYTES,
  sameProtocols,
} from './classic-member.ts';
import {
  endSession,
  goOnIfAllJoined,
  keepAlive,
  prepareRebalance,
  rebalanceOrGoOn,
  removeMember,
  startSession,
} from './classic-rebalance.ts';
import { newGroupRecord, recordBytes, recordOf } from './classic-record.ts';
import type { GroupHost, Now } from './group-host.ts';
import { protocolBytes } from './member-memory.ts';

/** KIP-394: a new dynamic member has to come again with the id that it is given. */
const KNOWN_ID_SINCE = 4;
/** A leader can be told to assign nothing. */
const SKIP_ASSIGNMENT_SINCE = 9;
/** A new member's client may be gone without a trace; one that lives comes again. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000;
/** Ids that are given out and not used yet, of one group: not Kafka's, but nothing grows without an end. */
const PENDING_JOINS_MAX = 10_000;

/** What one JoinGroup is about, for the functions below. */
interface Joining {
  readonly host: GroupHost;
  readonly group: ClassicGroup;
  readonly call: Call<JoinResponse>;
  readonly request: JoinRequest;
  readonly now: Now;
}

/** Adds to `groups` the group that a first member makes. */
export function joinGroup(
  host: GroupHost,
  groups: Map<string, ClassicGroup>,
  call: Call<JoinResponse>,
  request: JoinRequest,
  now: Now,
): void {
  const refused = refusalOf(host, request) ?? memoryRefusal(host, groups.get(request.groupId), request);
  if (refused !== undefined) {
    failJoin(host, call, refused, request.memberId);
    return;
  }
  const group = groups.get(request.groupId) ?? makeGroup(host, groups, request, now);
  if (typeof group === 'string') {
    failJoin(host, call, group, request.memberId);
    return;
  }
  const joining = { host, group, call, request, now };
  if (!hasRoomFor(joining)) refuseForSize(joining);
  else if (!supportsProtocols(group, request.protocolType, request.protocols)) {
    failJoin(host, call, 'INCONSISTENT_GROUP_PROTOCOL', request.memberId);
  } else if (request.memberId === '') joinAsNew(joining);
  else if (group.pendingJoins.has(request.memberId)) joinAsPending(joining);
  else joinAsKnown(joining);
}

function refusalOf(host: GroupHost, request: JoinRequest): ErrorName | undefined {
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = host.settings;
  if (request.groupId === '') return 'INVALID_GROUP_ID';
  const fits = request.sessionTimeoutMs >= minSessionTimeoutMs && request.sessionTimeoutMs <= maxSessionTimeoutMs;
  return fits ? undefined : 'INVALID_SESSION_TIMEOUT';
}

/** Whether all members of all groups would take too much memory with what this one says; what says no more than before may stay. */
function memoryRefusal(host: GroupHost, group: ClassicGroup | undefined, request: JoinRequest): ErrorName | undefined {
  const known = group && knownMember(group, request);
  const knownBytes = known === undefined ? 0 : protocolBytes(known.protocols);
  const growthBytes = protocolBytes(request.protocols) - knownBytes;
  return growthBytes <= 0 || host.hasRoomFor(growthBytes) ? undefined : 'GROUP_MAX_SIZE_REACHED';
}

/** A group begins with somebody who has no id yet; an empty one of the other kind becomes this one, its offsets stay. */
function makeGroup(
  host: GroupHost,
  groups: Map<string, ClassicGroup>,
  request: JoinRequest,
  now: Now,
): ClassicGroup | ErrorName {
  const { groupId } = request;
  if (request.memberId !== '') return 'UNKNOWN_MEMBER_ID';
  const group = newClassicGroup(groupId, host.memory);
  group.stateSinceMs = now.wallMs;
  if (!supportsProtocols(group, request.protocolType, request.protocols)) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (!host.giveUpKind(groupId, 'classic')) return 'INCONSISTENT_GROUP_PROTOCOL';
  groups.set(groupId, group);
  host.push(newGroupRecord(groupId, now.wallMs));
  return group;
}

/**
 * Whether one more may join or come back, by group.max.size; during a rebalance the first to come are the ones that stay. An instance
 * that comes back under a new id is none more, though Kafka refuses it.
 */
function hasRoomFor({ host, group, request }: Joining): boolean {
  const { maxSize } = host.settings;
  const member = knownMember(group, request);
  switch (group.state) {
    case 'Empty':
      return true;
    case 'PreparingRebalance':
      return member?.awaitingJoin !== undefined || awaitingJoinCount(group) < maxSize;
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < maxSize;
  }
}

/** The one that joins again, or in whose place its instance comes back. */
function knownMember(
  group: ClassicGroup,
  { memberId, groupInstanceId }: Pick<JoinRequest, 'memberId' | 'groupInstanceId'>,
): ClassicMember | undefined {
  const knownAs = memberId === '' && groupInstanceId !== null ? group.staticMembers.get(groupInstanceId) : memberId;
  return knownAs === undefined ? undefined : group.members.get(knownAs);
}

function refuseForSize({ host, group, call, request, now }: Joining): void {
  failJoin(host, call, 'GROUP_MAX_SIZE_REACHED', '');
  removeMember(host, group, request.memberId);
  goOnIfAllJoined(host, group, now);
}

function joinAsNew(joining: Joining): void {
  const { host, group, call, request, now } = joining;
  const { groupInstanceId } = request;
  if (groupInstanceId !== null) {
    const memberId = host.newMemberId(groupInstanceId);
    const known = group.staticMembers.get(groupInstanceId);
    const member = known === undefined ? undefined : group.members.get(known);
    if (member === undefined) joinWithNewMember(joining, memberId);
    else joinInPlaceOf(joining, member, memberId);
    return;
  }
  const memberId = host.newMemberId(call.caller.clientId);
  if (call.caller.apiVersion < KNOWN_ID_SINCE) {
    joinWithNewMember(joining, memberId);
  } else if (group.pendingJoins.size >= PENDING_JOINS_MAX) {
    failJoin(host, call, 'GROUP_MAX_SIZE_REACHED', '');
  } else {
    addPending(group, memberId);
    host.tie(group.groupId, memberId, call.caller);
    startSession(host, group, { memberId, timeoutMs: request.sessionTimeoutMs }, now);
    failJoin(host, call, 'MEMBER_ID_REQUIRED', memberId);
  }
}

function joinAsPending(joining: Joining): void {
  const { host, call, request } = joining;
  // Ids that wait for their second join were given to dynamic members.
  if (request.groupInstanceId !== null) failJoin(host, call, 'UNKNOWN_SERVER_ERROR', request.memberId);
  else joinWithNewMember(joining, request.memberId);
}

function joinWithNewMember({ host, group, call, request, now }: Joining, memberId: string): void {
  const member: ClassicMember = {
    memberId,
    groupInstanceId: request.groupInstanceId,
    clientId: call.caller.clientId,
    clientHost: call.caller.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(request),
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols: keepProtocols(request.protocols),
    assignment: NO_BYTES,
    isNew: true,
    awaitingJoin: call,
    awaitingSync: undefined,
  };
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true;
  addMember(group, member, request.protocolType);
  tieIfDynamic(host, group, member, call);
  startSession(host, group, { memberId, timeoutMs: NEW_MEMBER_JOIN_TIMEOUT_MS }, now);
  rebalanceOrGoOn(host, group, now);
}

function joinAsKnown(joining: Joining): void {
  const { host, group, call, request } = joining;
  let member: ClassicMember;
  try {
    member = checkMember(group, request.memberId, request.groupInstanceId);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    failJoin(host, call, error.errorName, request.memberId);
    return;
  }
  tieIfDynamic(host, group, member, call);
  // Whoever comes again with what the group knows already did not get its answer; a leader that is stable wants a rebalance.
  const knowsAll = sameProtocols(member.protocols, request.protocols);
  const isSettled =
    group.state === 'CompletingRebalance' || (group.state === 'Stable' && group.leaderId !== member.memberId);
  if (knowsAll && isSettled) {
    host.answer(call, joinedAnswer(group, member));
    return;
  }
  updateAndPark(joining, member);
  rebalanceOrGoOn(host, group, joining.now);
}

/** The instance comes back under a new id: whoever has the old one is fenced. */
function joinInPlaceOf(joining: Joining, old: ClassicMember, memberId: string): void {
  const { host, group, call, now } = joining;
  const { leaderId } = group;
  failParked(host, old, 'FENCED_INSTANCE_ID', old.memberId);
  endSession(host, group, old.memberId);
  const member: ClassicMember = { ...old, memberId, isNew: false };
  replaceStaticMember(group, old.memberId, member);
  updateAndPark(joining, member);
  keepAlive(host, group, member, now);
  if (group.state !== 'Stable') rebalanceOrGoOn(host, group, now);
  else if (!keepsGeneration(joining)) prepareRebalance(host, group, now);
  else {
    member.awaitingJoin = undefined;
    host.push(recordOf(group));
    // A leader that cannot be told to skip the assignment is not told that it leads.
    const canSkip = call.caller.apiVersion >= SKIP_ASSIGNMENT_SINCE;
    const told = canSkip ? { skipAssignment: group.leaderId === memberId } : { leaderId: leaderId ?? '' };
    host.answer(call, joinedAnswer(group, member, told));
  }
}

/** Whether the next generation would have this one's protocol, and its record a place in the log. */
function keepsGeneration({ host, group }: Joining): boolean {
  if (electProtocol(group) !== group.protocolName) return false;
  const { value } = recordOf(group);
  return value !== null && recordBytes(group.groupId, value) <= host.recordBytesMax;
}

function updateAndPark({ host, group, call, request }: Joining, member: ClassicMember): void {
  setProtocols(group, member, keepProtocols(request.protocols, member.protocols));
  member.rebalanceTimeoutMs = rebalanceTimeoutOf(request);
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  parkJoin(host, member, call);
}

/** Before v1 the session's counts for both. */
function rebalanceTimeoutOf({ rebalanceTimeoutMs, sessionTimeoutMs }: JoinRequest): number {
  return rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs;
}

function tieIfDynamic(host: GroupHost, group: ClassicGroup, member: ClassicMember, call: Call<JoinResponse>): void {
  if (member.groupInstanceId === null) host.tie(group.groupId, member.memberId, call.caller);
}
