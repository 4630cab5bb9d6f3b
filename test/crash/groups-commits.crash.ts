/**
 * kill -9 of serve at random times while groups of all kinds commit: by raw requests, four in flight, and by kafkajs. An acked commit, or
 * one that was shown, is never forgotten or older (I-22, I-23): asked all the time, and of each group after each restart.
 * STREAMCTL_KILLS kills (10; 200 is what a release must pass).
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { faultsFoundByKafka } from '../clients/dump-log.ts';
import { kafkaJars } from '../clients/kafka-jars.ts';
import { offsetsDecodedByKafka } from '../clients/offsets-decoder.ts';
import { PeerMissing } from '../clients/peers.ts';
import { freePort } from '../helpers/free-port.ts';
import { type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { type CommitterKind, GroupCommitter } from './group-committer.ts';
import { between, report, sizeOf, sleep } from './lanes.ts';

const LANE = 'groups-commits';
const KILLS = sizeOf('STREAMCTL_KILLS', 10);
const TOPIC = 't';
/** More than the members by kafkajs can read between the kills. */
const LINE_COUNT = 50_000 + KILLS * 5_000;
const KINDS: readonly CommitterKind[] = ['simple', 'simple', 'classic', 'classic', 'consumer', 'consumer'];
/** Small segments and a cleaner that is never idle: commits are compacted between the kills. */
const SETTINGS = [
  ...['-X', 'offsets.topic.segment.bytes=1048576', '-X', 'log.cleaner.backoff.ms=500'],
  ...['-X', 'log.cleaner.min.cleanable.ratio=0.1'],
];

describe('kill -9 of serve while groups commit', () => {
  it(`${KILLS} times`, () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const listen = `127.0.0.1:${await freePort()}`;
      const server = { serving: await startServe(directory, '--listen', listen, ...SETTINGS) };
      const committers: GroupCommitter[] = [];
      const clients: KafkajsCommitter[] = [];
      try {
        const made = await streamctl(['topics', 'create', TOPIC, '--partitions', '3', '-b', listen]);
        assert.equal(made.status, 0, made.stderr);
        const lines = Array.from({ length: LINE_COUNT }, (_, at) => `${at}\n`).join('');
        assert.equal((await streamctl(['produce', TOPIC, '-b', listen], { input: lines })).status, 0);
        for (const [at, kind] of KINDS.entries())
          committers.push(new GroupCommitter(listen, TOPIC, `${kind}-${at}`, kind));
        for (let at = 0; at < 2; at++) clients.push(await KafkajsCommitter.start(listen, `kafkajs-${at}`));
        await killAndCheck(server, () => startServe(directory, '--listen', listen, ...SETTINGS), [
          ...committers,
          ...clients,
        ]);
      } finally {
        for (const committer of committers) committer.stop();
        await Promise.all(committers.map(({ done }) => done));
        await Promise.all(clients.map((client) => client.stop()));
      }
      for (const one of [...committers, ...clients]) await one.check('at the end');
      assert.equal(await server.serving.stop(), 0);
      await judge(directory, committers, clients);
    })).timeout(240_000 + KILLS * 60_000);
});

interface Checked {
  check(when: string): Promise<void>;
}

async function killAndCheck(
  server: { serving: Serving },
  start: () => Promise<Serving>,
  all: readonly Checked[],
): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill++) {
    await sleep(between(100, 2000));
    await server.serving.kill();
    server.serving = await start();
    for (const one of all) await one.check(`after kill ${kill}`);
  }
}

async function judge(
  directory: string,
  committers: readonly GroupCommitter[],
  clients: readonly KafkajsCommitter[],
): Promise<void> {
  const verified = await streamctl(['log', 'verify', directory]);
  const log = join(directory, 'brokers', '1', 'log');
  const kafka = await verdictOfKafka(log);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  report(LANE, {
    kills: KILLS,
    commits: sum(committers.map(({ commits }) => commits)),
    fetches: sum(committers.map(({ fetches }) => fetches)),
    fenced: committers.map(({ groupId, fenced }) => `${groupId}: ${fenced}`).join(', '),
    kafkajsCommits: sum(clients.map(({ commits }) => commits)),
    faults: sum([...committers, ...clients].map(({ faults }) => faults.length)),
    logVerify: verified.status,
    dumpLogSegments: kafka === undefined ? 'not run' : kafka.faults.length,
    recordsDecoded: kafka?.recordCount ?? 'not run',
  });
  assert.deepEqual(
    [...committers, ...clients].flatMap(({ faults }) => faults),
    [],
  );
  // Their sessions are longer than this: a member whose join was acked is a member behind every restart (I-22).
  const forgotten = committers.filter(({ groupId, fenced }) => groupId.startsWith('classic') && fenced > 0);
  assert.deepEqual(
    forgotten.map(({ groupId }) => groupId),
    [],
  );
  for (const one of [...committers, ...clients]) assert.ok(one.commits > KILLS, `${one.groupId} commits at all`);
  assert.deepEqual(kafka?.faults ?? [], []);
  assert.equal(verified.status, 0, verified.stdout.toString() + verified.stderr);
}

async function verdictOfKafka(log: string): Promise<{ faults: readonly string[]; recordCount: number } | undefined> {
  try {
    kafkaJars();
  } catch (error) {
    if (!(error instanceof PeerMissing)) throw error;
    if (process.env['STREAMCTL_PEERS'] === 'required') throw error;
    process.stderr.write('\n*** NOT RUN: DUMPLOGSEGMENTS OF A REAL KAFKA ***\n');
    return undefined;
  }
  const decoded = await offsetsDecodedByKafka(log);
  return { ...decoded, faults: [...decoded.faults, ...(await faultsFoundByKafka(log, { compacted: true }))] };
}

/** A member by kafkajs, which commits where it is after each batch, and what it was told of that. */
class KafkajsCommitter {
  readonly groupId: string;
  readonly #kafka: Kafka;
  readonly #consumer: ReturnType<Kafka['consumer']>;
  readonly #acked = new Map<number, number>();
  readonly #faults: string[] = [];
  commits = 0;

  static async start(bootstrap: string, groupId: string): Promise<KafkajsCommitter> {
    const made = new KafkajsCommitter(bootstrap, groupId);
    await made.#begin();
    return made;
  }

  private constructor(bootstrap: string, groupId: string) {
    this.groupId = groupId;
    const retry = { retries: 100, maxRetryTime: 500 };
    this.#kafka = new Kafka({ clientId: groupId, brokers: [bootstrap], logLevel: logLevel.NOTHING, retry });
    this.#consumer = this.#kafka.consumer({ groupId, sessionTimeout: 60_000, maxBytesPerPartition: 400 });
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  async #begin(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const offset = Number(message.offset) + 1;
        if (offset % 20 !== 0) return;
        await this.#consumer.commitOffsets([{ topic: TOPIC, partition, offset: `${offset}` }]);
        this.#acked.set(partition, offset);
        this.commits += 1;
      },
    });
  }

  async check(when: string): Promise<void> {
    const acked = new Map(this.#acked);
    const admin = this.#kafka.admin();
    await admin.connect();
    const [topic] = await admin.fetchOffsets({ groupId: this.groupId, topics: [TOPIC] });
    await admin.disconnect();
    for (const { partition, offset } of topic?.partitions ?? []) {
      const least = acked.get(partition) ?? 0;
      if (Math.max(0, Number(offset)) < least)
        this.#faults.push(`${this.groupId} ${TOPIC}-${partition} ${when}: ${offset}, but ${least} was acked`);
    }
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect();
  }
}
