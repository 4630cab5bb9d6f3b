/**
 * A member of a classic group. All give up what they have when somebody comes or goes (eager), join again, and one of them, the
 * leader, says who gets what. Source: Kafka's ConsumerCoordinator.java, AbstractCoordinator.java; KIP-394, KIP-345.
 *
 *     joining --JoinGroup, SyncGroup--> settled --heartbeat: rebalance--> giving up (heartbeats go on) --> joining
 *                                           `----heartbeat, commit: not a member any more--> lost -------> joining
 */
import { type Deferred, deferred } from '../kernel/deferred.ts';
import type { Timer } from '../kernel/env.ts';
import { Heartbeat } from '../protocol/apis/12-heartbeat.ts';
import { LeaveGroup } from '../protocol/apis/13-leave-group.ts';
import { errorCode, KafkaError } from '../protocol/errors.ts';
import { type ClassicJoined, joinClassicGroup } from './classic-join.ts';
import { ConnectionLost } from './client-error.ts';
import type { Deadline } from './deadline.ts';
import { depart } from './group-departure.ts';
import {
  type CommitOutcome,
  type GroupMember,
  HEARTBEAT_INTERVAL_MS,
  type MemberOptions,
  type MembershipEvents,
  SESSION_TIMEOUT_MS,
} from './group-member.ts';
import { areCommitted, commitOffsets, type PartitionOffset } from './group-offsets.ts';
import { Patience } from './group-patience.ts';
import { Pulse } from './group-pulse.ts';
import type { Lane } from './transport.ts';

/** How often a leader looks whether the topics have other partitions. */
const TOPICS_CHECK_MS = 30_000;
/** LeaveGroup names members in a list from this version on. */
const MANY_LEAVE_VERSION = 3;

type End = 'rebalance' | 'lost';

export class ClassicMember implements GroupMember {
  readonly #options: MemberOptions;
  readonly #events: MembershipEvents;
  readonly #pulse: Pulse;
  readonly #patience: Patience;
  #memberId = '';
  #joined: ClassicJoined | undefined;
  #isSettled = false;
  /** Of this generation; resolved once. */
  #end: Deferred<End> = deferred();
  #isJoining = false;
  #isLeaving = false;
  #topicsTimer: Timer | undefined;

  constructor(options: MemberOptions, events: MembershipEvents) {
    const { clock } = options.env;
    this.#options = options;
    this.#events = events;
    this.#pulse = new Pulse(clock, () => this.#beat());
    this.#patience = new Patience(clock, options.env.random, options.timeoutMs);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  start(): void {
    this.#live().catch((error: unknown) => this.#failed(error));
  }

  nudge(): void {
    this.#pulse.now();
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<CommitOutcome> {
    return await this.#commit(offsets, 'group');
  }

  async leave(offsets: readonly PartitionOffset[], deadline: Deadline): Promise<CommitOutcome> {
    const { env, coordinator } = this.#options;
    this.#isLeaving = true;
    this.#pulse.stop();
    this.#topicsTimer?.cancel();
    // An answer that is long in coming, that of a join, stands before all others of its lane.
    const lane: Lane = this.#isJoining ? 'data' : 'group';
    return await depart({
      commit: offsets.length === 0 ? undefined : () => this.#commit(offsets, lane),
      leave: () => this.#sendLeave(lane),
      isCommitted: () => areCommitted(coordinator, offsets, SESSION_TIMEOUT_MS),
      env,
      deadline,
    });
  }

  async #live(): Promise<void> {
    while (!this.#isLeaving) {
      const joined = await this.#join();
      if (joined === undefined || this.#isLeaving) return;
      this.#joined = joined;
      this.#end = deferred();
      this.#isSettled = true;
      this.#pulse.start(HEARTBEAT_INTERVAL_MS);
      this.#watchTopics(joined);
      this.#events.assigned(joined.partitions);
      const end = await this.#end.promise;
      this.#isSettled = false;
      this.#topicsTimer?.cancel();
      this.#events.changed();
      if (end === 'rebalance') await this.#events.revoked(joined.partitions);
      else this.#events.lost(joined.partitions);
      this.#pulse.stop();
    }
  }

  async #join(): Promise<ClassicJoined | undefined> {
    this.#isJoining = true;
    try {
      return await joinClassicGroup({
        ...this.#options,
        memberId: () => this.#memberId,
        identified: (memberId) => {
          this.#memberId = memberId;
        },
        isOver: () => this.#isLeaving,
      });
    } finally {
      this.#isJoining = false;
    }
  }

  /** The leader alone can bring new partitions to the members. */
  #watchTopics({ partitionCounts }: ClassicJoined): void {
    if (partitionCounts === undefined) return;
    const { env, topics } = this.#options;
    const end = this.#end;
    const look = async (): Promise<void> => {
      // Where nobody answers, heartbeats decide how long that may last.
      const found = await topics.partitionCounts([...partitionCounts.keys()]).catch(() => undefined);
      if (end !== this.#end || !this.#isSettled || this.#isLeaving) return;
      if (found === undefined || [...partitionCounts].every(([name, count]) => found.get(name) === count)) lookLater();
      else end.resolve('rebalance');
    };
    const lookLater = (): void => {
      this.#topicsTimer = env.clock.timer(TOPICS_CHECK_MS, () => void look());
    };
    lookLater();
  }

  async #beat(): Promise<number> {
    const { coordinator, instanceId } = this.#options;
    const message = {
      groupId: coordinator.groupId,
      generationId: this.#joined?.generationId ?? -1,
      memberId: this.#memberId,
      groupInstanceId: instanceId,
    };
    try {
      const { max } = Heartbeat.versions;
      const answer = await coordinator.request(Heartbeat, max, () => message, SESSION_TIMEOUT_MS);
      coordinator.check(answer.errorCode);
      this.#patience.answered();
      return HEARTBEAT_INTERVAL_MS;
    } catch (error) {
      return this.#beatFailed(error);
    }
  }

  #beatFailed(error: unknown): number {
    if (this.#isLeaving) return HEARTBEAT_INTERVAL_MS;
    try {
      if (error instanceof KafkaError && this.#noteEnd(error)) return HEARTBEAT_INTERVAL_MS;
      return this.#patience.pauseMs(error, this.#options.coordinator);
    } catch (fatal) {
      this.#failed(fatal);
      return HEARTBEAT_INTERVAL_MS;
    }
  }

  /** Whether the error ends this generation for the member, as far as it can go on. */
  #noteEnd({ errorName }: KafkaError): boolean {
    if (errorName === 'REBALANCE_IN_PROGRESS') {
      this.#end.resolve('rebalance');
      return true;
    }
    if (errorName !== 'ILLEGAL_GENERATION' && errorName !== 'UNKNOWN_MEMBER_ID') return false;
    if (errorName === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
    this.#end.resolve('lost');
    return true;
  }

  async #commit(offsets: readonly PartitionOffset[], lane: Lane): Promise<CommitOutcome> {
    const { coordinator, instanceId } = this.#options;
    const generationOrEpoch = this.#joined?.generationId ?? -1;
    const identity = { memberId: this.#memberId, instanceId, generationOrEpoch };
    if (identity.memberId === '') return 'refused';
    try {
      await commitOffsets(coordinator, identity, offsets, SESSION_TIMEOUT_MS, lane);
      return 'done';
    } catch (error) {
      if (error instanceof ConnectionLost) {
        this.nudge();
        return 'again';
      }
      if (!(error instanceof KafkaError)) throw error;
      // While it is being settled who gets what, nobody commits: who has not given up by then has lost what was his.
      if (this.#noteEnd(error)) return error.errorName === 'REBALANCE_IN_PROGRESS' ? 'again' : 'refused';
      this.#patience.mayTryAgain(error, coordinator);
      return 'again';
    }
  }

  async #sendLeave(lane: Lane): Promise<boolean> {
    const { coordinator, instanceId } = this.#options;
    const memberId = this.#memberId;
    // A static member keeps its place for as long as its session lasts: it will be back.
    if (memberId === '' || instanceId !== null) return true;
    const { groupId } = coordinator;
    try {
      const answer = await coordinator.request(
        LeaveGroup,
        LeaveGroup.versions.max,
        (version) =>
          version < MANY_LEAVE_VERSION
            ? { groupId, memberId, members: [] }
            : { groupId, memberId: '', members: [{ memberId, groupInstanceId: null, reason: 'it has read enough' }] },
        SESSION_TIMEOUT_MS,
        lane,
      );
      const codes = [answer.errorCode, ...answer.members.map((member) => member.errorCode)];
      const unknown = errorCode('UNKNOWN_MEMBER_ID');
      return codes.every((code) => code === 0 || code === unknown);
    } catch {
      return false;
    }
  }

  #failed(error: unknown): void {
    if (this.#isLeaving) return;
    this.#pulse.stop();
    this.#topicsTimer?.cancel();
    this.#events.failed(error);
  }
}
