/**
 * Commits ever higher offsets for one group, over connections of its own, and asks for them between: what it was told and what it was
 * shown is known to it, so that whatever a broker says later can be held against that. It outlives its broker.
 */
import {
  ConsumerGroupHeartbeat,
  JoinGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../src/protocol/apis/index.ts';
import { errorName } from '../../src/protocol/errors.ts';
import { RawProducer } from '../helpers/raw-producer.ts';
import { sleep } from './lanes.ts';

/** `simple` commits without a member; the others as the one member of a group of their kind. */
export type CommitterKind = 'simple' | 'classic' | 'consumer';

const IN_FLIGHT = 4;
const COMMITS_BETWEEN_FETCHES = 12;
const PARTITIONS = [0, 1, 2] as const;
/** The classic member outlives kills of its broker by its session; KIP-848 members by heartbeats. */
const SESSION_MS = 600_000;
const NOT_NOW = new Set(['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE']);
const FENCED = new Set([
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'REBALANCE_IN_PROGRESS',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'GROUP_ID_NOT_FOUND',
]);

interface Member {
  readonly memberId: string;
  readonly generation: number;
}

/** Of a partition: what was sent last, what was acked or shown at most. All offsets. */
interface Known {
  sent: number;
  acked: number;
}

/** A member, or the broker's way to it, that is no more: nothing is wrong. */
class Again extends Error {}

export class GroupCommitter {
  readonly groupId: string;
  readonly #kind: CommitterKind;
  readonly #topic: string;
  readonly #bootstrap: string;
  readonly #known = PARTITIONS.map((): Known => ({ sent: 0, acked: 0 }));
  readonly #faults: string[] = [];
  #member: Member | undefined;
  #isStopped = false;
  commits = 0;
  fetches = 0;
  joins = 0;
  /** How often the broker did not know the member any more. */
  fenced = 0;
  readonly done: Promise<void>;

  constructor(bootstrap: string, topic: string, groupId: string, kind: CommitterKind) {
    this.#bootstrap = bootstrap;
    this.#topic = topic;
    this.groupId = groupId;
    this.#kind = kind;
    this.done = this.#run();
  }

  /** What was forgotten, went back or was never said, in words. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Holds what the broker says now against what is known. Waits for the broker. */
  async check(when: string): Promise<void> {
    for (;;) {
      try {
        const connection = await RawProducer.open(this.#bootstrap);
        try {
          return await this.#fetch(connection, when);
        } finally {
          connection.close();
        }
      } catch (error) {
        if (error instanceof Wrong) throw error;
        await sleep(30);
      }
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const connection = await RawProducer.open(this.#bootstrap);
        try {
          await this.#speak(connection);
        } finally {
          connection.close();
        }
      } catch (error) {
        if (error instanceof Wrong) this.#faults.push(error.message);
        await sleep(30);
      }
    }
  }

  async #speak(connection: RawProducer): Promise<void> {
    await this.#fetch(connection, 'after a connection was made');
    while (!this.#isStopped) {
      this.#member ??= await this.#join(connection);
      const flying: Promise<void>[] = [];
      for (let commit = 0; commit < COMMITS_BETWEEN_FETCHES && !this.#isStopped; commit++) {
        flying.push(this.#commit(connection, this.#member));
        // Answers of one connection come in order: the oldest one frees a place.
        if (flying.length >= IN_FLIGHT) await flying.shift();
      }
      // Behind commits that are still under way: what it shows is theirs or what was before them.
      const fetched = this.#fetch(connection, 'between commits');
      const results = await Promise.allSettled([...flying, fetched]);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      if (this.#kind === 'consumer') await this.#heartbeat(connection, this.#member);
    }
  }

  async #commit(connection: RawProducer, member: Member): Promise<void> {
    const offsets = this.#known.map((known) => ++known.sent);
    const answer = await connection.request(OffsetCommit, 9, {
      groupId: this.groupId,
      memberId: member.memberId,
      generationIdOrMemberEpoch: member.generation,
      topics: [
        {
          name: this.#topic,
          partitions: PARTITIONS.map((partitionIndex) => ({
            partitionIndex,
            committedOffset: BigInt(offsets[partitionIndex] ?? 0),
            committedMetadata: 'm',
          })),
        },
      ],
    });
    for (const { partitionIndex, errorCode } of answer.topics[0]?.partitions ?? []) {
      this.#expectNone(errorCode);
      const known = this.#known[partitionIndex] as Known;
      known.acked = Math.max(known.acked, offsets[partitionIndex] ?? 0);
    }
    this.commits += 1;
  }

  async #fetch(connection: RawProducer, when: string): Promise<void> {
    const acked = this.#known.map((known) => known.acked);
    const topics = [{ name: this.#topic, partitionIndexes: [...PARTITIONS] }];
    const answer = await connection.request(OffsetFetch, 9, {
      groups: [{ groupId: this.groupId, memberId: null, memberEpoch: -1, topics }],
    });
    const group = answer.groups[0];
    this.#expectNone(group?.errorCode ?? -1);
    for (const { partitionIndex, committedOffset, errorCode } of group?.topics[0]?.partitions ?? []) {
      this.#expectNone(errorCode);
      const known = this.#known[partitionIndex] as Known;
      const shown = Math.max(0, Number(committedOffset));
      const least = acked[partitionIndex] ?? 0;
      if (shown < least)
        throw new Wrong(`${this.#name(partitionIndex)} ${when}: ${shown}, but ${least} was acked or shown`);
      if (shown > known.sent)
        throw new Wrong(`${this.#name(partitionIndex)} ${when}: ${shown}, but ${known.sent} is the last sent`);
      known.acked = Math.max(known.acked, shown);
    }
    this.fetches += 1;
  }

  #name(partition: number): string {
    return `${this.groupId} ${this.#topic}-${partition}`;
  }

  async #join(connection: RawProducer): Promise<Member> {
    if (this.#kind === 'simple') return { memberId: '', generation: -1 };
    this.joins += 1;
    return this.#kind === 'classic' ? await this.#joinClassic(connection) : await this.#joinConsumer(connection);
  }

  async #joinClassic(connection: RawProducer): Promise<Member> {
    const request = {
      groupId: this.groupId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: SESSION_MS,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    };
    const first = await connection.request(JoinGroup, 5, { ...request, memberId: '', groupInstanceId: this.groupId });
    this.#expectNone(first.errorCode);
    const { memberId, generationId } = first;
    const synced = await connection.request(SyncGroup, 3, {
      groupId: this.groupId,
      generationId,
      memberId,
      groupInstanceId: this.groupId,
      assignments: [{ memberId, assignment: Buffer.from([0]) }],
    });
    this.#expectNone(synced.errorCode);
    return { memberId, generation: generationId };
  }

  async #joinConsumer(connection: RawProducer): Promise<Member> {
    const answer = await connection.request(ConsumerGroupHeartbeat, 1, {
      groupId: this.groupId,
      memberId: `${this.groupId}-${this.joins}`,
      memberEpoch: 0,
      rebalanceTimeoutMs: SESSION_MS,
      subscribedTopicNames: [this.#topic],
      subscribedTopicRegex: null,
      topicPartitions: [],
    });
    this.#expectNone(answer.errorCode);
    return { memberId: answer.memberId ?? '', generation: answer.memberEpoch };
  }

  async #heartbeat(connection: RawProducer, { memberId, generation }: Member): Promise<void> {
    const { errorCode, memberEpoch } = await connection.request(ConsumerGroupHeartbeat, 1, {
      groupId: this.groupId,
      memberId,
      memberEpoch: generation,
      subscribedTopicRegex: null,
    });
    this.#expectNone(errorCode);
    this.#member = { memberId, generation: memberEpoch };
  }

  #expectNone(errorCode: number): void {
    const error = errorName(errorCode);
    if (error === 'NONE') return;
    if (FENCED.has(error)) {
      if (this.#member !== undefined) this.fenced += 1;
      this.#member = undefined;
    } else if (!NOT_NOW.has(error)) throw new Wrong(`${this.groupId}: ${error}`);
    throw new Again(error);
  }
}

/** What must never be. */
class Wrong extends Error {}
