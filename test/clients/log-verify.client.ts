/** `streamctl log verify` on what others wrote: a real Kafka's directory, and one of ours that kcat filled. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { verify } from '../../src/cli/log-verify.ts';
import { realEnv } from '../../src/cli/real-env.ts';
import type { Finding } from '../../src/kernel/finding.ts';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { Prng } from '../sim/prng.ts';
import { kafkaJars, startRealKafka } from './kafka-jars.ts';
import { kcat, run } from './peers.ts';
import { need, sequence } from './suite.ts';

/** Flips in the files of a real Kafka, of each kind. */
const FLIPS_EACH = Number(process.env['STREAMCTL_FLIPS'] ?? 20);

async function findingsOf(path: string): Promise<Finding[]> {
  const all: Finding[] = [];
  for await (const finding of verify(realEnv(), path, { deep: true })) all.push(finding);
  return all;
}

function wrong(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ severity }) => severity !== 'unchecked');
}

/** Every codec, small segments, transactions, a group: all kinds of files that a broker leaves. */
async function fill(bootstrap: string): Promise<void> {
  const client = new Kafka({ clientId: 'filler', brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  const configEntries = [
    { name: 'segment.bytes', value: '1048576' },
    { name: 'index.interval.bytes', value: '1000' },
  ];
  await admin.createTopics({ topics: [{ topic: 'events', numPartitions: 2, configEntries }] });
  await admin.disconnect();
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const args = ['-b', bootstrap, '-P', '-t', 'events', '-X', 'enable.idempotence=true', '-X', 'batch.size=20000'];
    const filled = await run(kcat(), [...args, '-X', 'linger.ms=5', '-z', codec], sequence(60_000));
    assert.equal(filled.status, 0, filled.stderr);
  }
  const producer = client.producer({ transactionalId: 'x', maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (const end of ['commit', 'abort'] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: 'events', messages: [{ value: end, partition: 0 }] });
    await transaction[end]();
  }
  await producer.disconnect();
  // The reader knows gzip alone.
  const plain = await run(kcat(), ['-b', bootstrap, '-P', '-t', 'plain'], sequence(2000));
  assert.equal(plain.status, 0, plain.stderr);
  const consumer = client.consumer({ groupId: 'readers' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'plain', fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    let count = 0;
    const eachMessage = async (): Promise<void> => {
      count += 1;
      if (count === 1000) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
}

describe('log verify on what others wrote', function () {
  this.timeout(600_000);

  before(function () {
    need(this, () => {
      kafkaJars();
      kcat();
    });
  });

  it('a real Kafka’s directory is clean, and a flipped byte is found where a checksum or another file contradicts it', () =>
    withFolder(async (folder) => {
      const kafka = await startRealKafka(join(folder, 'kafka'));
      try {
        await fill(kafka.bootstrap);
      } finally {
        await kafka.stop();
      }
      const data = join(folder, 'kafka', 'data');
      const whole = await findingsOf(data);
      assert.deepEqual(wrong(whole), []);
      console.log(
        `      unchecked: ${[...new Set(whole.map(({ rule, file }) => `${rule}: ${basename(file)}`))].join('; ')}`,
      );
      const chance = new Prng(99);
      const missed: string[] = [];
      const files = readdirSync(join(data, 'events-0')).map((name) => join(data, 'events-0', name));
      for (const suffix of ['.log', '.index', '.timeindex', '.snapshot', 'leader-epoch-checkpoint']) {
        const kind = files.filter((file) => file.endsWith(suffix) && statSync(file).size > 0);
        for (let flip = 0; flip < FLIPS_EACH && kind.length > 0; flip += 1) {
          const path = kind[chance.between(0, kind.length - 1)] ?? '';
          const content = readFileSync(path);
          const flipped = Buffer.from(content);
          const position = chance.between(0, content.length - 1);
          flipped[position] = (flipped[position] ?? 0) ^ chance.between(1, 255);
          writeFileSync(path, flipped);
          const found = await findingsOf(join(data, 'events-0'));
          if (wrong(found).length === 0) missed.push(`${path.slice(data.length)} at ${position} of ${content.length}`);
          writeFileSync(path, content);
        }
      }
      console.log(`      ${FLIPS_EACH} flips in each kind of file; not found: ${missed.join('; ') || 'none'}`);
      assert.deepEqual(
        missed.filter((text) => text.includes('.log')),
        [],
      );
    }));

  it('a directory of ours that kcat filled is clean', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'dir');
      const serving = await startServe(directory);
      await streamctl(['topics', 'create', 'events', '--dir', directory, '--config', 'segment.bytes=1048576']);
      for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
        const args = ['-b', serving.bootstrap, '-P', '-t', 'events', '-X', 'enable.idempotence=true', '-z', codec];
        const filled = await run(kcat(), args, sequence(60_000));
        assert.equal(filled.status, 0, filled.stderr);
      }
      assert.deepEqual(wrong(await findingsOf(directory)), []);
      assert.equal(await serving.stop(), 0);
      assert.deepEqual(await findingsOf(directory), []);
    }));
});
