/** A broker on real sockets and real files: what message objects and sockets in memory do not show. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerSettings } from '../../src/broker/broker-settings.ts';
import { realEnv } from '../../src/cli/real-env.ts';
import { type RunningServer, startServer } from '../../src/cli/start-server.ts';
import { Fetch, Metadata } from '../../src/protocol/apis/index.ts';
import { errorName } from '../../src/protocol/errors.ts';
import type { RequestInput } from '../../src/protocol/schema.ts';
import { batchOf, NO_PRODUCER, RawProducer } from '../helpers/raw-producer.ts';
import { batchCount } from './broker-in-world.ts';
import { frameOf } from './fake-socket.ts';

const MIB = 1 << 20;

async function withServer(
  program: (server: RunningServer, bootstrap: string) => Promise<void>,
  assignments: readonly string[] = [],
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'broker-sockets-'));
  const server = await startServer(realEnv({ quiet: true }), {
    directory,
    listen: [{ host: '127.0.0.1', port: 0 }],
    settings: brokerSettings({ assignments }),
    timeoutMs: 10_000,
    note: () => undefined,
  });
  try {
    await program(server, `127.0.0.1:${server.addresses[0]?.port}`);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true });
  }
}

function fetchOf(topic: string, fetchOffset: number, maxWaitMs: number): RequestInput<typeof Fetch> {
  const partitions = [{ partition: 0, fetchOffset: BigInt(fetchOffset), partitionMaxBytes: 50 * MIB }];
  return { maxWaitMs, minBytes: 1, sessionEpoch: -1, topics: [{ topic, partitions }] };
}

async function withTopic(bootstrap: string, topic: string): Promise<RawProducer> {
  const client = await RawProducer.open(bootstrap);
  await client.request(Metadata, 9, { topics: [{ name: topic }] });
  return client;
}

function open(bootstrap: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(bootstrap.split(':')[1]) });
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

describe('broker on sockets', () => {
  it('keeps the order of what is sent in one go, and answers all of it', () =>
    withServer(async (_, bootstrap) => {
      const client = await withTopic(bootstrap, 't');
      const value = Buffer.alloc(500_000, 'x');
      const sent = Array.from({ length: 40 }, (_, index) =>
        client.produce('t', batchOf([value], NO_PRODUCER, -1), index % 3 === 0 ? 1 : -1),
      );
      const answers = await Promise.all(sent);
      assert.deepEqual(
        answers.map(({ errorCode, baseOffset }) => `${errorName(errorCode)} ${baseOffset}`),
        answers.map((_, index) => `NONE ${index}`),
      );
      let readCount = 0;
      while (readCount < 40) {
        const newCount = batchCount(await client.request(Fetch, 11, fetchOf('t', readCount, 0)));
        assert.ok(newCount > 0);
        readCount += newCount;
      }
      assert.equal(readCount, 40);
      client.close();
    }));

  it('holds an answer back behind a fetch that waits, and appends meanwhile', () =>
    withServer(async (_, bootstrap) => {
      const client = await withTopic(bootstrap, 't');
      const other = await RawProducer.open(bootstrap);
      const order: string[] = [];
      const waiting = client.request(Fetch, 11, fetchOf('t', 0, 20_000)).then(() => order.push('fetch'));
      const behind = client
        .produce('t', batchOf([Buffer.from('a')], NO_PRODUCER, -1))
        .then(() => order.push('produce'));
      await Promise.all([waiting, behind]);
      assert.deepEqual(order, ['fetch', 'produce']);
      assert.equal(batchCount(await other.request(Fetch, 11, fetchOf('t', 0, 0))), 1);
      client.close();
      other.close();
    }));

  it('stops although connections are open, idle, half a frame in or waiting', () =>
    withServer(async (server, bootstrap) => {
      const client = await withTopic(bootstrap, 't');
      const half = await open(bootstrap);
      half.write(Buffer.from([0, 0, 1]));
      await open(bootstrap);
      const waiting = client.request(Fetch, 11, fetchOf('t', 0, 60_000));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const startMs = performance.now();
      await server.stop();
      assert.ok(performance.now() - startMs < 4000);
      assert.equal(batchCount(await waiting), 0);
    }));

  it('survives clients that leave in the middle of anything', () =>
    withServer(async (_, bootstrap) => {
      const client = await withTopic(bootstrap, 't');
      await client.produce('t', batchOf([Buffer.alloc(MIB / 2)], NO_PRODUCER, -1));
      const produce = frameOf(Fetch, 11, 1, fetchOf('t', 0, 0));
      for (let index = 0; index < 30; index += 1) {
        const socket = await open(bootstrap);
        socket.write(index % 3 === 0 ? produce.subarray(0, 10 + index) : produce);
        if (index % 2 === 0) socket.destroy();
        else setImmediate(() => socket.destroy());
      }
      assert.equal(batchCount(await client.request(Fetch, 11, fetchOf('t', 0, 0))), 1);
      client.close();
    }));

  it('serves others with bounded memory while readers do not read what they asked for', () =>
    withServer(async (_, bootstrap) => {
      const client = await withTopic(bootstrap, 't');
      for (let index = 0; index < 60; index += 1) {
        await client.produce('t', batchOf([Buffer.alloc(900_000, index)], NO_PRODUCER, -1), 1);
      }
      const before = process.memoryUsage().arrayBuffers;
      const readers: Socket[] = [];
      for (let index = 0; index < 40; index += 1) {
        const reader = await open(bootstrap);
        reader.pause();
        for (let times = 0; times < 5; times += 1) reader.write(frameOf(Fetch, 11, times, fetchOf('t', 0, 0)));
        readers.push(reader);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      const startMs = performance.now();
      assert.equal(batchCount(await client.request(Fetch, 11, fetchOf('t', 59, 0))), 1);
      assert.ok(performance.now() - startMs < 5000);
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 320 * MIB, `${Math.round(grown / MIB)} MiB more`);
      for (const reader of readers) reader.destroy();
      client.close();
    }));
});
