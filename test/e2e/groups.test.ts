import assert from 'node:assert/strict';
import { type Consumer, Kafka, logLevel } from 'kafkajs';
import { type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';

const PARTITION_COUNT = 6;

function connect(bootstrap: string): Kafka {
  return new Kafka({
    clientId: 'e2e',
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 50 },
  });
}

async function produce(bootstrap: string, partition: number, values: readonly string[]): Promise<void> {
  const args = ['produce', 't', '-p', String(partition), '-b', bootstrap];
  const made = await streamctl(args, { input: values.map((value) => `${value}\n`).join('') });
  assert.equal(made.status, 0, made.stderr);
}

/** A value for each partition. */
async function produceRound(bootstrap: string, name: string): Promise<string[]> {
  const values = Array.from({ length: PARTITION_COUNT }, (_, partition) => `${name}-${partition}`);
  for (const [partition, value] of values.entries()) await produce(bootstrap, partition, [value]);
  return values;
}

class Member {
  readonly seen: string[] = [];
  /** Of the newest assignment. */
  partitions: readonly number[] = [];
  readonly #consumer: Consumer;

  constructor(kafka: Kafka) {
    this.#consumer = kafka.consumer({
      groupId: 'g',
      sessionTimeout: 6000,
      heartbeatInterval: 200,
      rebalanceTimeout: 6000,
      // Its heartbeats wait behind its fetches.
      maxWaitTimeInMs: 200,
    });
    this.#consumer.on('consumer.group_join', ({ payload }) => {
      this.partitions = payload.memberAssignment['t'] ?? [];
    });
  }

  async start(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: 't', fromBeginning: true });
    await this.#consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => {
        this.seen.push(String(message.value));
      },
    });
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect();
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let at = 0; at < 1200; at += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`not in time: ${what}`);
}

function shared(members: readonly Member[]): boolean {
  const all = members.flatMap(({ partitions }) => partitions);
  const isWhole = all.length === PARTITION_COUNT && new Set(all).size === PARTITION_COUNT;
  return isWhole && members.every(({ partitions }) => partitions.length > 0);
}

async function committedSum(kafka: Kafka): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const [topic] = await admin.fetchOffsets({ groupId: 'g', topics: ['t'] });
    return (topic?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  } finally {
    await admin.disconnect();
  }
}

describe('groups of a served broker, by kafkajs', () => {
  it('three members share a topic, outlive a kill -9 of the broker, and what they committed is kept', () =>
    withFolder(async (directory) => {
      let serving: Serving = await startServe(directory);
      const { bootstrap } = serving;
      const members: Member[] = [];
      try {
        const made = await streamctl(['topics', 'create', 't', '--partitions', '6', '-b', bootstrap]);
        assert.equal(made.status, 0, made.stderr);
        const kafka = connect(bootstrap);
        for (let at = 0; at < 3; at += 1) {
          members.push(new Member(kafka));
          await members[at]?.start();
        }
        await until('three members share the topic', () => shared(members));
        const first = await produceRound(bootstrap, 'before');
        const seen = (): string[] => members.flatMap((member) => member.seen).sort();
        await until('all is read', () => seen().length === first.length);
        assert.deepEqual(seen(), first.sort());
        await until('all is committed', async () => (await committedSum(kafka)) === first.length);

        await serving.kill();
        serving = await startServe(directory, '--listen', bootstrap);
        assert.equal(await committedSum(connect(bootstrap)), first.length);
        const second = await produceRound(bootstrap, 'after');
        await until('members go on', () => seen().length >= first.length + second.length);
        await until('and commit', async () => (await committedSum(kafka)) === first.length + second.length);
        assert.deepEqual(
          seen(),
          [...first, ...second].sort(),
          'nothing is skipped, and nothing that was committed is repeated',
        );

        await members.shift()?.stop();
        await until('the others share what is left', () => shared(members));
      } finally {
        await Promise.all(members.map((member) => member.stop()));
        assert.equal(await serving.stop(), 0);
      }
    })).timeout(120_000);
});
