/**
 * How a classic group gets from one generation to the next: who is waited for, for how long, and who is removed meanwhile.
 * Source: Kafka's GroupMetadataManager.java.
 */
import { assert } from '../kernel/assert.ts';
import type { ErrorName } from '../protocol/errors.ts';
import { failParked, failSync, joinedAnswer } from './classic-answers.ts';
import {
  beginGeneration,
  type ClassicGroup,
  dropMember,
  electWaitingLeader,
  enterState,
  hasAllJoined,
  rebalanceTimeoutMs,
  setAssignment,
} from './classic-group.ts';
import { type ClassicMember, isHeldAlive, NO_BYTES } from './classic-member.ts';
import { recordOf } from './classic-record.ts';
import type { GroupHost, Now } from './group-host.ts';
import { memberKey } from './member-key.ts';

/** The member, pending or not, is removed unless it is heard of again within `timeoutMs`. */
export function startSession(
  host: GroupHost,
  group: ClassicGroup,
  { memberId, timeoutMs }: { readonly memberId: string; readonly timeoutMs: number },
  now: Now,
): void {
  host.schedule(sessionKey(group.groupId, memberId), now.nowMs + timeoutMs, (later) => {
    const member = group.members.get(memberId);
    if (member === undefined || !isHeldAlive(member)) removeFailed(host, group, memberId, later);
  });
}

/** The member was heard of. */
export function keepAlive(host: GroupHost, group: ClassicGroup, member: ClassicMember, now: Now): void {
  startSession(host, group, { memberId: member.memberId, timeoutMs: member.sessionTimeoutMs }, now);
}

/** Takes a member, or a pending one, out of the group. What it waits for ends, so that it joins anew if it lives. */
export function removeMember(host: GroupHost, group: ClassicGroup, memberId: string): void {
  const member = group.members.get(memberId);
  if (member !== undefined) failParked(host, member, 'UNKNOWN_MEMBER_ID', '');
  endSession(host, group, memberId);
  dropMember(group, memberId);
}

export function endSession(host: GroupHost, group: ClassicGroup, memberId: string): void {
  host.cancel(sessionKey(group.groupId, memberId));
  host.untie(group.groupId, memberId);
}

/** Removes one that failed: the others rebalance, or wait for it no longer. */
export function removeFailed(host: GroupHost, group: ClassicGroup, memberId: string, now: Now): void {
  const wasMember = group.members.has(memberId);
  removeMember(host, group, memberId);
  if (group.state === 'PreparingRebalance') {
    if (hasAllJoined(group)) completeJoin(host, group, now);
  } else if (wasMember && group.state !== 'Empty') {
    prepareRebalance(host, group, now);
  }
}

/** Somebody joined anew, with something new, or left: a rebalance begins, or the one that waits may go on. */
export function rebalanceOrGoOn(host: GroupHost, group: ClassicGroup, now: Now): void {
  if (group.state === 'PreparingRebalance') goOnIfAllJoined(host, group, now);
  else prepareRebalance(host, group, now);
}

/** The first rebalance of a group takes its time (`waitForMore`); any other goes on as soon as everybody is there. */
export function goOnIfAllJoined(host: GroupHost, group: ClassicGroup, now: Now): void {
  if (group.state !== 'PreparingRebalance' || group.previousState === 'Empty') return;
  if (hasAllJoined(group)) completeJoin(host, group, now);
}

/** All members have to join again. */
export function prepareRebalance(host: GroupHost, group: ClassicGroup, now: Now): void {
  assert(group.state !== 'PreparingRebalance', 'a rebalance begins once');
  if (group.state === 'CompletingRebalance') failSyncs(host, group, 'REBALANCE_IN_PROGRESS', now);
  stopWaitingForSyncs(host, group);
  const isFirst = group.state === 'Empty';
  enterState(group, 'PreparingRebalance', now.wallMs);
  if (isFirst) {
    const delayMs = host.settings.initialRebalanceDelayMs;
    const remainingMs = Math.max(0, rebalanceTimeoutMs(group) - delayMs);
    host.schedule(joinKey(group.groupId), now.nowMs + delayMs, (later) =>
      waitForMore(host, group, { delayMs, remainingMs }, later),
    );
  } else if (hasAllJoined(group)) {
    completeJoin(host, group, now);
  } else {
    scheduleCompletion(host, group, now);
  }
}

/** Nobody gets an assignment of this generation: who waits for one is told why, and has its session to come again. */
export function failSyncs(host: GroupHost, group: ClassicGroup, error: ErrorName, now: Now): void {
  for (const member of group.members.values()) {
    setAssignment(group, member, NO_BYTES);
    if (member.awaitingSync === undefined) continue;
    failSync(host, member.awaitingSync, error);
    member.awaitingSync = undefined;
    keepAlive(host, group, member, now);
  }
}

/** The member has asked for its assignment. */
export function noteSync(host: GroupHost, group: ClassicGroup, memberId: string): void {
  group.pendingSyncs.delete(memberId);
  if (group.pendingSyncs.size === 0) host.cancel(syncKey(group.groupId));
}

/** Ends all waiting of a group that is no more. Nobody is parked in it. */
export function endDeadlines(host: GroupHost, group: ClassicGroup): void {
  host.cancel(joinKey(group.groupId));
  host.cancel(syncKey(group.groupId));
  for (const memberId of [...group.members.keys(), ...group.pendingJoins]) endSession(host, group, memberId);
}

/** While members keep coming, the first rebalance waits another delay, all in all up to the rebalance timeout. */
function waitForMore(
  host: GroupHost,
  group: ClassicGroup,
  { delayMs, remainingMs }: { readonly delayMs: number; readonly remainingMs: number },
  now: Now,
): void {
  if (!group.newMemberAdded || remainingMs === 0) {
    completeJoin(host, group, now);
    return;
  }
  group.newMemberAdded = false;
  const next = {
    delayMs: Math.min(host.settings.initialRebalanceDelayMs, remainingMs),
    remainingMs: Math.max(0, remainingMs - delayMs),
  };
  host.schedule(joinKey(group.groupId), now.nowMs + next.delayMs, (later) => waitForMore(host, group, next, later));
}

function scheduleCompletion(host: GroupHost, group: ClassicGroup, now: Now): void {
  host.schedule(joinKey(group.groupId), now.nowMs + rebalanceTimeoutMs(group), (later) =>
    completeJoin(host, group, later),
  );
}

/** Whoever has not come by now is out, static members excepted; the next generation begins with the others. */
function completeJoin(host: GroupHost, group: ClassicGroup, now: Now): void {
  assert(group.state === 'PreparingRebalance', 'a join phase ends once');
  host.cancel(joinKey(group.groupId));
  for (const { memberId, groupInstanceId, awaitingJoin } of [...group.members.values()]) {
    if (awaitingJoin === undefined && groupInstanceId === null) removeMember(host, group, memberId);
  }
  if (group.members.size > 0 && !electWaitingLeader(group)) {
    scheduleCompletion(host, group, now);
    return;
  }
  group.newMemberAdded = false;
  beginGeneration(group, now.wallMs);
  if (group.members.size === 0) host.push(recordOf(group));
  else tellGeneration(host, group, now);
}

function tellGeneration(host: GroupHost, group: ClassicGroup, now: Now): void {
  for (const member of group.members.values()) {
    if (member.awaitingJoin !== undefined) host.answer(member.awaitingJoin, joinedAnswer(group, member));
    member.awaitingJoin = undefined;
    member.isNew = false;
    group.pendingSyncs.add(member.memberId);
    keepAlive(host, group, member, now);
  }
  host.schedule(syncKey(group.groupId), now.nowMs + rebalanceTimeoutMs(group), (later) => {
    for (const memberId of [...group.pendingSyncs]) removeMember(host, group, memberId);
    prepareRebalance(host, group, later);
  });
}

function stopWaitingForSyncs(host: GroupHost, group: ClassicGroup): void {
  group.pendingSyncs.clear();
  host.cancel(syncKey(group.groupId));
}

function joinKey(groupId: string): string {
  return `classic-join:${groupId}`;
}

function syncKey(groupId: string): string {
  return `classic-sync:${groupId}`;
}

function sessionKey(groupId: string, memberId: string): string {
  return `classic-session:${memberKey(groupId, memberId)}`;
}
