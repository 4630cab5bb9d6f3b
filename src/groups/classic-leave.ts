/** LeaveGroup and Heartbeat to a classic group. Source: Kafka's GroupMetadataManager.java (classicGroupLeave, classicGroupHeartbeat). */
import type { Heartbeat } from '../protocol/apis/12-heartbeat.ts';
import type { LeaveGroup } from '../protocol/apis/13-leave-group.ts';
import { type ErrorName, errorCode, KafkaError } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { Call } from './call.ts';
import { type ClassicGroup, checkMember } from './classic-group.ts';
import { goOnIfAllJoined, keepAlive, prepareRebalance, removeMember } from './classic-rebalance.ts';
import type { GroupHost, Now } from './group-host.ts';

export type HeartbeatRequest = RequestOf<typeof Heartbeat>;
export type HeartbeatResponse = ResponseOf<typeof Heartbeat>;
export type LeaveRequest = RequestOf<typeof LeaveGroup>;
export type LeaveResponse = ResponseOf<typeof LeaveGroup>;

/** Many members leave with one request; each is answered for itself. */
const BATCH_SINCE = 3;

export function heartbeat(
  host: GroupHost,
  group: ClassicGroup | undefined,
  call: Call<HeartbeatResponse>,
  request: HeartbeatRequest,
  now: Now,
): void {
  host.answer(call, { throttleTimeMs: 0, errorCode: errorCode(noteHeartbeat(host, group, call, request, now)) });
}

function noteHeartbeat(
  host: GroupHost,
  group: ClassicGroup | undefined,
  call: Call<HeartbeatResponse>,
  request: HeartbeatRequest,
  now: Now,
): ErrorName {
  if (request.groupId === '') return 'INVALID_GROUP_ID';
  if (group === undefined) return 'UNKNOWN_MEMBER_ID';
  try {
    const member = checkMember(group, request.memberId, request.groupInstanceId);
    if (request.generationId !== group.generation) return 'ILLEGAL_GENERATION';
    if (member.groupInstanceId === null) host.tie(group.groupId, member.memberId, call.caller);
    keepAlive(host, group, member, now);
  } catch (error) {
    if (error instanceof KafkaError) return error.errorName;
    throw error;
  }
  // Known to be alive, and told to join again.
  return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
}

export function leaveGroup(
  host: GroupHost,
  group: ClassicGroup | undefined,
  call: Call<LeaveResponse>,
  request: LeaveRequest,
  now: Now,
): void {
  if (request.groupId === '') {
    host.answer(call, { throttleTimeMs: 0, errorCode: errorCode('INVALID_GROUP_ID'), members: [] });
    return;
  }
  const isBatch = call.caller.apiVersion >= BATCH_SINCE;
  const leaving = isBatch ? request.members : [{ memberId: request.memberId, groupInstanceId: null }];
  const memberCount = group?.members.size ?? 0;
  const results = leaving.map((each) => ({ each, error: takeOut(host, group, each) }));
  // Kafka rebalances a stable group also for those who never came farther than to an id.
  if (group?.state === 'PreparingRebalance') goOnIfAllJoined(host, group, now);
  else if (group !== undefined && group.members.size < memberCount) prepareRebalance(host, group, now);
  const members = results.map(({ each: { memberId, groupInstanceId }, error }) => ({
    memberId,
    groupInstanceId,
    errorCode: errorCode(error),
  }));
  const ownError = isBatch ? 0 : (members[0]?.errorCode ?? 0);
  host.answer(call, { throttleTimeMs: 0, errorCode: ownError, members: isBatch ? members : [] });
}

type Leaving = Pick<LeaveRequest['members'][number], 'memberId' | 'groupInstanceId'>;

function takeOut(host: GroupHost, group: ClassicGroup | undefined, leaving: Leaving): ErrorName {
  if (group === undefined) return 'UNKNOWN_MEMBER_ID';
  const { memberId, groupInstanceId } = leaving;
  try {
    removeMember(host, group, memberIdOf(group, memberId, groupInstanceId));
    return 'NONE';
  } catch (error) {
    if (error instanceof KafkaError) return error.errorName;
    throw error;
  }
}

/** An administrator names a static member by its instance id alone. */
function memberIdOf(group: ClassicGroup, memberId: string, groupInstanceId: string | null): string {
  if (memberId === '') {
    const named = groupInstanceId === null ? undefined : group.staticMembers.get(groupInstanceId);
    if (named === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID');
    return named;
  }
  return group.pendingJoins.has(memberId) ? memberId : checkMember(group, memberId, groupInstanceId).memberId;
}
