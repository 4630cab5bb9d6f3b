/** A whole broker on the simulated machine, asked by message objects as the command in its process would. */
import assert from 'node:assert/strict';
import { Broker } from '../../src/broker/broker.ts';
import { brokerSettings } from '../../src/broker/broker-settings.ts';
import type { Reply, RequestContext } from '../../src/broker/request.ts';
import type { BrokerSession } from '../../src/cluster/broker-session.ts';
import type { Env } from '../../src/kernel/env.ts';
import { CreateTopics, Fetch, ListOffsets, Produce } from '../../src/protocol/apis/index.ts';
import { completeMessage } from '../../src/protocol/complete-message.ts';
import { errorName } from '../../src/protocol/errors.ts';
import { patchBaseOffset } from '../../src/protocol/records/batch.ts';
import type { AnyApi, RequestInput, ResponseOf } from '../../src/protocol/schema.ts';
import { DIRECTORY, inWorld, mustBecomeBroker } from '../cluster/in-world.ts';
import { batchOf, NO_PRODUCER, type ProducerIdentity } from '../helpers/raw-producer.ts';

export class BrokerUnderTest {
  readonly env: Env;
  readonly broker: Broker;
  readonly session: BrokerSession;
  /** Every promise that a handler wanted the connection held for. */
  readonly holds: Promise<unknown>[] = [];

  constructor(env: Env, broker: Broker, session: BrokerSession) {
    this.env = env;
    this.broker = broker;
    this.session = session;
  }

  /** The answer's message; its buffers are copied by nobody, so look before the next call. */
  async call<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestInput<A>,
    context: Partial<RequestContext> = {},
  ): Promise<ResponseOf<A>> {
    const reply = await this.reply(api, version, message, context);
    assert.ok(reply.message !== undefined, `${api.name} was not answered`);
    return reply.message as ResponseOf<A>;
  }

  reply<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestInput<A>,
    context: Partial<RequestContext> = {},
  ): Promise<Reply> {
    return this.broker.handle(api, version, completeMessage(api.request, message as object) as object, {
      listener: 'embedded',
      principal: 'User:test',
      clientId: 'test',
      connectionId: 0,
      remote: 'embedded',
      hold: (until) => this.holds.push(until),
      retain: () => undefined,
      ...context,
    });
  }

  async createTopic(name: string, numPartitions = 1, configs: Record<string, string> = {}): Promise<string> {
    const answer = await this.call(CreateTopics, 7, {
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: -1,
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    const topic = answer.topics[0];
    assert.ok(topic !== undefined);
    assert.equal(errorName(topic.errorCode), 'NONE', topic.errorMessage ?? '');
    return topic.topicId;
  }

  /** Appends values to partition 0 of a topic, and answers what was said of it. */
  async produce(topic: string, values: readonly string[], options: ProduceOptions = {}): Promise<PartitionAnswer> {
    const { acks = -1, timeoutMs = 10_000, identity = NO_PRODUCER, baseSequence = -1, index = 0 } = options;
    const batch = batchOf(
      values.map((value) => Buffer.from(value)),
      identity,
      baseSequence,
      this.env.clock.wallMs(),
    );
    patchBaseOffset(batch, 0, 0);
    const answer = await this.call(Produce, 9, {
      acks,
      timeoutMs,
      topicData: [{ name: topic, partitionData: [{ index, records: [batch] }] }],
    });
    const partition = answer.responses[0]?.partitionResponses[0];
    assert.ok(partition !== undefined);
    return { error: errorName(partition.errorCode), baseOffset: Number(partition.baseOffset), partition };
  }

  /** Where a partition's log begins. */
  async startOf(topic: string, partitionIndex = 0): Promise<number> {
    const answer = await this.call(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: topic, partitions: [{ partitionIndex, currentLeaderEpoch: -1, timestamp: -2n }] }],
    });
    return Number(answer.topics[0]?.partitions[0]?.offset);
  }

  fetch(topic: string, fetchOffset: number, options: Partial<FetchOptions> = {}): Promise<ResponseOf<typeof Fetch>> {
    const { maxWaitMs = 0, minBytes = 1, partitionMaxBytes = 1 << 20, version = 12, ...rest } = options;
    return this.call(
      Fetch,
      version,
      {
        maxWaitMs,
        minBytes,
        maxBytes: 50 << 20,
        sessionEpoch: -1,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: BigInt(fetchOffset), partitionMaxBytes }] }],
        ...rest,
      },
      {},
    );
  }
}

export interface ProduceOptions {
  readonly acks?: number;
  readonly timeoutMs?: number;
  readonly identity?: ProducerIdentity;
  readonly baseSequence?: number;
  readonly index?: number;
}

export interface PartitionAnswer {
  readonly error: string;
  readonly baseOffset: number;
  readonly partition: ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number];
}

export type FetchOptions = RequestInput<typeof Fetch> & {
  readonly partitionMaxBytes: number;
  readonly version: number;
};

/** The same environment, with the path of every call of the disk put into `paths`. */
export function withPathsNoted(env: Env, paths: string[]): Env {
  const disk = new Proxy(env.disk, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        if (typeof given[0] === 'string') paths.push(given[0]);
        return member.apply(target, given);
      };
    },
  });
  return { ...env, disk };
}

/** Runs a program beside a running broker, which is stopped when it ends. `settings` are `name=value`. */
export async function withBroker(
  program: (test: BrokerUnderTest) => Promise<void>,
  settings: readonly string[] = [],
  seed = 1,
): Promise<void> {
  await inWorld(seed, async (env) => {
    await env.disk.makeDirectory(DIRECTORY);
    await withBrokerIn(env, program, { settings });
  });
}

/** The same over the world's directory as it is. `wasClean`: what the broker takes the last close for. */
export async function withBrokerIn(
  env: Env,
  program: (test: BrokerUnderTest) => Promise<void>,
  options: { readonly settings?: readonly string[]; readonly wasClean?: boolean; readonly deletes?: boolean } = {},
): Promise<void> {
  const { settings = [], wasClean = true, deletes = true } = options;
  const session = await mustBecomeBroker(env, { lastCloseWasClean: async () => wasClean });
  const broker = await Broker.start(env, session, brokerSettings({ assignments: settings }), { deletes });
  try {
    await program(new BrokerUnderTest(env, broker, session));
  } finally {
    await broker.stop();
  }
}

/** The values of all records in a fetch answer's first partition, which must be batches made by `produce`. */
export function batchCount(answer: ResponseOf<typeof Fetch>): number {
  let count = 0;
  const bytes = Buffer.concat([...(answer.responses[0]?.partitions[0]?.records ?? [])]);
  for (let position = 0; position < bytes.length; position += 12 + bytes.readInt32BE(position + 8)) count += 1;
  return count;
}
