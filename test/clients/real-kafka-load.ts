/** What `real-kafka-reads` puts into a directory of ours: topics, and the records that make files of every kind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { cleanEnvironment, type Serving, STREAMCTL, startServe, streamctl } from '../helpers/streamctl.ts';
import { Prng } from '../sim/prng.ts';
import { kcat, run } from './peers.ts';
import { sequence } from './suite.ts';

const SMALL = ['segment.bytes=1048576', 'index.interval.bytes=1000'];
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const LINES = 12_000;
/** Where the log `begun` begins: inside a segment, and behind others that are gone. */
const BEGUN_AT = 30_000;
/** Has read the first 1000 records of `own`. */
export const GROUP = 'archive';
const TRIES_MAX = 400;
/** Of the topic `killed`: as many unclean ends raise our leader epoch to 2, which a Kafka has that was started again once. */
const LIVES = 3;
const KILLED_LINES = 200_000;

/** Topics by name: how many partitions, and the configs. */
const TOPICS: ReadonlyMap<string, { readonly partitions: number; readonly configs: readonly string[] }> = new Map([
  ['codecs', { partitions: 2, configs: SMALL }],
  ['own', { partitions: 1, configs: SMALL }],
  ['dressed', { partitions: 2, configs: ['retention.ms=-1'] }],
  ['stamped', { partitions: 1, configs: [...SMALL, 'message.timestamp.type=LogAppendTime'] }],
  ['begun', { partitions: 1, configs: SMALL }],
  ['emptied', { partitions: 1, configs: [] }],
  ['untouched', { partitions: 1, configs: [] }],
  ['compacted', { partitions: 1, configs: [...SMALL, 'cleanup.policy=compact', 'min.cleanable.dirty.ratio=0.01'] }],
]);

/** The partitions of all topics, `<topic>-<partition>`. */
export function partitionNames(): string[] {
  return [...TOPICS].flatMap(([topic, { partitions }]) =>
    Array.from({ length: partitions }, (_, index) => `${topic}-${index}`),
  );
}

/** Makes the topics, in a directory (`--dir D`) or at a broker (`-b HOST:PORT`). */
export async function createTopics(where: readonly string[]): Promise<void> {
  await Promise.all(
    [...TOPICS].map(([topic, { partitions, configs }]) => createTopic(where, topic, partitions, configs)),
  );
}

export async function createTopic(
  where: readonly string[],
  topic: string,
  partitions = 1,
  configs: readonly string[] = SMALL,
) {
  const flags = configs.flatMap((config) => ['--config', config]);
  const made = await streamctl(['topics', 'create', topic, '--partitions', String(partitions), ...flags, ...where]);
  assert.equal(made.status, 0, made.stderr);
}

/** Fills a new directory, and closes it: by a server first, then by commands alone. */
export async function fill(directory: string): Promise<void> {
  const serving = await startServe(
    directory,
    ...['-X', 'log.cleaner.backoff.ms=50', '-X', 'log.retention.check.interval.ms=100'],
  );
  try {
    await createTopics(['-b', serving.bootstrap]);
    await fillServed(serving, join(directory, 'brokers/1/log'));
  } catch (error) {
    await serving.kill();
    throw error;
  }
  assert.equal(await serving.stop(), 0);
  for (const codec of CODECS) {
    const own = await streamctl(['produce', 'own', '--dir', directory, '-K', ':', '-z', codec], { input: keyed(400) });
    assert.equal(own.status, 0, own.stderr);
  }
  const read = await streamctl(['consume', 'own', '-g', GROUP, '-c', '1000', '--dir', directory]);
  assert.equal(read.status, 0, read.stderr);
}

async function fillServed({ bootstrap }: Serving, log: string): Promise<void> {
  for (const codec of CODECS) {
    await produceByKcat(bootstrap, 'codecs', ['-z', codec], keyed(LINES * 10));
    await produceByKcat(bootstrap, 'compacted', ['-z', codec, '-Z'], keyed(300));
  }
  await produceByKcat(bootstrap, 'stamped', [], keyed(LINES));
  await produceByKcat(bootstrap, 'begun', ['-X', 'batch.num.messages=100'], keyed(LINES * 10), 4);
  await produceByKcat(bootstrap, 'emptied', [], keyed(10));
  const client = new Kafka({ clientId: 'filler', brokers: [bootstrap], logLevel: logLevel.NOTHING });
  await produceDressed(client);
  const admin = client.admin();
  await admin.connect();
  for (const [topic, offset] of [
    ['begun', String(BEGUN_AT)],
    ['emptied', '-1'],
  ] as const) {
    // The client knows no leader of a topic that it has not asked something about.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
  }
  await admin.disconnect();
  for (const name of ['begun-0', 'emptied-0']) {
    await until(`segments before the start of ${name} are gone`, () => segmentBases(join(log, name))[0] !== 0);
  }
  await until('all sealed segments are compacted', () => {
    const active = segmentBases(join(log, 'compacted-0')).at(-1);
    const told = join(log, 'cleaner-offset-checkpoint');
    return existsSync(told) && readFileSync(told, 'utf8').includes(`compacted 0 ${active}\n`);
  });
}

async function produceByKcat(bootstrap: string, topic: string, flags: string[], input: string, times = 1) {
  for (let time = 0; time < times; time++) {
    const args = ['-P', '-b', bootstrap, '-t', topic, '-K', ':', '-X', 'enable.idempotence=true', ...flags];
    const produced = await run(kcat(), args, input);
    assert.equal(produced.status, 0, produced.stderr);
  }
}

/** Records with and without key, value and headers, at times that also go back. */
async function produceDressed(client: Kafka): Promise<void> {
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let index = 0; index < 200; index++) {
    await producer.send({
      topic: 'dressed',
      messages: [0, 1].map((partition) => ({
        partition,
        key: index % 3 === 0 ? null : index % 3 === 1 ? '' : `k${index}`,
        value: index % 5 === 0 ? null : index % 5 === 1 ? '' : `v${index}`,
        ...(index % 2 === 0 ? {} : { headers: { one: String(index), two: '', three: Buffer.from([0x7e]) } }),
        timestamp: String(1_700_000_000_000 + index * 1000 - (index % 7) * 5000),
      })),
    });
  }
  await producer.disconnect();
}

/**
 * Fills a topic of a new directory with `sequence`; `serve` is killed again and again, at the end within a produce. Answers how many
 * lines are acked.
 */
export async function killInProduce(directory: string, topic: string): Promise<number> {
  await createDirectoryWith(directory, topic);
  let ackedCount = 0;
  for (let life = 1; life < LIVES; life++) {
    const { bootstrap, kill } = await startServe(directory);
    const lines = sequence(ackedCount + KILLED_LINES).subarray(sequence(ackedCount).length);
    const produced = await streamctl(['produce', topic, '-b', bootstrap], { input: lines });
    assert.equal(produced.status, 0, produced.stderr);
    ackedCount += KILLED_LINES;
    await kill();
  }
  return ackedCount + (await killWithin(directory, topic, ackedCount));
}

async function createDirectoryWith(directory: string, topic: string): Promise<void> {
  const serving = await startServe(directory);
  await createTopic(['-b', serving.bootstrap], topic);
  assert.equal(await serving.stop(), 0);
}

/** Produces the lines behind the first `from`, and kills the server meanwhile; answers how many of them are acked. */
async function killWithin(directory: string, topic: string, from: number): Promise<number> {
  const serving = await startServe(directory);
  const args = [STREAMCTL, 'produce', topic, '-b', serving.bootstrap, '--receipts', '1'];
  const producer = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] });
  producer.stdin?.on('error', () => undefined);
  producer.stdin?.end(sequence(from + KILLED_LINES * 10).subarray(sequence(from).length));
  let receipts = '';
  const lines = () => Number(receipts.match(/.*"lines":(\d+)/s)?.[1] ?? 0);
  const isGone = once(serving.process, 'close');
  producer.stdout?.on('data', (chunk: Buffer) => {
    receipts += chunk.toString();
    if (lines() >= KILLED_LINES) serving.process.kill('SIGKILL');
  });
  await isGone;
  const isOver = once(producer, 'close');
  producer.kill('SIGKILL');
  await isOver;
  return lines();
}

let lineSeed = 0;

/** `key:value` lines over `keys` keys; some values are empty. */
function keyed(keys: number): string {
  const chance = new Prng(++lineSeed);
  const lines: string[] = [];
  for (let index = 0; index < LINES; index++) {
    const value =
      index % 13 === 5 ? '' : `${index}-${chance.between(0, 2 ** 31)}-${'x'.repeat(chance.between(0, 150))}`;
    lines.push(`k${chance.between(0, keys)}:${value}\n`);
  }
  return lines.join('');
}

function segmentBases(folder: string): number[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return names.map((name) => Number(name.slice(0, 20))).sort((a, b) => a - b);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < TRIES_MAX, what);
    await pause(50);
  }
}
