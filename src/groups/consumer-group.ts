/**
 * One KIP-848 group as the log has it. Records alone change it, by `consumer-replay.ts`; what a turn works out becomes records first.
 * Source: Kafka's ConsumerGroup.java, ModernGroup.java.
 */
import { type Assignment, NO_PARTITIONS } from './consumer-assignment.ts';
import { type ConsumerMember, isReconciledTo } from './consumer-member.ts';
import { consumerMemberBytes, count, type GroupShare, type MemberMemory } from './member-memory.ts';

/** As ListGroups and ConsumerGroupDescribe name it. */
export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

export class ConsumerGroup implements GroupShare {
  readonly groupId: string;
  readonly memory: MemberMemory;
  memberBytes = 0;
  /** Raised whenever the target has to be worked out anew; 0 in the turn that makes the group. */
  groupEpoch = 0;
  /** The group epoch that the target is of. */
  targetEpoch = 0;
  /** Of the topics that the members subscribe to, at the last epoch. */
  metadataHash = 0n;
  /** Whether the log still has the record of an older broker that the hash has replaced. */
  hasPartitionMetadata = false;
  /** By member id. */
  readonly target = new Map<string, Assignment>();
  /** Regular expressions that another broker has resolved, and to which topics. */
  readonly regularExpressions = new Map<string, readonly string[]>();
  /** Memory only: no topic has changed since the hash was last looked at. */
  isMetadataFresh = false;
  readonly #members = new Map<string, ConsumerMember>();
  /** Member ids by instance id. */
  readonly #staticMembers = new Map<string, string>();
  /** Who has a partition, or did not let go of it yet, by topic id and partition. */
  readonly #owners = new Map<string, Map<number, string>>();
  /** How many members subscribe to a topic by its name. */
  readonly #subscriberCounts = new Map<string, number>();

  constructor(groupId: string, memory: MemberMemory) {
    this.groupId = groupId;
    this.memory = memory;
  }

  get members(): ReadonlyMap<string, ConsumerMember> {
    return this.#members;
  }

  staticMember(instanceId: string): ConsumerMember | undefined {
    const memberId = this.#staticMembers.get(instanceId);
    return memberId === undefined ? undefined : this.#members.get(memberId);
  }

  setMember(member: ConsumerMember): void {
    const { memberId, instanceId } = member;
    const before = this.#members.get(memberId);
    if (before !== undefined) this.#drop(before);
    this.#members.set(memberId, member);
    count(this, consumerMemberBytes(member));
    if (instanceId !== null) this.#staticMembers.set(instanceId, memberId);
    for (const topic of member.subscribedTopicNames) {
      this.#subscriberCounts.set(topic, (this.#subscriberCounts.get(topic) ?? 0) + 1);
    }
    this.#own(memberId, member.assigned);
    this.#own(memberId, member.pendingRevocation);
  }

  removeMember(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    this.#drop(member);
    this.#members.delete(memberId);
  }

  /** The member that has the partition: nobody else may. */
  ownerOf(topicId: string, partition: number): string | undefined {
    return this.#owners.get(topicId)?.get(partition);
  }

  targetOf(memberId: string): Assignment {
    return this.target.get(memberId) ?? NO_PARTITIONS;
  }

  /** Topics that the member subscribes to, existing or not; a name may come twice. */
  topicNamesOf({ subscribedTopicNames, subscribedTopicRegex }: ConsumerMember): readonly string[] {
    const resolved = subscribedTopicRegex === null ? undefined : this.regularExpressions.get(subscribedTopicRegex);
    return resolved === undefined ? subscribedTopicNames : [...subscribedTopicNames, ...resolved];
  }

  isSubscribed(topic: string): boolean {
    if (this.#subscriberCounts.has(topic)) return true;
    if (this.regularExpressions.size === 0) return false;
    return [...this.#members.values()].some((member) => this.topicNamesOf(member).includes(topic));
  }

  get state(): ConsumerGroupState {
    if (this.#members.size === 0) return 'Empty';
    if (this.groupEpoch > this.targetEpoch) return 'Assigning';
    for (const member of this.#members.values()) {
      if (!isReconciledTo(member, this.targetEpoch)) return 'Reconciling';
    }
    return 'Stable';
  }

  #own(memberId: string, assignment: Assignment): void {
    for (const [topicId, partitions] of assignment) {
      const owners = this.#owners.get(topicId) ?? new Map<number, string>();
      this.#owners.set(topicId, owners);
      for (const partition of partitions) owners.set(partition, memberId);
    }
  }

  /** All that hangs on the member as it was. */
  #drop(member: ConsumerMember): void {
    const { memberId, instanceId, subscribedTopicNames, assigned, pendingRevocation } = member;
    count(this, -consumerMemberBytes(member));
    if (instanceId !== null && this.#staticMembers.get(instanceId) === memberId) {
      this.#staticMembers.delete(instanceId);
    }
    for (const topic of subscribedTopicNames) {
      const count = this.#subscriberCounts.get(topic) ?? 1;
      if (count === 1) this.#subscriberCounts.delete(topic);
      else this.#subscriberCounts.set(topic, count - 1);
    }
    this.#disown(memberId, assigned);
    this.#disown(memberId, pendingRevocation);
  }

  /** What another one has by now stays that one's. */
  #disown(memberId: string, assignment: Assignment): void {
    for (const [topicId, partitions] of assignment) {
      const owners = this.#owners.get(topicId);
      if (owners === undefined) continue;
      for (const partition of partitions) if (owners.get(partition) === memberId) owners.delete(partition);
      if (owners.size === 0) this.#owners.delete(topicId);
    }
  }
}
