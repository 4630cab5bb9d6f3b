/**
 * The groups of one partition of `__consumer_offsets`, as a state machine without a world: calls, moments and records go in, with the
 * time as an argument; transitions come out. Committed offsets and what the log says of groups change by `replay` alone; all else
 * is memory that ends with the machine.
 *
 * A public method is one turn. The shard takes its transition, appends the records, replays them, and gives the answers when the
 * records are safe. What concerns many members or groups is only scheduled, as a turn for each.
 */
import { assert } from '../kernel/assert.ts';
import type { ListGroups } from '../protocol/apis/16-list-groups.ts';
import type { DeleteGroups } from '../protocol/apis/42-delete-groups.ts';
import type { ConsumerGroupHeartbeat } from '../protocol/apis/68-consumer-group-heartbeat.ts';
import type { ConsumerGroupDescribe } from '../protocol/apis/69-consumer-group-describe.ts';
import { errorCode, KafkaError } from '../protocol/errors.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { Call } from './call.ts';
import { ClassicGroups, type DescribedGroup, describeSimpleGroup } from './classic-groups.ts';
import type { HeartbeatRequest, HeartbeatResponse, LeaveRequest, LeaveResponse } from './classic-leave.ts';
import type { JoinRequest, JoinResponse, SyncRequest, SyncResponse } from './classic-member.ts';
import { ConsumerGroups } from './consumer-groups.ts';
import type { GroupHost, GroupType, Now } from './group-host.ts';
import type { GroupKind, ReplayFacts } from './group-kind.ts';
import { GroupOffsets, groupNotFound } from './group-offsets.ts';
import type { GroupSettings } from './group-settings.ts';
import { GroupTimers } from './group-timers.ts';
import { memberKey } from './member-key.ts';
import type { MemberMemory } from './member-memory.ts';
import { MemberTies, type TiedMember } from './member-ties.ts';
import type {
  CommitRequest,
  CommitResult,
  FetchedGroup,
  FetchGroup,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
} from './offset-requests.ts';
import type { TopicsView } from './topics-view.ts';
import type { Answered, Transition } from './transition.ts';
import { Turns } from './turns.ts';
import { UnheardMembers } from './unheard-members.ts';

export type ConsumerHeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>;
export type ConsumerHeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>;
export type DescribedConsumerGroup = ResponseOf<typeof ConsumerGroupDescribe>['groups'][number];
export type DeletedGroup = ResponseOf<typeof DeleteGroups>['results'][number];
export type ListedGroup = ResponseOf<typeof ListGroups>['groups'][number];

export interface GroupMachineOptions {
  readonly settings: GroupSettings;
  readonly topics: TopicsView;
  readonly uuid: () => string;
  /** What one record may take; a group that cannot be written in one may not come to be. */
  readonly recordBytesMax: number;
  /** Whether the members of all machines, this one's `memberBytes` among them, may take so many bytes more. */
  readonly hasRoomFor: (bytes: number) => boolean;
  readonly log: (line: string) => void;
}

/** From this version on a group that is not there is an error, and not one that is dead. */
const UNKNOWN_GROUP_IS_ERROR_SINCE = 6;
const DEAD = 'Dead';
const EMPTY = 'Empty';

export class GroupMachine {
  readonly #options: GroupMachineOptions;
  readonly #turns = new Turns();
  readonly #timers = new GroupTimers();
  readonly #ties = new MemberTies();
  readonly #unheard = new UnheardMembers();
  readonly #memory: MemberMemory = { bytes: 0 };
  readonly #offsets: GroupOffsets;
  readonly #classic: ClassicGroups;
  readonly #consumer: ConsumerGroups;
  /** Of the turn that runs. */
  #nowMs = 0;

  constructor(options: GroupMachineOptions) {
    this.#options = options;
    const host = this.#makeHost();
    this.#classic = new ClassicGroups(host);
    this.#consumer = new ConsumerGroups(host);
    this.#offsets = new GroupOffsets({
      host,
      push: (records) => this.#turns.push(records),
      find: (groupId) => this.#find(groupId),
      soon: (key, run) => this.#timers.schedule(key, this.#nowMs, this.#nowMs, { run, isolated: true }),
    });
  }

  /** A record of the log, in order: while it is loaded, or one that a transition of this machine has just appended. */
  replay(record: GroupRecord, at: ReplayFacts): void {
    if (record.kind === 'offset-commit') {
      this.#offsets.replay(record);
      return;
    }
    if (at.loading) this.#unheard.noteLoaded(record);
    const isClassic = record.kind === 'group-metadata';
    const [kind, other] = isClassic ? [this.#classic, this.#consumer] : [this.#consumer, this.#classic];
    // Compaction may have dropped the tombstones in between.
    if (record.value !== null && other.has(record.groupId)) other.forget(record.groupId);
    kind.replay(record, at);
  }

  /** The log is replayed to its end. */
  loaded(now: Now): void {
    this.#turn(now, () => {
      this.#classic.loaded(now);
      this.#consumer.loaded(now);
      this.#offsets.dropStale();
    });
  }

  joinGroup(call: Call<JoinResponse>, request: JoinRequest, now: Now): void {
    this.#ask(call, now, () => this.#classic.join(call, request, now));
  }

  syncGroup(call: Call<SyncResponse>, request: SyncRequest, now: Now): void {
    this.#ask(call, now, () => this.#classic.sync(call, request, now));
  }

  heartbeat(call: Call<HeartbeatResponse>, request: HeartbeatRequest, now: Now): void {
    this.#ask(call, now, () => this.#classic.heartbeat(call, request, now));
  }

  leaveGroup(call: Call<LeaveResponse>, request: LeaveRequest, now: Now): void {
    this.#ask(call, now, () => this.#classic.leave(call, request, now));
  }

  consumerGroupHeartbeat(call: Call<ConsumerHeartbeatResponse>, request: ConsumerHeartbeatRequest, now: Now): void {
    this.#ask(call, now, () => this.#consumer.heartbeat(call, request, now));
  }

  /** Fails as a whole by who commits: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, ... */
  commitOffsets(call: Call<readonly CommitResult[]>, request: CommitRequest, now: Now): void {
    this.#ask(call, now, () => this.#offsets.commit(call, request, now), true);
  }

  /** A group that is not there has no offsets; that is no error. */
  fetchOffsets(call: Call<FetchedGroup>, request: FetchGroup, now: Now): void {
    this.#ask(call, now, () => this.#offsets.fetch(call, request));
  }

  /** Fails with GROUP_ID_NOT_FOUND, or with NON_EMPTY_GROUP where members do not say what they subscribe to. */
  deleteOffsets(call: Call<OffsetDeleteResponse>, request: OffsetDeleteRequest, now: Now): void {
    this.#ask(call, now, () => this.#offsets.delete(call, request), true);
  }

  /** A group that is not there is `Dead`, or from v6 on an error; so is one of the other kind. */
  describeGroup(call: Call<DescribedGroup>, groupId: string, now: Now): void {
    this.#ask(call, now, () => {
      if (this.#classic.has(groupId)) this.#turns.answer(call, this.#classic.describe(groupId));
      else this.#turns.answer(call, this.#describeWithoutRecord(groupId, call.caller.apiVersion));
    });
  }

  /** Fails with GROUP_ID_NOT_FOUND, also for a group of another kind. */
  describeConsumerGroup(call: Call<DescribedConsumerGroup>, groupId: string, now: Now): void {
    this.#ask(call, now, () => {
      if (!this.#consumer.has(groupId)) {
        const isThere = this.#classic.has(groupId) || this.#offsets.has(groupId);
        throw isThere
          ? new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group.`)
          : groupNotFound(groupId);
      }
      this.#turns.answer(call, this.#consumer.describe(groupId));
    });
  }

  /** Fails with GROUP_ID_NOT_FOUND or NON_EMPTY_GROUP. */
  deleteGroup(call: Call<DeletedGroup>, groupId: string, now: Now): void {
    const ask = (): void => {
      const kind = this.#find(groupId);
      if (kind === undefined && !this.#offsets.has(groupId)) throw groupNotFound(groupId);
      if (kind?.isEmpty(groupId) === false) throw new KafkaError('NON_EMPTY_GROUP');
      this.#offsets.deleteAll(groupId);
      // A group of offsets alone has no record of its own.
      kind?.remove(groupId);
      this.#turns.answer(call, { groupId, errorCode: errorCode('NONE') });
    };
    this.#ask(call, now, ask, true);
  }

  /** All groups; filters are the handler's. */
  listGroups(call: Call<readonly ListedGroup[]>, now: Now): void {
    this.#ask(call, now, () => {
      const listed = [...this.#groupIds()].map((groupId): ListedGroup => {
        const kind = this.#find(groupId);
        return {
          groupId,
          protocolType: kind?.protocolTypeOf(groupId) ?? '',
          groupState: kind?.stateOf(groupId) ?? EMPTY,
          groupType: this.#kindOf(groupId) ?? 'classic',
        };
      });
      this.#turns.answer(call, listed);
    });
  }

  /** The connection has ended: members for which it stood are gone, unless they came by another one meanwhile. */
  connectionGone(connectionId: number, now: Now): void {
    this.#turn(now, () => {
      for (const member of this.#ties.membersOf(connectionId)) {
        const { groupId, memberId } = member;
        this.#removeSoon(member, now, () => this.#ties.isTied(groupId, memberId, connectionId));
      }
    });
  }

  /**
   * Members by directory that the log alone tells of are gone: those in the process of the broker with this epoch, which was killed;
   * undefined: all that were not heard of since the load.
   */
  directoryMembersUnheard(killedEpoch: number | undefined, now: Now): void {
    this.#turn(now, () => {
      for (const member of this.#unheard.of(killedEpoch)) {
        this.#removeSoon(member, now, () => this.#unheard.has(member.groupId, member.memberId));
      }
    });
  }

  /** Topics came, went or grew. `deleted`: those that are gone, whose offsets go too. */
  topicsChanged(deleted: readonly { readonly name: string; readonly topicId: string }[], now: Now): void {
    this.#turn(now, () => {
      this.#offsets.dropDeleted(deleted);
      this.#classic.topicsChanged();
      this.#consumer.topicsChanged();
    });
  }

  /** Offsets past their retention go, and groups that have neither members nor offsets. */
  expireOffsets(now: Now): void {
    this.#turn(now, () => {
      for (const groupId of this.#groupIds()) {
        const run = (later: Now): void => this.#offsets.expire(groupId, later);
        this.#timers.schedule(`expired-offsets:${groupId}`, now.nowMs, now.nowMs, { run, isolated: true });
      }
    });
  }

  /** Runs the one deadline that is due first, as a turn. */
  tick(now: Now): void {
    const due = this.#timers.takeDue(now.nowMs);
    if (due !== undefined) this.#turn(now, () => due.run(now), due.isolated);
  }

  /** Monotonic; Infinity: none. */
  get nextDueMs(): number {
    return this.#timers.nextDueMs;
  }

  /** For a tick that came `byMs` too late to believe that nobody was alive: deadlines move by that and a little more. */
  postpone(byMs: number): void {
    this.#timers.postpone(byMs);
  }

  /** What was decided since the last take, in order. */
  take(): readonly Transition[] {
    return this.#turns.take();
  }

  /** Everything that is parked or was not taken, to be refused: nothing is asked of this machine any more. */
  abandon(error: KafkaError): readonly Answered[] {
    const parked = [...this.#classic.parked(), ...this.#consumer.parked()].map((call) => ({
      give: () => call.fail(error),
      refuse: (other: KafkaError) => call.fail(other),
    }));
    return [...this.#turns.abandon(), ...parked];
  }

  /** About what its members take in memory. */
  get memberBytes(): number {
    return this.#memory.bytes;
  }

  #makeHost(): GroupHost {
    const { settings, topics, recordBytesMax, hasRoomFor, uuid, log } = this.#options;
    return {
      settings,
      topics,
      recordBytesMax,
      memory: this.#memory,
      hasRoomFor,
      newMemberId: (clientId) => `${clientId}-${uuid()}`,
      push: (...records) => this.#turns.push(records),
      answer: (call, value) => this.#turns.answer(call, value),
      fail: (call, error) => this.#turns.fail(call, error),
      schedule: (key, atMs, run) => this.#timers.schedule(key, atMs, this.#nowMs, { run, isolated: false }),
      cancel: (key) => this.#timers.cancel(key),
      tie: (groupId, memberId, caller) => {
        this.#unheard.heard(groupId, memberId);
        this.#ties.tie(groupId, memberId, caller);
      },
      untie: (groupId, memberId) => {
        this.#unheard.heard(groupId, memberId);
        this.#ties.untie(groupId, memberId);
      },
      kindOf: (groupId) => this.#kindOf(groupId),
      giveUpKind: (groupId, wanted) => this.#giveUp(groupId, wanted === 'classic' ? this.#consumer : this.#classic),
      log,
    };
  }

  #turn(now: Now, work: () => void, isolated = false): void {
    this.#nowMs = now.nowMs;
    this.#turns.run(isolated, work);
  }

  /** A turn for a call, which fails by a KafkaError that is thrown before anything is decided. */
  #ask<R>(call: Call<R>, now: Now, work: () => void, isolated = false): void {
    const ask = (): void => {
      try {
        work();
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        assert(!this.#turns.hasPushed, 'a call that failed has written something');
        this.#turns.fail(call, error);
      }
    };
    this.#turn(now, ask, isolated);
  }

  #find(groupId: string): GroupKind | undefined {
    if (this.#classic.has(groupId)) return this.#classic;
    return this.#consumer.has(groupId) ? this.#consumer : undefined;
  }

  #kindOf(groupId: string): GroupType | undefined {
    if (this.#classic.has(groupId)) return 'classic';
    return this.#consumer.has(groupId) ? 'consumer' : undefined;
  }

  #describeWithoutRecord(groupId: string, apiVersion: number): DescribedGroup {
    if (this.#offsets.has(groupId)) return describeSimpleGroup(groupId, EMPTY);
    const described = describeSimpleGroup(groupId, DEAD);
    if (apiVersion < UNKNOWN_GROUP_IS_ERROR_SINCE) return described;
    const isConsumer = this.#consumer.has(groupId);
    const errorMessage = isConsumer ? `Group ${groupId} is not a classic group.` : `Group ${groupId} not found.`;
    return { ...described, errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage };
  }

  #removeSoon({ groupId, memberId }: TiedMember, now: Now, isMeant: () => boolean): void {
    this.#timers.schedule(`gone:${memberKey(groupId, memberId)}`, now.nowMs, now.nowMs, {
      run: (later) => {
        if (isMeant()) this.#find(groupId)?.memberGone(groupId, memberId, later);
      },
      isolated: false,
    });
  }

  #groupIds(): ReadonlySet<string> {
    return new Set([...this.#classic.groupIds(), ...this.#consumer.groupIds(), ...this.#offsets.groupIds()]);
  }

  #giveUp(groupId: string, other: GroupKind): boolean {
    if (!other.has(groupId)) return true;
    if (!other.isEmpty(groupId)) return false;
    other.remove(groupId);
    return true;
  }
}
