/**
 * The directories whose files are changed. Together they hold every kind of file that streamctl writes (ARCHITECTURE 5):
 *
 *   plain      three lives of one topic, its first records deleted; closed
 *   closed     a cap on the disk, a recovery that put bytes aside, a snapshot of the metadata, groups of both kinds, a compaction; closed
 *   cleaned    the same after more writes, its process killed when a compaction had made its files,
 *   swapped    ... when all were offered,
 *   replaced   ... and when the old files were out of their way
 */
import assert from 'node:assert/strict';
import { Broker } from '../../src/broker/broker.ts';
import { brokerSettings } from '../../src/broker/broker-settings.ts';
import { MAX_DISK_SETTING } from '../../src/broker/own-settings.ts';
import { compact } from '../../src/cluster/compaction.ts';
import type { Env } from '../../src/kernel/env.ts';
import { lastCloseWasClean } from '../../src/log/log-directory.ts';
import { ConsumerGroupHeartbeat, DeleteRecords, InitProducerId, Produce } from '../../src/protocol/apis/index.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { BrokerUnderTest } from '../broker/broker-in-world.ts';
import { GroupClient } from '../broker/group-client.ts';
import { becomeBroker, DIRECTORY, runToEnd } from '../cluster/in-world.ts';
import { NO_PRODUCER, type ProducerIdentity } from '../helpers/raw-producer.ts';
import { keyedBatch } from '../log/compaction/keyed-batches.ts';
import type { DiskCall } from '../sim/disk-faults.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { filesBelow, putTree, type Tree, type WrittenDirectory, writtenIn } from './written-directory.ts';

export const GROUP = 'g';
export const TOPIC = 't';
const COMPACTED = 'k';
const BATCHES_PER_LIFE = 6;
/** The first batch is deleted, so that there is a log start to be remembered. */
export const LOG_START = 2;
const ROLL_MS = 50;
const INDEXED = { 'index.interval.bytes': '100' };
const COMPACTING = ['log.cleaner.backoff.ms=1000', `log.roll.ms=${ROLL_MS}`];
const NOT_COMPACTING = ['log.cleaner.enable=false', `log.roll.ms=${ROLL_MS}`];
const COMPACTION_MS_MAX = 60_000;

/** By directory: the call after which its process is killed, in the middle of a compaction. */
const KILLED_AFTER: Readonly<Record<string, readonly [DiskCall, RegExp]>> = {
  cleaned: ['datasync', /\/k-0\/\d{20}\.timeindex\.cleaned$/],
  swapped: ['rename', /\/k-0\/\d{20}\.log\.swap$/],
  replaced: ['rename', /\/k-0\/\d{20}\.index$/],
};

/** Somebody else is the broker, by what the directory says. */
export class Occupied extends Error {
  override readonly name = 'Occupied';
}

export async function startBroker(env: Env, settings: readonly string[]): Promise<BrokerUnderTest> {
  const wasClean = (directory: string, epoch: number) => lastCloseWasClean(env, directory, epoch);
  const session = await becomeBroker(env, { lastCloseWasClean: wasClean });
  if (session === undefined) throw new Occupied();
  const assignments = ['offsets.topic.num.partitions=1', ...settings];
  return new BrokerUnderTest(env, await Broker.start(env, session, brokerSettings({ assignments })), session);
}

/** A machine whose disk is written by one process after the other. */
class Machine {
  readonly machine = new SimMachine(new World({ seed: 1 }), 'm');

  async life(settings: readonly string[], use: (test: BrokerUnderTest) => Promise<void>): Promise<void> {
    await this.run(async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      const test = await startBroker(env, settings);
      await use(test);
      await test.broker.stop();
    });
  }

  /** A life that `use` never ends: its process is killed where `isEnd` says so. */
  async killed(
    settings: readonly string[],
    isEnd: (call: DiskCall, path: string) => boolean,
    use: (test: BrokerUnderTest) => Promise<void>,
  ): Promise<void> {
    let wasKilled = false;
    this.machine.onDiskDone = (call, path, process) => {
      if (wasKilled || !isEnd(call, path)) return;
      wasKilled = true;
      process.kill('there');
    };
    await this.life(settings, use);
    this.machine.onDiskDone = () => undefined;
    assert.ok(wasKilled);
  }

  async run(main: (env: Env) => Promise<void>): Promise<void> {
    this.machine.spawn('test', async ({ env }) => {
      await main(env);
      return 0;
    });
    await runToEnd(this.machine, 86_400_000);
  }

  async tree(): Promise<Tree> {
    let tree: Tree = new Map();
    await this.run(async (env) => {
      tree = await filesBelow(env, DIRECTORY);
    });
    return tree;
  }
}

async function produceTo(test: BrokerUnderTest, life: string, identity = NO_PRODUCER): Promise<void> {
  for (let index = 0; index < BATCHES_PER_LIFE; index += 1) {
    const baseSequence = identity === NO_PRODUCER ? -1 : 2 * index;
    const { error } = await test.produce(TOPIC, [`${life}-${index}`, 'x'.repeat(60)], { identity, baseSequence });
    assert.equal(error, 'NONE');
  }
}

async function newProducer(test: BrokerUnderTest): Promise<ProducerIdentity> {
  const answer = await test.call(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 });
  assert.equal(answer.errorCode, 0);
  return answer;
}

async function deleteBefore(test: BrokerUnderTest, offset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, offset: BigInt(offset) }];
  const answer = await test.call(DeleteRecords, 2, { topics: [{ name: TOPIC, partitions }], timeoutMs: 1000 });
  assert.equal(answer.topics[0]?.partitions[0]?.errorCode, 0);
}

/** Two keys over and over, each batch in a segment of its own. */
async function produceKeyed(test: BrokerUnderTest, life: string): Promise<void> {
  for (let index = 0; index < BATCHES_PER_LIFE; index += 1) {
    const timestamp = BigInt(test.env.clock.wallMs());
    const records = [
      keyedBatch(
        [
          ['a', `${life}-${index}`],
          ['b', 'y'.repeat(40)],
        ],
        { timestamp },
      ),
    ];
    const topicData = [{ name: COMPACTED, partitionData: [{ index: 0, records }] }];
    const answer = await test.call(Produce, 9, { acks: -1, timeoutMs: 10_000, topicData });
    assert.equal(answer.responses[0]?.partitionResponses[0]?.errorCode, 0);
    await test.env.clock.sleep(ROLL_MS + 10);
  }
}

/** The group's classic member comes, commits, and is there when the process ends; so is a member of KIP-848 of another group. */
async function useGroups(test: BrokerUnderTest, committed: number[]): Promise<void> {
  const group = new GroupClient(test, { groupId: GROUP, sessionTimeoutMs: 1_800_000 });
  assert.equal(await group.find(), 'NONE');
  assert.deepEqual([await group.join(), await group.sync()], ['NONE', 'NONE']);
  for (let count = 0; count < 3; count += 1) {
    committed.push(committed.length);
    assert.equal(await group.commit(TOPIC, committed.length - 1), 'NONE');
    await test.env.clock.sleep(ROLL_MS + 10);
  }
  const heartbeat = { groupId: 'consumers', memberId: 'm', memberEpoch: 0, rebalanceTimeoutMs: 10_000 };
  const message = { ...heartbeat, subscribedTopicNames: [TOPIC], topicPartitions: [] };
  assert.equal((await test.call(ConsumerGroupHeartbeat, 1, message)).errorCode, 0);
}

/** Until the compaction of its log is written down. */
async function untilCompacted(test: BrokerUnderTest): Promise<void> {
  const path = `${DIRECTORY}/brokers/1/log/cleaner-offset-checkpoint`;
  for (let waitedMs = 0; waitedMs < COMPACTION_MS_MAX; waitedMs += 500) {
    await test.env.clock.sleep(500);
    if ((await test.env.disk.stat(path)) === undefined) continue;
    if (/^k 0 [1-9]/m.test((await test.env.disk.readFile(path)).toString())) return;
  }
  assert.fail('nothing was compacted');
}

function directoryOf(
  name: string,
  tree: Tree,
  about: Pick<WrittenDirectory, 'isClosed' | 'topics' | 'committedOffsets'>,
): WrittenDirectory {
  const written = new Map(about.topics.map((topic) => [topic, writtenIn(tree, topic)]));
  return { name, tree, written, ...about };
}

export async function plainDirectory(): Promise<WrittenDirectory> {
  const machine = new Machine();
  for (let life = 0; life < 3; life += 1) {
    await machine.life([], async (test) => {
      if (life === 0) await test.createTopic(TOPIC, 1, INDEXED);
      await produceTo(test, String(life));
      if (life === 1) await deleteBefore(test, LOG_START);
    });
  }
  return directoryOf('plain', await machine.tree(), { isClosed: true, topics: [TOPIC], committedOffsets: [] });
}

/** A life that is killed after some writes, the first of which is bad then: the next life puts the others aside. */
async function killedAndDamaged(machine: Machine): Promise<void> {
  const path = `${DIRECTORY}/brokers/1/log/${TOPIC}-0/${'0'.repeat(20)}.log`;
  const { content } = machine.machine.files.get(path, 'test');
  const sizeBefore = content.size;
  let writeCount = 0;
  const isEnd = (call: DiskCall, at: string): boolean => call === 'write' && at === path && ++writeCount === 4;
  await machine.killed(NOT_COMPACTING, isEnd, (test) => produceTo(test, 'cut'));
  content.damage(sizeBefore + batch.BATCH_HEADER_BYTES, 1);
}

async function closedDirectory(): Promise<WrittenDirectory> {
  const machine = new Machine();
  const committedOffsets: number[] = [];
  await machine.life(NOT_COMPACTING, async (test) => {
    await test.session.alterSettings(new Map([[MAX_DISK_SETTING, String(2 ** 40)]]));
    await test.createTopic(TOPIC, 1, { ...INDEXED, 'segment.ms': '604800000' });
    await test.createTopic(COMPACTED, 1, { ...INDEXED, 'cleanup.policy': 'compact', 'segment.ms': String(ROLL_MS) });
    await produceTo(test, 'first', await newProducer(test));
    await produceKeyed(test, 'first');
    await deleteBefore(test, LOG_START);
    await useGroups(test, committedOffsets);
  });
  await killedAndDamaged(machine);
  await machine.life(COMPACTING, async (test) => {
    assert.equal((await test.fetch(TOPIC, LOG_START)).responses[0]?.partitions[0]?.errorCode, 0);
    await produceTo(test, 'second', await newProducer(test));
    await produceKeyed(test, 'second');
    await useGroups(test, committedOffsets);
    await untilCompacted(test);
    await compact(test.env, DIRECTORY, test.session.image());
  });
  const about = { isClosed: true, topics: [TOPIC, COMPACTED], committedOffsets };
  return directoryOf('closed', await machine.tree(), about);
}

async function killedDirectory(name: string, closed: WrittenDirectory): Promise<WrittenDirectory> {
  const machine = new Machine();
  putTree(machine.machine, closed.tree);
  const [lastCall, lastPath] = KILLED_AFTER[name] ?? [];
  const isEnd = (call: DiskCall, path: string): boolean => call === lastCall && lastPath?.test(path) === true;
  const committedOffsets = [...closed.committedOffsets];
  await machine.killed(COMPACTING, isEnd, async (test) => {
    await produceTo(test, name, await newProducer(test));
    await useGroups(test, committedOffsets);
    await produceKeyed(test, name);
    await test.env.clock.sleep(COMPACTION_MS_MAX);
  });
  return directoryOf(name, await machine.tree(), { isClosed: false, topics: closed.topics, committedOffsets });
}

export async function allDirectories(): Promise<WrittenDirectory[]> {
  const closed = await closedDirectory();
  const killed: WrittenDirectory[] = [];
  for (const name of Object.keys(KILLED_AFTER)) killed.push(await killedDirectory(name, closed));
  return [await plainDirectory(), closed, ...killed];
}
