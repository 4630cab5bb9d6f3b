/** `GroupWorld` with KIP-848 groups: topics by name, heartbeats, and members as a client is one. */
import assert from 'node:assert/strict';
import type { Call, Caller } from '../../src/groups/call.ts';
import type { ConsumerHeartbeatRequest, ConsumerHeartbeatResponse } from '../../src/groups/consumer-member.ts';
import type { DescribedConsumerGroup } from '../../src/groups/group-machine.ts';
import type { GroupSettings } from '../../src/groups/group-settings.ts';
import type { GroupRecord } from '../../src/protocol/group/group-record.ts';
import { heartbeat } from '../helpers/heartbeat.ts';
import { type Asked, GroupWorld } from './group-world.ts';

export const SESSION_848_MS = 6000;
export const HEARTBEAT_848_MS = 2000;
export const REBALANCE_848_MS = 5000;

type Beat = Partial<Omit<ConsumerHeartbeatRequest, 'topicPartitions'>> & { readonly owned?: string | null };

export class ConsumerWorld extends GroupWorld {
  constructor(
    topics: Readonly<Record<string, number>> = { foo: 6 },
    settings: Partial<GroupSettings> = {},
    recordBytesMax?: number,
  ) {
    super(settings, recordBytesMax);
    for (const [name, partitionCount] of Object.entries(topics)) this.setTopic(name, partitionCount);
  }

  /** Made, or grown; `life` makes another one of the same name. */
  setTopic(name: string, partitionCount: number, life = 0): void {
    this.topics.set(name, { topicId: topicIdOf(name, life), partitionCount });
  }

  removeTopic(name: string): void {
    this.topics.delete(name);
  }

  changeTopics(): void {
    this.turn((machine, now) => machine.topicsChanged([], now));
  }

  beat({ owned = null, ...request }: Beat, caller: Partial<Caller> = {}): Asked<ConsumerHeartbeatResponse> {
    const full = heartbeat({ topicPartitions: owned === null ? null : this.parse(owned), ...request });
    return this.ask((machine, call, now) => machine.consumerGroupHeartbeat(call, full, now), {
      apiVersion: 1,
      ...caller,
    });
  }

  joinConsumer(memberId: string, request: Beat = {}, caller: Partial<Caller> = {}): Asked<ConsumerHeartbeatResponse> {
    return this.beat(
      { memberId, rebalanceTimeoutMs: REBALANCE_848_MS, subscribedTopicNames: ['foo'], owned: '', ...request },
      caller,
    );
  }

  consumer(groupId = 'g', machine = this.machine): DescribedConsumerGroup {
    return this.peek(machine, (each, call: Call<DescribedConsumerGroup>, now) =>
      each.describeConsumerGroup(call, groupId, now),
    );
  }

  /** By member id: epoch, what it has, and what it is to have where that is something else. */
  members(groupId = 'g', machine = this.machine): Record<string, string> {
    return Object.fromEntries(
      this.consumer(groupId, machine).members.map(({ memberId, memberEpoch, assignment, targetAssignment }) => {
        const has = this.format(assignment.topicPartitions);
        const wants = this.format(targetAssignment.topicPartitions);
        return [memberId, `${memberEpoch} ${has}${wants === has ? '' : ` -> ${wants}`}`];
      }),
    );
  }

  /** What the log has of a group that another broker left. */
  given(records: readonly GroupRecord[]): void {
    this.log.push(...records);
    this.reload();
  }

  /** Kinds of the records since `from`, with the member's id, and `-` before tombstones. */
  written(from: number): string[] {
    return this.log.slice(from).map((record) => {
      const name = SHORT_KINDS[record.kind] ?? record.kind;
      return `${record.value === null ? '-' : ''}${name}${'memberId' in record ? ` ${record.memberId}` : ''}`;
    });
  }

  /** `foo:0,1 bar:2`, the topics in the order of their names. */
  format(topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[] | undefined): string {
    return (topics ?? [])
      .map(({ topicId, partitions }) => `${nameOf(topicId)}:${partitions.join(',')}`)
      .sort()
      .join(' ');
  }

  parse(text: string): { topicId: string; partitions: number[] }[] {
    return text
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => {
        const [name = '', partitions = ''] = word.split(':');
        return { topicId: topicIdOf(name), partitions: partitions.split(',').map(Number) };
      });
  }
}

/** A client's side of a member: it says what changed, takes what it is told, and lets go of the rest. */
export class ConsumerClient {
  epoch = 0;
  has = '';
  error: string | undefined;
  readonly #world: ConsumerWorld;
  readonly #memberId: string;
  readonly #request: Beat;
  #saysAll = true;

  constructor(world: ConsumerWorld, memberId: string, request: Beat = {}) {
    this.#world = world;
    this.#memberId = memberId;
    this.#request = request;
  }

  beat(): void {
    const { epoch, has } = this;
    const asked =
      epoch === 0
        ? this.#world.joinConsumer(this.#memberId, this.#request)
        : this.#world.beat({
            memberId: this.#memberId,
            memberEpoch: epoch,
            instanceId: this.#request.instanceId ?? null,
            owned: this.#saysAll ? has : null,
          });
    this.#saysAll = false;
    if (asked.failure !== undefined) {
      this.error = asked.failure;
      this.epoch = 0;
      this.has = '';
      return;
    }
    const { memberEpoch, assignment } = asked.value;
    this.epoch = memberEpoch;
    if (assignment === null) return;
    this.has = this.#world.format(assignment.topicPartitions);
    this.#saysAll = true;
  }
}

/** All beat on in turn until nothing changes; fails when that does not come. */
export function settleClients(world: ConsumerWorld, clients: readonly ConsumerClient[]): void {
  for (let round = 0; round < 50; round++) {
    const length = world.log.length;
    for (const client of clients) client.beat();
    if (world.log.length === length) return;
  }
  assert.fail('the group does not settle');
}

const SHORT_KINDS: Readonly<Record<string, string>> = {
  'group-metadata': 'classic',
  'consumer-group-metadata': 'epoch',
  'consumer-group-partition-metadata': 'partitions',
  'consumer-group-member-metadata': 'member',
  'consumer-group-target-assignment-metadata': 'target-epoch',
  'consumer-group-target-assignment-member': 'target',
  'consumer-group-current-member-assignment': 'current',
  'consumer-group-regular-expression': 'regex',
};

/** An id from which the name can be read again. */
export function topicIdOf(name: string, life = 0): string {
  return Buffer.from(`${name}/${life}`.padEnd(16, '.')).toString('base64url');
}

function nameOf(topicId: string): string {
  const [name = '', life = ''] = Buffer.from(topicId, 'base64url').toString().replace(/\.+$/, '').split('/');
  return life === '0' ? name : `${name}/${life}`;
}
