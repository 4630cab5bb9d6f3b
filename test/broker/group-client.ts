/** Group requests to a broker on the simulated machine, as members of a classic group send them. */
import type { RequestContext } from '../../src/broker/request.ts';
import {
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../src/protocol/apis/index.ts';
import { decodeResponse, encodeResponse } from '../../src/protocol/codec.ts';
import { errorName } from '../../src/protocol/errors.ts';
import type { AnyApi, RequestInput, ResponseOf } from '../../src/protocol/schema.ts';
import type { BrokerUnderTest } from './broker-in-world.ts';

/** Asks, and has the answer written and read again, as a client gets it. */
export async function ask<A extends AnyApi>(
  test: BrokerUnderTest,
  api: A,
  version: number,
  message: RequestInput<A>,
  context: Partial<RequestContext> = {},
): Promise<ResponseOf<A>> {
  const answer = await test.call(api, version, message, context);
  const [frame, ...more] = encodeResponse(api, version, 1, answer as never).map((chunk) => Buffer.from(chunk));
  return decodeResponse(api, version, Buffer.concat([frame as Buffer, ...more]).subarray(4)).message;
}

export interface MemberOptions {
  readonly groupId?: string;
  readonly context?: Partial<RequestContext>;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly groupInstanceId?: string | null;
}

export class GroupClient {
  readonly test: BrokerUnderTest;
  readonly groupId: string;
  memberId = '';
  generationId = -1;
  leader = '';
  members: readonly string[] = [];
  assignment = '';
  readonly #options: MemberOptions;

  constructor(test: BrokerUnderTest, options: MemberOptions = {}) {
    this.test = test;
    this.groupId = options.groupId ?? 'g';
    this.#options = options;
  }

  async find(): Promise<string> {
    const answer = await ask(this.test, FindCoordinator, 4, { keyType: 0, coordinatorKeys: [this.groupId] });
    return errorName(answer.coordinators[0]?.errorCode ?? -1);
  }

  /** One JoinGroup, and a second one with the id that it is given; the error's name. */
  async join(): Promise<string> {
    const first = await this.#join();
    return errorName(first.errorCode) === 'MEMBER_ID_REQUIRED'
      ? errorName((await this.#join()).errorCode)
      : first.errorName;
  }

  async #join(): Promise<ResponseOf<typeof JoinGroup> & { errorName: string }> {
    const { sessionTimeoutMs = 10_000, rebalanceTimeoutMs = 20_000, groupInstanceId = null } = this.#options;
    const answer = await ask(
      this.test,
      JoinGroup,
      9,
      {
        groupId: this.groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: this.memberId,
        groupInstanceId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x74, 255, 255, 255, 255]) }],
      },
      this.#options.context,
    );
    this.memberId = answer.memberId;
    this.generationId = answer.generationId;
    this.leader = answer.leader;
    this.members = answer.members.map(({ memberId }) => memberId);
    return { ...answer, errorName: errorName(answer.errorCode) };
  }

  /** As the leader: everybody gets its own id as its assignment. */
  async sync(): Promise<string> {
    const answer = await ask(
      this.test,
      SyncGroup,
      5,
      {
        groupId: this.groupId,
        generationId: this.generationId,
        memberId: this.memberId,
        groupInstanceId: this.#options.groupInstanceId ?? null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: this.members.map((memberId) => ({ memberId, assignment: Buffer.from(memberId) })),
      },
      this.#options.context,
    );
    this.assignment = answer.assignment.toString();
    return errorName(answer.errorCode);
  }

  async heartbeat(): Promise<string> {
    const { groupId, generationId, memberId } = this;
    const message = { groupId, generationId, memberId, groupInstanceId: this.#options.groupInstanceId ?? null };
    return errorName((await ask(this.test, Heartbeat, 4, message, this.#options.context)).errorCode);
  }

  async leave(): Promise<string> {
    const { groupId, memberId } = this;
    const message = { groupId, members: [{ memberId, groupInstanceId: null }] };
    return errorName((await ask(this.test, LeaveGroup, 5, message, this.#options.context)).members[0]?.errorCode ?? -1);
  }

  /** Of partition 0 of a topic; with the member's id and generation, or as nobody in particular. */
  async commit(topic: string, offset: number, asMember = this.memberId !== ''): Promise<string> {
    const answer = await ask(
      this.test,
      OffsetCommit,
      8,
      {
        groupId: this.groupId,
        generationIdOrMemberEpoch: asMember ? this.generationId : -1,
        memberId: asMember ? this.memberId : '',
        groupInstanceId: asMember ? (this.#options.groupInstanceId ?? null) : null,
        topics: [
          { name: topic, partitions: [{ partitionIndex: 0, committedOffset: BigInt(offset), committedMetadata: 'm' }] },
        ],
      },
      this.#options.context,
    );
    return errorName(answer.topics[0]?.partitions[0]?.errorCode ?? -1);
  }

  /** The committed offset of partition 0 of a topic, or the error's name. */
  async committed(topic: string): Promise<number | string> {
    const answer = await ask(this.test, OffsetFetch, 8, {
      groups: [{ groupId: this.groupId, topics: [{ name: topic, partitionIndexes: [0] }] }],
    });
    const [group] = answer.groups;
    if (group === undefined || group.errorCode !== 0) return errorName(group?.errorCode ?? -1);
    const [partition] = group.topics[0]?.partitions ?? [];
    return partition?.errorCode === 0 ? Number(partition.committedOffset) : errorName(partition?.errorCode ?? -1);
  }
}
