/** The answers to JoinGroup and SyncGroup, and to calls that are parked in a member. */
import { type ErrorName, errorCode } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import type { ClassicGroup } from './classic-group.ts';
import { type ClassicMember, type JoinResponse, metadataFor, NO_BYTES, type SyncResponse } from './classic-member.ts';
import type { GroupHost } from './group-host.ts';

/** From this version on an answer without a protocol has null for it, before an empty name. */
const NULL_PROTOCOL_SINCE = 7;

export function failJoin(host: GroupHost, call: Call<JoinResponse>, error: ErrorName, memberId: string): void {
  host.answer(call, {
    throttleTimeMs: 0,
    errorCode: errorCode(error),
    generationId: -1,
    protocolType: null,
    protocolName: call.caller.apiVersion >= NULL_PROTOCOL_SINCE ? null : '',
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  });
}

/**
 * The group's generation as `member` learns it: the leader alone is told who else is in it. `leaderId`: whom the answer is to name
 * as the leader; `skipAssignment`: a leader that is to assign nothing (v9).
 */
export function joinedAnswer(
  group: ClassicGroup,
  member: ClassicMember,
  { leaderId = group.leaderId ?? '', skipAssignment = false }: { leaderId?: string; skipAssignment?: boolean } = {},
): JoinResponse {
  const { protocolName = '' } = group;
  const members = [...(leaderId === member.memberId ? group.members.values() : [])];
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    generationId: group.generation,
    protocolType: group.protocolType ?? null,
    protocolName,
    leader: leaderId,
    skipAssignment,
    memberId: member.memberId,
    members: members.map((each) => ({
      memberId: each.memberId,
      groupInstanceId: each.groupInstanceId,
      metadata: metadataFor(each, protocolName),
    })),
  };
}

export function failSync(host: GroupHost, call: Call<SyncResponse>, error: ErrorName): void {
  host.answer(call, {
    throttleTimeMs: 0,
    errorCode: errorCode(error),
    protocolType: null,
    protocolName: null,
    assignment: NO_BYTES,
  });
}

export function answerSync(
  host: GroupHost,
  call: Call<SyncResponse>,
  group: ClassicGroup,
  member: ClassicMember,
): void {
  host.answer(call, {
    throttleTimeMs: 0,
    errorCode: 0,
    protocolType: group.protocolType ?? null,
    protocolName: group.protocolName ?? null,
    assignment: member.assignment,
  });
}

/** Lets the call wait in the member. One that waits there already lost its client, or is about to: it is told to join again. */
export function parkJoin(host: GroupHost, member: ClassicMember, call: Call<JoinResponse>): void {
  if (member.awaitingJoin !== undefined) {
    failJoin(host, member.awaitingJoin, 'REBALANCE_IN_PROGRESS', member.memberId);
  }
  member.awaitingJoin = call;
}

/** As `parkJoin`. */
export function parkSync(host: GroupHost, member: ClassicMember, call: Call<SyncResponse>): void {
  if (member.awaitingSync !== undefined) failSync(host, member.awaitingSync, 'REBALANCE_IN_PROGRESS');
  member.awaitingSync = call;
}

/** Ends what waits in a member that is removed or replaced; `memberId`: as the answer to a join is to have it. */
export function failParked(host: GroupHost, member: ClassicMember, error: ErrorName, memberId: string): void {
  const { awaitingJoin, awaitingSync } = member;
  member.awaitingJoin = undefined;
  member.awaitingSync = undefined;
  if (awaitingJoin !== undefined) failJoin(host, awaitingJoin, error, memberId);
  if (awaitingSync !== undefined) failSync(host, awaitingSync, error);
}
