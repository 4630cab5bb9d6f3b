/** A `GroupMachine` in a world of a clock, a log and callers: what a shard does around it, without waiting for a disk. */
import assert from 'node:assert/strict';
import type { Call, Caller } from '../../src/groups/call.ts';
import type { DescribedGroup } from '../../src/groups/classic-groups.ts';
import type { HeartbeatResponse, LeaveResponse } from '../../src/groups/classic-leave.ts';
import type { JoinRequest, JoinResponse, SyncRequest, SyncResponse } from '../../src/groups/classic-member.ts';
import type { Now } from '../../src/groups/group-host.ts';
import { GroupMachine, type ListedGroup } from '../../src/groups/group-machine.ts';
import type { GroupSettings } from '../../src/groups/group-settings.ts';
import type { CommitResult, FetchedGroup, OffsetToCommit } from '../../src/groups/offset-requests.ts';
import type { Transition } from '../../src/groups/transition.ts';
import { errorName, type KafkaError } from '../../src/protocol/errors.ts';
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord } from '../../src/protocol/group/group-record.ts';
import { ZERO_UUID } from '../../src/protocol/schema.ts';

export const SETTINGS: GroupSettings = {
  initialRebalanceDelayMs: 0,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 2 ** 31 - 1,
  offsetMetadataMaxBytes: 4096,
  offsetsRetentionMs: 7 * 24 * 3600 * 1000,
  consumerSessionTimeoutMs: 6000,
  consumerHeartbeatIntervalMs: 2000,
  consumerMaxSize: 2 ** 31 - 1,
  consumerAssignors: ['uniform', 'range'],
};

export const SESSION_MS = 10_000;
export const REBALANCE_MS = 30_000;
export const NEW_MEMBER_MS = 300_000;

/** What came of a call; reading what did not come fails the test. */
export class Asked<R> {
  #outcome: { readonly value: R } | { readonly error: KafkaError } | undefined;

  get isAnswered(): boolean {
    return this.#outcome !== undefined;
  }

  get value(): R {
    assert(this.#outcome !== undefined, 'not answered yet');
    assert('value' in this.#outcome, `failed: ${'error' in this.#outcome && this.#outcome.error.message}`);
    return this.#outcome.value;
  }

  get error(): string {
    assert(this.#outcome !== undefined, 'not answered yet');
    assert('error' in this.#outcome, 'it was answered');
    return this.#outcome.error.errorName;
  }

  get isRefused(): boolean {
    return this.#outcome !== undefined && 'error' in this.#outcome;
  }

  /** The error's name where it failed. */
  get failure(): string | undefined {
    return this.#outcome !== undefined && 'error' in this.#outcome ? this.#outcome.error.errorName : undefined;
  }

  settle(outcome: { readonly value: R } | { readonly error: KafkaError }): void {
    assert(this.#outcome === undefined, 'a call is answered once');
    this.#outcome = outcome;
  }
}

export interface Member {
  readonly memberId: string;
  readonly generation: number;
}

interface Leaving {
  readonly memberId?: string;
  readonly groupInstanceId?: string | null;
}

type JoinOptions = Partial<JoinRequest> & { readonly caller?: Partial<Caller> };

export class GroupWorld {
  readonly log: GroupRecord[] = [];
  readonly lines: string[] = [];
  /** Name to id and count. */
  readonly topics = new Map<string, { topicId: string; partitionCount: number }>();
  /** What each turn decided, since the test began. */
  readonly transitions: Transition[] = [];
  machine: GroupMachine;
  nowMs = 1_000_000;
  memberBytesMax = Infinity;
  wallMs = 1_700_000_000_000;
  /** What appends fail with. */
  appendError: KafkaError | undefined;
  readonly #settings: GroupSettings;
  readonly #recordBytesMax: number;
  #uuids = 0;

  constructor(settings: Partial<GroupSettings> = {}, recordBytesMax = 8 << 20) {
    this.#settings = { ...SETTINGS, ...settings };
    this.#recordBytesMax = recordBytesMax;
    this.machine = this.#newMachine();
  }

  get now(): Now {
    return { nowMs: this.nowMs, wallMs: this.wallMs };
  }

  ask<R>(work: (machine: GroupMachine, call: Call<R>, now: Now) => void, caller: Partial<Caller> = {}): Asked<R> {
    const asked = this.askOnly(work, caller);
    this.settle();
    return asked;
  }

  /** Without what is due after it. */
  askOnly<R>(work: (machine: GroupMachine, call: Call<R>, now: Now) => void, caller: Partial<Caller> = {}): Asked<R> {
    const asked = new Asked<R>();
    const call: Call<R> = {
      caller: { clientId: 'client', clientHost: '/127.0.0.1', connectionId: undefined, apiVersion: 9, ...caller },
      answer: (value) => asked.settle({ value }),
      fail: (error) => asked.settle({ error }),
    };
    work(this.machine, call, this.now);
    this.drain();
    return asked;
  }

  /** A turn that nobody waits for. */
  turn(work: (machine: GroupMachine, now: Now) => void): void {
    work(this.machine, this.now);
    this.drain();
    this.settle();
  }

  /** Runs what is due now. */
  settle(): void {
    while (this.machine.nextDueMs <= this.nowMs) {
      this.machine.tick(this.now);
      this.drain();
    }
  }

  /** Lets time pass; each deadline runs at its moment. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const dueMs = Math.min(endMs, this.machine.nextDueMs);
      const stepMs = Math.max(0, dueMs - this.nowMs);
      this.nowMs += stepMs;
      this.wallMs += stepMs;
      this.settle();
      if (dueMs >= endMs) return;
    }
  }

  /** What is appended comes back through its bytes. A machine whose append failed is given up, unless it had decided nothing else. */
  drain(): void {
    const transitions = this.machine.take();
    for (const [at, transition] of transitions.entries()) {
      this.transitions.push(transition);
      if (transition.records.length > 0 && this.appendError !== undefined) {
        const refused = transition.isolated ? [transition] : transitions.slice(at);
        for (const answer of refused.flatMap(({ answers }) => answers)) answer.refuse(this.appendError);
        if (transition.isolated) continue;
        this.reload(this.appendError);
        return;
      }
      for (const record of transition.records) {
        const stored = throughBytes(record);
        this.machine.replay(stored, { offset: this.log.length, wallMs: this.wallMs, loading: false });
        this.log.push(stored);
      }
      for (const answer of transition.answers) answer.give();
    }
  }

  /** The coordinator's next life; what was parked in the last one is refused. */
  reload(error?: KafkaError): void {
    if (error !== undefined) for (const answer of this.machine.abandon(error)) answer.refuse(error);
    this.machine = this.load();
    this.turn((machine, now) => machine.loaded(now));
  }

  /** Another machine that knows the log alone. */
  load(): GroupMachine {
    const machine = this.#newMachine();
    for (const [offset, record] of this.log.entries()) {
      machine.replay(record, { offset, wallMs: this.wallMs, loading: true });
    }
    return machine;
  }

  /** Asks another machine in the same way; nothing of it is appended. */
  peek<R>(machine: GroupMachine, work: (machine: GroupMachine, call: Call<R>, now: Now) => void): R {
    const mine = this.machine;
    this.machine = machine;
    const { value } = this.askOnly(work);
    this.machine = mine;
    return value;
  }

  join(options: JoinOptions = {}): Asked<JoinResponse> {
    const { caller, ...request } = options;
    return this.ask((machine, call, now) => machine.joinGroup(call, joinRequest(request), now), caller);
  }

  /** Both joins of a new dynamic member; the second one's answer may be parked. */
  joinTwice(options: JoinOptions = {}): { readonly memberId: string; readonly joined: Asked<JoinResponse> } {
    const { value } = this.join(options);
    assert.equal(errorName(value.errorCode), 'MEMBER_ID_REQUIRED');
    return { memberId: value.memberId, joined: this.join({ ...options, memberId: value.memberId }) };
  }

  sync(member: Member, request: Partial<SyncRequest> = {}, caller: Partial<Caller> = {}): Asked<SyncResponse> {
    const full: SyncRequest = {
      groupId: 'g',
      generationId: member.generation,
      memberId: member.memberId,
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: [],
      ...request,
    };
    return this.ask((machine, call, now) => machine.syncGroup(call, full, now), caller);
  }

  heartbeat(member: Member, groupInstanceId: string | null = null, caller: Partial<Caller> = {}): string {
    const request = { groupId: 'g', generationId: member.generation, memberId: member.memberId, groupInstanceId };
    const asked = this.ask<HeartbeatResponse>((machine, call, now) => machine.heartbeat(call, request, now), caller);
    return errorName(asked.value.errorCode);
  }

  leave(members: readonly Leaving[], caller: Partial<Caller> = { apiVersion: 5 }, groupId = 'g'): LeaveResponse {
    return this.askLeave(members, caller, groupId).value;
  }

  askLeave(
    members: readonly Leaving[],
    caller: Partial<Caller> = { apiVersion: 5 },
    groupId = 'g',
  ): Asked<LeaveResponse> {
    const request = {
      groupId,
      memberId: members[0]?.memberId ?? '',
      members: members.map((member) => ({ memberId: '', groupInstanceId: null, reason: null, ...member })),
    };
    return this.ask((machine, call, now) => machine.leaveGroup(call, request, now), caller);
  }

  commit(
    member: Partial<Member> & { readonly groupInstanceId?: string },
    offsets: readonly (Partial<OffsetToCommit> & { readonly offset: bigint })[],
    { groupId = 'g', apiVersion = 9 } = {},
  ): Asked<readonly CommitResult[]> {
    const who = {
      memberId: member.memberId ?? '',
      groupInstanceId: member.groupInstanceId ?? null,
      generationOrEpoch: member.generation ?? -1,
      apiVersion,
    };
    const full = offsets.map((offset) => ({
      topic: 't',
      topicId: ZERO_UUID,
      partition: 0,
      leaderEpoch: -1,
      metadata: '',
      ...offset,
    }));
    return this.ask((machine, call, now) => machine.commitOffsets(call, { groupId, who, offsets: full }, now), {
      apiVersion,
    });
  }

  /** `topic-partition` to offset, of all that the group has. */
  offsets(groupId = 'g', machine = this.machine): Record<string, bigint> {
    const request = { groupId, who: { memberId: null, memberEpoch: -1 }, topics: null };
    const fetched = this.peek<FetchedGroup>(machine, (each, call, now) => each.fetchOffsets(call, request, now));
    return Object.fromEntries(
      fetched.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, committedOffset }) => [`${name}-${partitionIndex}`, committedOffset]),
      ),
    );
  }

  describe(groupId = 'g', machine = this.machine): DescribedGroup {
    return this.peek(machine, (each, call: Call<DescribedGroup>, now) => each.describeGroup(call, groupId, now));
  }

  list(machine = this.machine): readonly ListedGroup[] {
    return this.peek(machine, (each, call: Call<readonly ListedGroup[]>, now) => each.listGroups(call, now));
  }

  state(groupId = 'g'): string {
    return this.describe(groupId).groupState;
  }

  #newMachine(): GroupMachine {
    return new GroupMachine({
      settings: this.#settings,
      topics: {
        byName: (name) => this.topics.get(name),
        byId: (topicId) => {
          const found = [...this.topics].find(([, topic]) => topic.topicId === topicId);
          return found && { name: found[0], partitionCount: found[1].partitionCount };
        },
        version: 0,
      },
      uuid: () => `uuid-${this.#uuids++}`,
      recordBytesMax: this.#recordBytesMax,
      hasRoomFor: (bytes) => this.machine.memberBytes + bytes <= this.memberBytesMax,
      log: (line) => this.lines.push(line),
    });
  }
}

export function joinRequest(request: Partial<JoinRequest>): JoinRequest {
  return {
    groupId: 'g',
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: protocols('range'),
    reason: null,
    ...request,
  };
}

/** Names, each with metadata: `name` or `name=metadata`. */
export function protocols(...names: readonly string[]): { name: string; metadata: Buffer }[] {
  return names.map((each) => {
    const [name = '', metadata = `${name}-metadata`] = each.split('=');
    return { name, metadata: Buffer.from(metadata) };
  });
}

export function errorOf({ value }: Asked<{ readonly errorCode: number }>): string {
  return errorName(value.errorCode);
}

function throughBytes(record: GroupRecord): GroupRecord {
  const { key, value } = encodeGroupRecord(record);
  const decoded = decodeGroupRecord(key, value);
  assert(decoded !== undefined, 'a record of a known kind');
  return decoded;
}

/** A member that has joined and synced, alone in a new group; its assignment is `assignment`. */
export function stableMember(world: GroupWorld, options: JoinOptions = {}, assignment = 'all'): Member {
  const { joined } = options.groupInstanceId == null ? world.joinTwice(options) : { joined: world.join(options) };
  const { memberId, generationId } = joined.value;
  const member = { memberId, generation: generationId };
  const synced = world.sync(member, {
    groupInstanceId: options.groupInstanceId ?? null,
    assignments: [{ memberId, assignment: Buffer.from(assignment) }],
  });
  assert.equal(errorOf(synced), 'NONE');
  return member;
}

/**
 * A stable group of these members, the first one its leader: dynamic ones for null, static ones for an instance id. Each is assigned
 * its place in the list.
 */
export function stableGroup(
  world: GroupWorld,
  members: readonly (JoinOptions & { readonly groupInstanceId?: string | null })[],
): readonly Member[] {
  const asked = members.map((options) =>
    options.groupInstanceId == null ? world.joinTwice(options).joined : world.join(options),
  );
  // The first is asked to rebalance as soon as it is stable; until then the others wait for it.
  const first = asked[0]!.value;
  const again = members.length === 1 ? asked[0]! : world.join({ ...members[0], memberId: first.memberId });
  const joined = [again, ...asked.slice(1)].map(({ value }) => value);
  const result = joined.map(({ memberId, generationId }) => ({ memberId, generation: generationId }));
  const leader = result.findIndex(({ memberId }) => memberId === joined[0]!.leader);
  const order = [leader, ...result.keys()].filter((index, at, all) => all.indexOf(index) === at);
  const assignments = result.map(({ memberId }, index) => ({ memberId, assignment: Buffer.from(`${index}`) }));
  for (const index of order) {
    const synced = world.sync(result[index]!, {
      groupInstanceId: members[index]?.groupInstanceId ?? null,
      assignments: index === leader ? assignments : [],
    });
    assert.equal(errorOf(synced), 'NONE');
    assert.equal(synced.value.assignment.toString(), `${index}`);
  }
  assert.equal(world.state(), 'Stable');
  return result;
}
