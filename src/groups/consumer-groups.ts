/** The KIP-848 groups of one shard, as `GroupMachine` sees them. */
import { assert } from '../kernel/assert.ts';
import { OPERATIONS_NOT_ASKED } from '../protocol/apis/03-metadata.ts';
import type { ConsumerGroupDescribe } from '../protocol/apis/69-consumer-group-describe.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import type { Call } from './call.ts';
import { type Assignment, unionOf } from './consumer-assignment.ts';
import type { ConsumerGroup } from './consumer-group.ts';
import { heartbeat } from './consumer-heartbeat.ts';
import { unknownMember } from './consumer-identity.ts';
import type { ConsumerHeartbeatRequest, ConsumerHeartbeatResponse, ConsumerMember } from './consumer-member.ts';
import { groupTombstones } from './consumer-records.ts';
import { replayConsumerRecord } from './consumer-replay.ts';
import { awaitRevocation, type ConsumerContext, endDeadlines, keepAlive, removeIfThere } from './consumer-sessions.ts';
import { preferredAssignor } from './consumer-target.ts';
import type { GroupHost, Now } from './group-host.ts';
import type { CommitWho, FetchWho, GroupKind } from './group-kind.ts';
import { uncount } from './member-memory.ts';

export type DescribedConsumerGroup = ResponseOf<typeof ConsumerGroupDescribe>['groups'][number];
type DescribedMember = DescribedConsumerGroup['members'][number];

/** Of ConsumerGroupDescribe v1: a member that speaks KIP-848. */
const CONSUMER_MEMBER_TYPE = 1;
/** The first version of OffsetCommit that names member epochs. */
const COMMIT_BY_EPOCH_SINCE = 9;

export class ConsumerGroups implements GroupKind {
  readonly #context: ConsumerContext;
  readonly #groups = new Map<string, ConsumerGroup>();

  constructor(host: GroupHost) {
    this.#context = { host, groups: this.#groups };
  }

  /** Throws KafkaError, before anything is decided. */
  heartbeat(call: Call<ConsumerHeartbeatResponse>, request: ConsumerHeartbeatRequest, now: Now): void {
    heartbeat(this.#context, call, request, now);
  }

  /** The group is here. Partitions of topics that are gone are left out. */
  describe(groupId: string): DescribedConsumerGroup {
    const group = this.#get(groupId);
    return {
      errorCode: 0,
      errorMessage: null,
      groupId,
      groupState: group.state,
      groupEpoch: group.groupEpoch,
      assignmentEpoch: group.targetEpoch,
      assignorName: preferredAssignor(group.members.values(), this.#context.host.settings.consumerAssignors),
      members: [...group.members.values()].map((member) => this.#describeMember(group, member)),
      authorizedOperations: OPERATIONS_NOT_ASKED,
    };
  }

  replay(record: GroupRecord): void {
    replayConsumerRecord(this.#groups, record, this.#context.host.memory);
  }

  forget(groupId: string): void {
    const group = this.#groups.get(groupId);
    if (group === undefined) return;
    for (const memberId of group.members.keys()) {
      endDeadlines(this.#context, groupId, memberId);
      this.#context.host.untie(groupId, memberId);
    }
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
    return this.#get(groupId).members.size === 0;
  }

  stateOf(groupId: string): string {
    return this.#get(groupId).state;
  }

  protocolTypeOf(): string {
    return 'consumer';
  }

  isSubscribed(groupId: string, topic: string): boolean {
    return this.#get(groupId).isSubscribed(topic);
  }

  /** Without an epoch only while the group is empty: by somebody who manages its offsets without being a member. */
  checkCommit(groupId: string, { memberId, generationOrEpoch, apiVersion }: CommitWho): void {
    const group = this.#get(groupId);
    if (generationOrEpoch < 0 && group.members.size === 0) return;
    const member = group.members.get(memberId);
    if (member === undefined) throw unknownMember(groupId, memberId);
    if (apiVersion < COMMIT_BY_EPOCH_SINCE) {
      throw new KafkaError('UNSUPPORTED_VERSION', 'Members of this group commit by OffsetCommit version 9 or above.');
    }
    checkEpoch(member, generationOrEpoch);
  }

  committed(): void {
    // A commit is no sign of life in this protocol: heartbeats alone are.
  }

  checkFetch(groupId: string, { memberId, memberEpoch }: FetchWho): void {
    if (memberId === null && memberEpoch < 0) return;
    const member = this.#get(groupId).members.get(memberId ?? '');
    if (member === undefined) throw unknownMember(groupId, memberId ?? '');
    checkEpoch(member, memberEpoch);
  }

  remove(groupId: string): void {
    this.#context.host.push(...groupTombstones(this.#get(groupId)));
  }

  /** Whether anybody is there or not: what is not subscribed to goes some time after its commit. */
  retentionStartMs(_groupId: string, commitMs: number): number {
    return commitMs;
  }

  memberGone(groupId: string, memberId: string): void {
    removeIfThere(this.#context, groupId, memberId);
  }

  loaded(now: Now): void {
    for (const [groupId, { members }] of this.#groups) {
      for (const member of members.values()) {
        keepAlive(this.#context, groupId, member.memberId, now);
        awaitRevocation(this.#context, groupId, member, now);
      }
    }
  }

  /** The next heartbeat of each group looks at its topics. */
  topicsChanged(): void {
    for (const group of this.#groups.values()) group.isMetadataFresh = false;
  }

  parked(): Iterable<Call<never>> {
    return [];
  }

  #describeMember(group: ConsumerGroup, member: ConsumerMember): DescribedMember {
    return {
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames],
      subscribedTopicRegex: member.subscribedTopicRegex,
      // What it still has to let go of it has.
      assignment: this.#describeAssignment(unionOf(member.assigned, member.pendingRevocation)),
      targetAssignment: this.#describeAssignment(group.targetOf(member.memberId)),
      memberType: CONSUMER_MEMBER_TYPE,
    };
  }

  #describeAssignment(assignment: Assignment): DescribedMember['assignment'] {
    const topicPartitions = [...assignment].flatMap(([topicId, partitions]) => {
      const topic = this.#context.host.topics.byId(topicId);
      return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions: [...partitions] }];
    });
    return { topicPartitions };
  }

  #get(groupId: string): ConsumerGroup {
    const group = this.#groups.get(groupId);
    assert(group !== undefined, `no consumer group ${groupId}`);
    return group;
  }
}

function checkEpoch({ memberEpoch }: ConsumerMember, received: number): void {
  if (received === memberEpoch) return;
  throw new KafkaError('STALE_MEMBER_EPOCH', `The member's epoch is ${memberEpoch}, not ${received}.`);
}
