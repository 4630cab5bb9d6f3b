/**
 * A member of a group of KIP-848. One kind of heartbeat does all: it joins (epoch 0), says what the member has, and is answered with
 * what it is to have, as far as nobody else still has it. Source: Kafka's ConsumerMembershipManager.java,
 * ConsumerHeartbeatRequestManager.java.
 *
 *     target answered --> what is not in it is given up (heartbeats go on) --> what is new is taken --> the next heartbeat says so
 */
import { ConsumerGroupHeartbeat } from '../protocol/apis/68-consumer-group-heartbeat.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ConnectionLost } from './client-error.ts';
import type { Deadline } from './deadline.ts';
import { depart } from './group-departure.ts';
import {
  type CommitOutcome,
  type GroupMember,
  HEARTBEAT_INTERVAL_MS,
  type MemberOptions,
  type MembershipEvents,
  REBALANCE_TIMEOUT_MS,
  SESSION_TIMEOUT_MS,
} from './group-member.ts';
import {
  areCommitted,
  commitOffsets,
  type GroupPartition,
  type PartitionOffset,
  partitionKey,
} from './group-offsets.ts';
import { Patience } from './group-patience.ts';
import { Pulse } from './group-pulse.ts';

const JOIN_EPOCH = 0;
const LEAVE_EPOCH = -1;
/** A static member's: it will be back, and keeps its place meanwhile. */
const PAUSE_EPOCH = -2;

type HeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>;
type HeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>;
type TopicIdPartitions = NonNullable<HeartbeatRequest['topicPartitions']>;

export class ConsumerMember implements GroupMember {
  readonly #options: MemberOptions;
  readonly #events: MembershipEvents;
  readonly #pulse: Pulse;
  readonly #patience: Patience;
  #memberId: string;
  #epoch = JOIN_EPOCH;
  /** By `partitionKey`: what the member reads, and what it was told to. */
  #owned = new Map<string, GroupPartition>();
  #target: ReadonlyMap<string, GroupPartition> | undefined;
  /** Assignments that came: one whose topics had to be looked up must not take the place of a later one. */
  #assignmentCount = 0;
  #isReconciling = false;
  /** Counts up when everything the member had is lost: what was begun before means nothing then. */
  #lifeCount = 0;
  /** What the coordinator does not know, or may not have heard. */
  #mustTellAll = true;
  #mustTellOwned = false;
  #mayBeKnown = false;
  #isLeaving = false;

  constructor(options: MemberOptions, events: MembershipEvents) {
    const { clock, random } = options.env;
    this.#options = options;
    this.#events = events;
    this.#memberId = random.uuid();
    this.#pulse = new Pulse(clock, () => this.#beat());
    this.#patience = new Patience(clock, random, options.timeoutMs);
  }

  get isSettled(): boolean {
    return this.#epoch > JOIN_EPOCH && this.#target !== undefined && !this.#isReconciling;
  }

  start(): void {
    this.#pulse.start(0);
  }

  nudge(): void {
    this.#pulse.now();
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<CommitOutcome> {
    const { coordinator, instanceId } = this.#options;
    if (this.#epoch <= JOIN_EPOCH) return 'refused';
    const identity = { memberId: this.#memberId, instanceId, generationOrEpoch: this.#epoch };
    try {
      await commitOffsets(coordinator, identity, offsets, SESSION_TIMEOUT_MS, 'group');
      return 'done';
    } catch (error) {
      return this.#commitFailed(error);
    }
  }

  async leave(offsets: readonly PartitionOffset[], deadline: Deadline): Promise<CommitOutcome> {
    const { env, coordinator } = this.#options;
    this.#isLeaving = true;
    this.#pulse.stop();
    // Its answer may bring a new epoch, and nothing is committed with the old one then.
    await this.#pulse.quiet();
    return await depart({
      commit: offsets.length === 0 ? undefined : () => this.commit(offsets),
      leave: () => this.#sendLeave(),
      isCommitted: () => areCommitted(coordinator, offsets, SESSION_TIMEOUT_MS),
      env,
      deadline,
    });
  }

  #commitFailed(error: unknown): CommitOutcome {
    if (error instanceof ConnectionLost) {
      this.nudge();
      return 'again';
    }
    if (!(error instanceof KafkaError)) throw error;
    if (error.errorName === 'STALE_MEMBER_EPOCH') {
      // The next heartbeat brings the new one.
      this.nudge();
      return 'again';
    }
    if (this.#noteLoss(error)) return 'refused';
    this.#patience.mayTryAgain(error, this.#options.coordinator);
    return 'again';
  }

  async #beat(): Promise<number> {
    const { coordinator, topics } = this.#options;
    const message = this.#request();
    const life = this.#lifeCount;
    try {
      if (topics.known.length === 0) await topics.refresh();
      const answer = await this.#send(message);
      if (life !== this.#lifeCount) return 0;
      if (this.#isLeaving) {
        this.#epoch = answer.memberEpoch;
        return HEARTBEAT_INTERVAL_MS;
      }
      this.#patience.answered();
      return this.#answered(answer);
    } catch (error) {
      if (this.#isLeaving) return HEARTBEAT_INTERVAL_MS;
      this.#mustTellAll = true;
      try {
        if (error instanceof KafkaError && this.#noteLoss(error)) return 0;
        // Who had the static member's place is gone, or will be when its session is over.
        if (error instanceof KafkaError && error.errorName === 'UNRELEASED_INSTANCE_ID') {
          return this.#patience.pauseMs(new ConnectionLost(error.message), coordinator);
        }
        if (error instanceof KafkaError && isOtherKind(error)) throw error;
        return this.#patience.pauseMs(error, coordinator);
      } catch (fatal) {
        this.#pulse.stop();
        this.#events.failed(fatal);
        return HEARTBEAT_INTERVAL_MS;
      }
    }
  }

  /** Throws KafkaError, and as `GroupCoordinator.request`. */
  async #send(message: HeartbeatRequest): Promise<HeartbeatResponse> {
    const { coordinator } = this.#options;
    const { max } = ConsumerGroupHeartbeat.versions;
    const answer = await coordinator.request(ConsumerGroupHeartbeat, max, () => message, SESSION_TIMEOUT_MS);
    try {
      coordinator.check(answer.errorCode);
    } catch (error) {
      if (!(error instanceof KafkaError) || answer.errorMessage === null) throw error;
      throw new KafkaError(error.errorName, answer.errorMessage);
    }
    return answer;
  }

  #request(): HeartbeatRequest {
    const { coordinator, topics, instanceId } = this.#options;
    const tellsAll = this.#mustTellAll || this.#epoch === JOIN_EPOCH;
    const tellsOwned = tellsAll || this.#mustTellOwned;
    this.#mustTellAll = false;
    this.#mustTellOwned = false;
    this.#mayBeKnown = true;
    return {
      groupId: coordinator.groupId,
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      instanceId: tellsAll ? instanceId : null,
      rackId: null,
      rebalanceTimeoutMs: tellsAll ? REBALANCE_TIMEOUT_MS : -1,
      subscribedTopicNames: tellsAll ? topics.names : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: tellsOwned ? this.#ownedById() : null,
    };
  }

  #ownedById(): TopicIdPartitions {
    const byId = new Map<string, number[]>();
    for (const { topic, partition } of this.#owned.values()) {
      const topicId = this.#options.topics.named(topic)?.topicId;
      if (topicId === undefined) continue;
      const partitions = byId.get(topicId);
      if (partitions === undefined) byId.set(topicId, [partition]);
      else partitions.push(partition);
    }
    return [...byId].map(([topicId, partitions]) => ({ topicId, partitions }));
  }

  #answered({ memberId, memberEpoch, heartbeatIntervalMs, assignment }: HeartbeatResponse): number {
    // Before v1 the broker makes the id.
    if (memberId !== null && memberId !== '') this.#memberId = memberId;
    this.#epoch = memberEpoch;
    if (assignment !== null) {
      const life = this.#lifeCount;
      this.#learnTarget(assignment.topicPartitions, life).catch((error: unknown) => {
        if (this.#isLeaving || life !== this.#lifeCount) return;
        this.#pulse.stop();
        this.#events.failed(error);
      });
    }
    this.#events.changed();
    return Math.max(1, Math.min(HEARTBEAT_INTERVAL_MS, heartbeatIntervalMs));
  }

  async #learnTarget(assigned: TopicIdPartitions, life: number): Promise<void> {
    const { topics } = this.#options;
    const isNew = ({ topicId, partitions }: TopicIdPartitions[number]): boolean => {
      const known = topics.withId(topicId);
      return known === undefined || partitions.some((partition) => known.partitions[partition] === undefined);
    };
    const number = ++this.#assignmentCount;
    if (assigned.some(isNew)) await topics.refresh();
    if (life !== this.#lifeCount || number !== this.#assignmentCount) return;
    const target = new Map<string, GroupPartition>();
    for (const { topicId, partitions } of assigned) {
      // One that is gone already will not be assigned for long.
      const topic = topics.withId(topicId)?.name;
      if (topic === undefined) continue;
      for (const partition of partitions) target.set(partitionKey({ topic, partition }), { topic, partition });
    }
    const isFirst = this.#target === undefined;
    this.#target = target;
    if (isFirst && target.size === 0) this.#events.assigned([]);
    await this.#reconcile(life);
  }

  async #reconcile(life: number): Promise<void> {
    if (this.#isReconciling) return;
    this.#isReconciling = true;
    try {
      while (life === this.#lifeCount && !this.#isLeaving) {
        const target = this.#target ?? new Map<string, GroupPartition>();
        const revoked = [...this.#owned].filter(([key]) => !target.has(key));
        const added = [...target].filter(([key]) => !this.#owned.has(key));
        if (revoked.length === 0 && added.length === 0) break;
        if (revoked.length > 0) {
          this.#events.changed();
          await this.#events.revoked(revoked.map(([, partition]) => partition));
          if (life !== this.#lifeCount) return;
          for (const [key] of revoked) this.#owned.delete(key);
        } else {
          for (const [key, partition] of added) this.#owned.set(key, partition);
          this.#events.assigned(added.map(([, partition]) => partition));
        }
        this.#mustTellOwned = true;
      }
    } finally {
      if (life === this.#lifeCount) {
        this.#isReconciling = false;
        if (this.#mustTellOwned) this.#pulse.now();
        this.#events.changed();
      }
    }
  }

  /** Whether the error says that the member has lost all that it had, and must join again. */
  #noteLoss({ errorName }: KafkaError): boolean {
    if (errorName !== 'FENCED_MEMBER_EPOCH' && errorName !== 'UNKNOWN_MEMBER_ID') return false;
    if (this.#isLeaving) return true;
    const lost = [...this.#owned.values()];
    this.#lifeCount++;
    this.#epoch = JOIN_EPOCH;
    this.#owned = new Map();
    this.#target = undefined;
    this.#isReconciling = false;
    this.#mustTellAll = true;
    this.#events.lost(lost);
    this.#events.changed();
    this.#pulse.now();
    return true;
  }

  async #sendLeave(): Promise<boolean> {
    const { coordinator, instanceId } = this.#options;
    // A join that is under way may be heard too.
    if (!this.#mayBeKnown) return true;
    const memberEpoch = instanceId === null ? LEAVE_EPOCH : PAUSE_EPOCH;
    const message: HeartbeatRequest = {
      groupId: coordinator.groupId,
      memberId: this.#memberId,
      memberEpoch,
      instanceId,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
    };
    try {
      await this.#send(message);
      return true;
    } catch (error) {
      return error instanceof KafkaError && (isNoMember(error) || isOtherKind(error));
    }
  }
}

/** The group does not have it, or has another one as its instance. */
function isNoMember({ errorName }: KafkaError): boolean {
  return errorName === 'UNKNOWN_MEMBER_ID' || errorName === 'FENCED_INSTANCE_ID';
}

/** The group is one of the classic protocol, or the broker does not serve the other one after all. */
function isOtherKind({ errorName }: KafkaError): boolean {
  return errorName === 'GROUP_ID_NOT_FOUND' || errorName === 'UNSUPPORTED_VERSION';
}
