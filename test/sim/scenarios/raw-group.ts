/** Requests to the coordinator of a group, one attempt each, as a client without a core sends them. */
import { ANY_NODE, type Transport } from '../../../src/client/transport.ts';
import { OffsetCommit } from '../../../src/protocol/apis/08-offset-commit.ts';
import { OffsetFetch } from '../../../src/protocol/apis/09-offset-fetch.ts';
import { FindCoordinator } from '../../../src/protocol/apis/10-find-coordinator.ts';
import { JoinGroup } from '../../../src/protocol/apis/11-join-group.ts';
import { Heartbeat } from '../../../src/protocol/apis/12-heartbeat.ts';
import { LeaveGroup } from '../../../src/protocol/apis/13-leave-group.ts';
import { SyncGroup } from '../../../src/protocol/apis/14-sync-group.ts';
import { DescribeGroups } from '../../../src/protocol/apis/15-describe-groups.ts';
import { ConsumerGroupHeartbeat } from '../../../src/protocol/apis/68-consumer-group-heartbeat.ts';
import { ConsumerGroupDescribe } from '../../../src/protocol/apis/69-consumer-group-describe.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../../../src/protocol/schema.ts';
import { ZERO_UUID } from '../../../src/protocol/schema.ts';
import { heartbeat } from '../../helpers/heartbeat.ts';
import { TOPIC } from './commands.ts';

const REQUEST_MS = 5000;
/** A join is answered when all others have joined. */
const JOIN_MS = 30_000;
export const SESSION_MS = 6000;
/** ConsumerProtocolSubscription v0 of the topic `t`, without user data. */
const SUBSCRIPTION = Buffer.from([0, 0, 0, 0, 0, 1, 0, TOPIC.length, ...Buffer.from(TOPIC), 255, 255, 255, 255]);

/** Who commits; nobody in particular with '' and -1. */
export interface RawIdentity {
  readonly memberId: string;
  /** null: a dynamic member. */
  readonly instanceId: string | null;
  readonly generation: number;
}

export class RawGroup {
  readonly groupId: string;
  readonly #transport: Transport;

  constructor(transport: Transport, groupId: string) {
    this.#transport = transport;
    this.groupId = groupId;
  }

  async find(): Promise<number> {
    const message = { key: '', keyType: 0, coordinatorKeys: [this.groupId] };
    return (await this.#ask(FindCoordinator, 4, message)).coordinators[0]?.errorCode ?? -1;
  }

  join({ memberId, instanceId }: Omit<RawIdentity, 'generation'>): Promise<ResponseOf<typeof JoinGroup>> {
    const message = {
      groupId: this.groupId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: JOIN_MS,
      memberId,
      groupInstanceId: instanceId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
      reason: null,
    };
    return this.#ask(JoinGroup, 9, message, JOIN_MS);
  }

  sync(
    { memberId, instanceId, generation }: RawIdentity,
    assignments: readonly { memberId: string; assignment: Buffer }[],
  ): Promise<ResponseOf<typeof SyncGroup>> {
    const message = {
      groupId: this.groupId,
      generationId: generation,
      memberId,
      groupInstanceId: instanceId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [...assignments],
    };
    return this.#ask(SyncGroup, 5, message, JOIN_MS);
  }

  async heartbeat({ memberId, instanceId, generation }: RawIdentity): Promise<number> {
    const message = { groupId: this.groupId, generationId: generation, memberId, groupInstanceId: instanceId };
    return (await this.#ask(Heartbeat, 4, message)).errorCode;
  }

  /** By KIP-848; the rest of what `said` leaves out is as it was. */
  beat(
    { memberId, instanceId, generation }: RawIdentity,
    said: Partial<RequestOf<typeof ConsumerGroupHeartbeat>>,
  ): Promise<ResponseOf<typeof ConsumerGroupHeartbeat>> {
    const { groupId } = this;
    return this.#ask(ConsumerGroupHeartbeat, 1, {
      ...heartbeat({ groupId, memberId, memberEpoch: generation, instanceId }),
      ...said,
    });
  }

  async leave({ memberId, instanceId }: RawIdentity): Promise<number> {
    const members = [{ memberId, groupInstanceId: instanceId, reason: null }];
    const answer = await this.#ask(LeaveGroup, 5, { groupId: this.groupId, memberId: '', members });
    return answer.errorCode === 0 ? (answer.members[0]?.errorCode ?? -1) : answer.errorCode;
  }

  async commit({ memberId, instanceId, generation }: RawIdentity, partition: number, offset: number): Promise<number> {
    const answer = await this.#ask(OffsetCommit, 9, {
      groupId: this.groupId,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: instanceId,
      retentionTimeMs: -1n,
      topics: [
        {
          name: TOPIC,
          topicId: ZERO_UUID,
          partitions: [
            {
              partitionIndex: partition,
              committedOffset: BigInt(offset),
              committedLeaderEpoch: -1,
              committedMetadata: '',
            },
          ],
        },
      ],
    });
    return answer.topics[0]?.partitions[0]?.errorCode ?? -1;
  }

  /** By partition, -1 for none; undefined for an error. */
  async committed(partitions: number): Promise<number[] | undefined> {
    const partitionIndexes = Array.from({ length: partitions }, (_, at) => at);
    const topics = [{ name: TOPIC, topicId: ZERO_UUID, partitionIndexes }];
    const groups = [{ groupId: this.groupId, memberId: null, memberEpoch: -1, topics }];
    const answer = await this.#ask(OffsetFetch, 8, { groupId: '', topics: [], groups, requireStable: true });
    const [group] = answer.groups;
    const found = group?.topics[0]?.partitions ?? [];
    if (group?.errorCode !== 0 || found.some(({ errorCode }) => errorCode !== 0)) return undefined;
    return partitionIndexes.map((partition) =>
      Number(found.find(({ partitionIndex }) => partitionIndex === partition)?.committedOffset ?? -1n),
    );
  }

  async describe(): Promise<ResponseOf<typeof DescribeGroups>['groups'][number] | undefined> {
    const message = { groups: [this.groupId], includeAuthorizedOperations: false };
    return (await this.#ask(DescribeGroups, 5, message)).groups[0];
  }

  async describeConsumers(): Promise<ResponseOf<typeof ConsumerGroupDescribe>['groups'][number] | undefined> {
    const message = { groupIds: [this.groupId], includeAuthorizedOperations: false };
    return (await this.#ask(ConsumerGroupDescribe, 1, message)).groups[0];
  }

  async #ask<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs = REQUEST_MS,
  ): Promise<ResponseOf<A>> {
    const reply = await this.#transport.request(ANY_NODE, api, version, message, timeoutMs, 'group');
    reply.release();
    return reply.message;
  }
}
