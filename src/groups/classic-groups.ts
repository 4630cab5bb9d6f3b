/** The classic groups of one shard, as `GroupMachine` sees them. */
import { assert } from '../kernel/assert.ts';
import { OPERATIONS_NOT_ASKED } from '../protocol/apis/03-metadata.ts';
import type { DescribeGroups } from '../protocol/apis/15-describe-groups.ts';
import { KafkaError } from '../protocol/errors.ts';
import { CONSUMER_PROTOCOL_TYPE } from '../protocol/group/consumer-protocol.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import type { Call, Caller } from './call.ts';
import { type ClassicGroup, checkMember } from './classic-group.ts';
import { joinGroup } from './classic-join.ts';
import {
  type HeartbeatRequest,
  type HeartbeatResponse,
  heartbeat,
  type LeaveRequest,
  type LeaveResponse,
  leaveGroup,
} from './classic-leave.ts';
import {
  type JoinRequest,
  type JoinResponse,
  metadataFor,
  NO_BYTES,
  type SyncRequest,
  type SyncResponse,
} from './classic-member.ts';
import { endDeadlines, keepAlive, prepareRebalance, removeFailed } from './classic-rebalance.ts';
import { groupFromRecord, tombstoneOf } from './classic-record.ts';
import { syncGroup } from './classic-sync.ts';
import type { GroupHost, Now } from './group-host.ts';
import type { CommitWho, GroupKind, ReplayFacts } from './group-kind.ts';
import { uncount } from './member-memory.ts';

export type DescribedGroup = ResponseOf<typeof DescribeGroups>['groups'][number];

/** One without members or a record: it has offsets (`Empty`), or is not there (`Dead`). */
export function describeSimpleGroup(groupId: string, groupState: string): DescribedGroup {
  return {
    errorCode: 0,
    errorMessage: null,
    groupId,
    groupState,
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  };
}

export class ClassicGroups implements GroupKind {
  readonly #host: GroupHost;
  readonly #groups = new Map<string, ClassicGroup>();

  constructor(host: GroupHost) {
    this.#host = host;
  }

  join(call: Call<JoinResponse>, request: JoinRequest, now: Now): void {
    joinGroup(this.#host, this.#groups, call, request, now);
  }

  sync(call: Call<SyncResponse>, request: SyncRequest, now: Now): void {
    syncGroup(this.#host, this.#groups.get(request.groupId), call, request, now);
  }

  heartbeat(call: Call<HeartbeatResponse>, request: HeartbeatRequest, now: Now): void {
    heartbeat(this.#host, this.#groups.get(request.groupId), call, request, now);
  }

  leave(call: Call<LeaveResponse>, request: LeaveRequest, now: Now): void {
    leaveGroup(this.#host, this.#groups.get(request.groupId), call, request, now);
  }

  /** The group is here. What members said of themselves is told once they all have said it. */
  describe(groupId: string): DescribedGroup {
    const group = this.#get(groupId);
    const { protocolName } = group;
    const stableProtocol = group.state === 'Stable' ? protocolName : undefined;
    return {
      errorCode: 0,
      errorMessage: null,
      groupId,
      groupState: group.state,
      protocolType: group.protocolType ?? '',
      protocolData: stableProtocol ?? '',
      members: [...group.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: stableProtocol === undefined ? NO_BYTES : metadataFor(member, stableProtocol),
        memberAssignment: member.assignment,
      })),
      authorizedOperations: OPERATIONS_NOT_ASKED,
    };
  }

  /** A record of this machine's own turns says what its group is already. */
  replay(record: GroupRecord, at: ReplayFacts): void {
    assert(record.kind === 'group-metadata', 'records of classic groups alone come here');
    const { groupId, value } = record;
    if (value === null) this.forget(groupId);
    else if (at.loading || !this.#groups.has(groupId)) {
      const before = this.#groups.get(groupId);
      if (before !== undefined) uncount(before);
      this.#groups.set(groupId, groupFromRecord(groupId, value, this.#host.memory));
    }
  }

  forget(groupId: string): void {
    const group = this.#groups.get(groupId);
    if (group === undefined) return;
    endDeadlines(this.#host, group);
    uncount(group);
    this.#groups.delete(groupId);
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId);
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys();
  }

  isEmpty(groupId: string): boolean {
    return this.#get(groupId).state === 'Empty';
  }

  stateOf(groupId: string): string {
    return this.#get(groupId).state;
  }

  protocolTypeOf(groupId: string): string {
    return this.#get(groupId).protocolType ?? '';
  }

  /** Where a group of consumers does not let us read what it subscribes to, it may be anything. */
  isSubscribed(groupId: string, topic: string): boolean {
    const { protocolType, subscribedTopics } = this.#get(groupId);
    return subscribedTopics?.has(topic) ?? protocolType === CONSUMER_PROTOCOL_TYPE;
  }

  /** Without a generation only while the group is empty: by somebody who manages its offsets without being a member. */
  checkCommit(groupId: string, who: CommitWho): void {
    const group = this.#get(groupId);
    if (who.generationOrEpoch < 0 && group.state === 'Empty') return;
    checkMember(group, who.memberId, who.groupInstanceId);
    if (who.generationOrEpoch !== group.generation) throw new KafkaError('ILLEGAL_GENERATION');
    if (group.state === 'CompletingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS');
  }

  committed(groupId: string, who: CommitWho, caller: Caller, now: Now): void {
    const group = this.#get(groupId);
    const member = group.members.get(who.memberId);
    if (member === undefined) return;
    if (member.groupInstanceId === null) this.#host.tie(groupId, member.memberId, caller);
    keepAlive(this.#host, group, member, now);
  }

  checkFetch(): void {
    // Anybody may read the offsets of a classic group.
  }

  remove(groupId: string): void {
    this.#host.push(tombstoneOf(groupId));
  }

  retentionStartMs(groupId: string, commitMs: number): number | undefined {
    const { protocolType, state, stateSinceMs, subscribedTopics } = this.#get(groupId);
    if (protocolType === undefined) return commitMs;
    if (state === 'Empty') return stateSinceMs ?? commitMs;
    return state === 'Stable' && subscribedTopics !== undefined ? commitMs : undefined;
  }

  memberGone(groupId: string, memberId: string, now: Now): void {
    const group = this.#groups.get(groupId);
    if (group === undefined) return;
    if (!group.members.has(memberId) && !group.pendingJoins.has(memberId)) return;
    removeFailed(this.#host, group, memberId, now);
  }

  loaded(now: Now): void {
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) keepAlive(this.#host, group, member, now);
      if (group.members.size <= this.#host.settings.maxSize) continue;
      this.#host.schedule(`classic-overfull:${group.groupId}`, now.nowMs, (later) => {
        if (group.state === 'Stable') prepareRebalance(this.#host, group, later);
      });
    }
  }

  topicsChanged(): void {
    // Members of classic groups look at the topics themselves.
  }

  *parked(): Iterable<Call<never>> {
    for (const { members } of this.#groups.values()) {
      for (const { awaitingJoin, awaitingSync } of members.values()) {
        if (awaitingJoin !== undefined) yield awaitingJoin;
        if (awaitingSync !== undefined) yield awaitingSync;
      }
    }
  }

  #get(groupId: string): ClassicGroup {
    const group = this.#groups.get(groupId);
    assert(group !== undefined, `no classic group ${groupId}`);
    return group;
  }
}
