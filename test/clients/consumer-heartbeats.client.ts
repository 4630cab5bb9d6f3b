/**
 * Heartbeats of KIP-848 members, the same ones to our broker and to a real Kafka: members join, say all or little of themselves, are a
 * step behind, change what they subscribe to, leave and come back. Both answer the same, but for the listed differences.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { realEnv } from '../../src/cli/real-env.ts';
import { TcpTransport } from '../../src/client/tcp-transport.ts';
import { ANY_NODE } from '../../src/client/transport.ts';
import {
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  CreateTopics,
  FindCoordinator,
  IncrementalAlterConfigs,
} from '../../src/protocol/apis/index.ts';
import { errorName } from '../../src/protocol/errors.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../../src/protocol/schema.ts';
import { heartbeat } from '../helpers/heartbeat.ts';
import { withFolder } from '../helpers/streamctl.ts';
import { kafkaJars, startRealKafka } from './kafka-jars.ts';
import { need, withServed } from './suite.ts';

type Request = RequestOf<typeof ConsumerGroupHeartbeat>;
type Response = ResponseOf<typeof ConsumerGroupHeartbeat>;

const TOPICS = { bar: 6, foo: 12 } as const;
const MEMBER_COUNT = 4;
const STEP_COUNT = 60;
const GROUP_RESOURCE = 32;
/** Raised for a longer look. */
const SEED_COUNT = Number(process.env['STREAMCTL_SEEDS'] ?? 10);

/** One of the two brokers, with its topics' ids. */
class Broker {
  /** Since 4.3 Kafka's groups begin with epoch 1, and the first member comes to 2: all epochs are one more than ours. */
  readonly #epochShift: number;
  readonly #transport: TcpTransport;
  readonly #idOf = new Map<string, string>();
  readonly #nameOf = new Map<string, string>();

  constructor(bootstrap: string, epochShift = 0) {
    this.#epochShift = epochShift;
    const [host = '', port = ''] = bootstrap.split(':');
    const options = { bootstrap: [{ host, port: Number(port) }], clientId: 'c', timeoutMs: 20_000 };
    this.#transport = new TcpTransport(realEnv(), options);
  }

  async prepare(): Promise<void> {
    const topics = Object.entries(TOPICS).map(([name, numPartitions]) => ({
      name,
      numPartitions,
      replicationFactor: 1,
    }));
    const created = await this.ask(CreateTopics, 7, { topics, timeoutMs: 10_000, validateOnly: false } as never);
    for (const { name, topicId, errorCode } of created.topics) {
      assert.equal(errorCode, 0);
      this.#idOf.set(name, topicId);
      this.#nameOf.set(topicId, name);
    }
    for (;;) {
      const found = await this.ask(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] } as never);
      if (found.coordinators[0]?.errorCode === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Kafka works out a new target once a second; both are to do it at once. */
  async assignAtOnce(groupId: string): Promise<void> {
    const configs = [{ name: 'consumer.assignment.interval.ms', configOperation: 0, value: '0' }];
    const resources = [{ resourceType: GROUP_RESOURCE, resourceName: groupId, configs }];
    const altered = await this.ask(IncrementalAlterConfigs, 1, { resources, validateOnly: false });
    assert.equal(altered.responses[0]?.errorCode, 0, altered.responses[0]?.errorMessage ?? '');
  }

  /** Waits while the coordinator is not ready. `owned` has topics by name. */
  async beat(request: Partial<Request>, owned: string | null): Promise<Response> {
    const full = heartbeat({ topicPartitions: owned === null ? null : this.#parse(owned), ...request });
    const shifted = full.memberEpoch > 0 ? { ...full, memberEpoch: full.memberEpoch + this.#epochShift } : full;
    for (;;) {
      const answer = await this.ask(ConsumerGroupHeartbeat, 1, shifted);
      if (!['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS'].includes(errorName(answer.errorCode))) {
        return { ...answer, memberEpoch: this.#unshift(answer.memberEpoch) };
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** State and epochs of the group, and of each member what it has and is to have. */
  async describe(groupId: string): Promise<unknown> {
    const { groups } = await this.ask(ConsumerGroupDescribe, 1, {
      groupIds: [groupId],
      includeAuthorizedOperations: false,
    });
    const group = groups[0];
    assert(group !== undefined);
    return {
      error: errorName(group.errorCode),
      facts: [
        group.groupState,
        this.#unshift(group.groupEpoch),
        this.#unshift(group.assignmentEpoch),
        group.assignorName,
      ],
      members: group.members
        .map(
          ({ memberId, memberEpoch, instanceId, assignment, targetAssignment, subscribedTopicNames, memberType }) => ({
            memberId,
            memberEpoch: this.#unshift(memberEpoch),
            instanceId,
            memberType,
            topics: [...subscribedTopicNames].sort(),
            has: this.format(assignment.topicPartitions),
            wants: this.format(targetAssignment.topicPartitions),
          }),
        )
        .sort((left, right) => (left.memberId < right.memberId ? -1 : 1)),
    };
  }

  format(topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): string {
    return topics
      .map(
        ({ topicId, partitions }) => `${this.#nameOf.get(topicId)}:${[...partitions].sort((a, b) => a - b).join(',')}`,
      )
      .sort()
      .join(' ');
  }

  async ask<A extends AnyApi>(api: A, version: number, message: RequestOf<A>): Promise<ResponseOf<A>> {
    const reply = await this.#transport.request(ANY_NODE, api, version, message, 20_000);
    reply.release();
    return reply.message;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #unshift(epoch: number): number {
    return epoch > 0 ? epoch - this.#epochShift : epoch;
  }

  #parse(text: string): { topicId: string; partitions: number[] }[] {
    return text
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => {
        const [name = '', partitions = ''] = word.split(':');
        return { topicId: this.#idOf.get(name) ?? '', partitions: partitions.split(',').map(Number) };
      });
  }
}

interface Client {
  readonly instanceId: string | null;
  memberId: string;
  epoch: number;
  epochBefore: number;
  told: string;
  life: number;
}

describe('heartbeats of KIP-848 members, ours and Kafka’s', () => {
  before(function () {
    need(this, kafkaJars);
  });

  it('are answered the same', () =>
    withServed(({ bootstrap }) =>
      withFolder(async (folder) => {
        const kafka = await startRealKafka(join(folder, 'kafka'));
        const brokers = [new Broker(bootstrap), new Broker(kafka.bootstrap, 1)] as const;
        try {
          for (const broker of brokers) await broker.prepare();
          for (let seed = 1; seed <= SEED_COUNT; seed++) await runSeed(brokers, seed);
        } finally {
          for (const broker of brokers) await broker.close();
          await kafka.stop();
        }
      }),
    ));
});

async function runSeed(brokers: readonly [Broker, Broker], seed: number): Promise<void> {
  const groupId = `g${seed}`;
  await brokers[1].assignAtOnce(groupId);
  const random = numbersFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[random() % values.length] as T;
  const clients = Array.from(
    { length: MEMBER_COUNT },
    (_, index): Client => ({
      instanceId: index === 0 ? `i-${seed}` : null,
      memberId: `m${index}-0`,
      epoch: 0,
      epochBefore: 0,
      told: '',
      life: 0,
    }),
  );
  const trace: string[] = [];
  for (let step = 0; step < STEP_COUNT; step++) {
    const client = pick(clients);
    const { request, owned, what } = nextRequest(client, pick);
    const full = { groupId, memberId: client.memberId, instanceId: client.instanceId, ...request };
    const answers = await Promise.all(brokers.map((broker) => broker.beat(full, owned)));
    const [ours, theirs] = answers.map((answer, index) => inShort(brokers[index] as Broker, answer));
    trace.push(
      `${step} ${client.memberId} ${what}: ${JSON.stringify({ ...request, owned })} -> ${JSON.stringify(ours)}`,
    );
    assert.deepEqual(ours, theirs, `seed ${seed}, step ${step}:\n${trace.join('\n')}`);
    hear(client, request.memberEpoch ?? 0, ours as ReturnType<typeof inShort>);
    const described = await Promise.all(brokers.map((broker) => broker.describe(groupId)));
    assert.deepEqual(described[0], described[1], `seed ${seed}, after step ${step}:\n${trace.join('\n')}`);
  }
}

/** What a client may say next, right or wrong. */
function nextRequest(
  client: Client,
  pick: <T>(values: readonly T[]) => T,
): { readonly request: Partial<Request>; readonly owned: string | null; readonly what: string } {
  const { epoch, epochBefore, told } = client;
  // A group of Kafka's that begins with a member without a subscription stays at its first epoch.
  const nothing = epoch === 0 ? [] : [[]];
  const names = () => pick([['foo'], ['bar'], ['bar', 'foo'], ['bar', 'foo'], ['foo', 'missing'], ...nothing]);
  const all = () => ({ rebalanceTimeoutMs: 60_000, subscribedTopicNames: names(), serverAssignor: 'range' });
  if (epoch === 0) return { request: { memberEpoch: 0, ...all() }, owned: '', what: 'joins' };
  const what = pick([
    'says',
    'says',
    'says',
    'says',
    'is still',
    'has less',
    'changes',
    'rejoins',
    'is behind',
    'is ahead',
    'leaves',
    'pauses',
  ]);
  const at = { memberEpoch: epoch };
  switch (what) {
    case 'says':
      return { request: at, owned: told, what };
    case 'is still':
      return { request: at, owned: null, what };
    case 'has less':
      return { request: at, owned: told.split(' ')[0] ?? '', what };
    case 'changes':
      return { request: { ...at, ...all() }, owned: told, what };
    case 'rejoins':
      // Kafka has the static member itself wait for the end of its own session.
      if (client.instanceId !== null) return { request: at, owned: told, what: 'says' };
      return { request: { memberEpoch: 0, ...all() }, owned: '', what };
    case 'is behind':
      if (epochBefore === 0) return { request: at, owned: told, what: 'says' };
      // All of itself: here the answer to whoever is behind tells the assignment in any case.
      return { request: { memberEpoch: epochBefore, ...all() }, owned: told, what };
    case 'is ahead':
      return { request: { memberEpoch: epoch + 1 }, owned: told, what };
    case 'pauses':
      return { request: { memberEpoch: client.instanceId === null ? -1 : -2 }, owned: null, what };
    default:
      return { request: { memberEpoch: -1 }, owned: null, what };
  }
}

function inShort(broker: Broker, { errorCode, memberId, memberEpoch, assignment }: Response) {
  const error = errorName(errorCode);
  if (error !== 'NONE') return { error };
  return { error, memberId, memberEpoch, told: assignment === null ? null : broker.format(assignment.topicPartitions) };
}

function hear(client: Client, sentEpoch: number, answer: ReturnType<typeof inShort>): void {
  if (answer.error !== 'NONE' || sentEpoch < 0) {
    client.life += 1;
    // Fenced, it joins with its id again; after it left it is another process.
    if (sentEpoch < 0) client.memberId = `${client.memberId.split('-')[0]}-${client.life}`;
    Object.assign(client, { epoch: client.instanceId !== null && sentEpoch >= 0 ? client.epoch : 0 });
    if (client.epoch === 0) client.told = '';
    return;
  }
  if (answer.memberEpoch !== client.epoch) client.epochBefore = client.epoch;
  client.epoch = answer.memberEpoch ?? 0;
  client.told = answer.told ?? client.told;
}

/** The same each time. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state >> 8;
  };
}
