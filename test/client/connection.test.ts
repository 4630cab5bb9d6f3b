import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { ConnectionLost } from '../../src/client/client-error.ts';
import { Connection } from '../../src/client/connection.ts';
import { topicsRequest } from '../../src/client/metadata.ts';
import type { Env } from '../../src/kernel/env.ts';
import { InitProducerId, Metadata, Produce } from '../../src/protocol/apis/index.ts';
import { LoopbackBroker, type SeenFrame } from './loopback-broker.ts';
import { netEnv } from './test-env.ts';

const CLUSTER = { brokers: [], clusterId: 'c', topics: [] };
const INIT = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 };

describe('connection', () => {
  let broker: LoopbackBroker;
  let env: Env;
  let address: { host: string; port: number };
  const opened: Connection[] = [];

  beforeEach(async () => {
    env = netEnv();
    broker = new LoopbackBroker();
    broker.offered = [Metadata, InitProducerId];
    address = await broker.listen();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((connection) => connection.close()));
    await broker.close();
  });

  async function open(options: { connectTimeoutMs?: number } = {}): Promise<Connection> {
    const connection = await Connection.open(env, address, { clientId: 'tester', connectTimeoutMs: 5000, ...options });
    opened.push(connection);
    return connection;
  }

  it('learns what the broker offers', async () => {
    const connection = await open();
    assert.deepEqual(connection.versions.get(Metadata.key), Metadata.versions);
    assert.equal(connection.versions.has(Produce.key), false);
    assert.equal(broker.frames.length, 1);
    assert.equal(broker.frames[0]?.clientId, 'tester');
  });

  for (const max of [0, 2, 3]) {
    it(`falls back to ApiVersions ${max} where the broker knows no more`, async () => {
      broker.apiVersionsMax = max;
      const connection = await open();
      assert.deepEqual(connection.versions.get(Metadata.key), Metadata.versions);
      assert.deepEqual(
        broker.frames.map((frame) => frame.apiVersion),
        [4, max],
      );
    });
  }

  it('matches answers to requests that went out together', async () => {
    const held: SeenFrame[] = [];
    broker.onFrame = (frame) => {
      held.push(frame);
      if (held.length < 3) return;
      for (const [index, { answer }] of held.entries()) {
        answer(InitProducerId, { errorCode: 0, producerId: BigInt(index), producerEpoch: 0 });
      }
    };
    const connection = await open();
    const replies = await Promise.all([0, 1, 2].map(() => connection.request(InitProducerId, 4, INIT, 5000)));
    assert.deepEqual(
      replies.map(({ message }) => message.producerId),
      [0n, 1n, 2n],
    );
    for (const { release } of replies) release();
  });

  it('gives all requests without an answer up when the connection ends', async () => {
    broker.onFrame = (frame) => frame.socket.destroy();
    const connection = await open();
    const requests = [1, 2].map(() => connection.request(Metadata, 9, topicsRequest([]), 5000));
    for (const request of requests) await assert.rejects(request, ConnectionLost);
    await connection.whenEnded;
    assert.equal(connection.ended, true);
    await assert.rejects(connection.request(Metadata, 9, topicsRequest([]), 5000), ConnectionLost);
  });

  it('ends when an answer does not come in time, since none behind it can', async () => {
    const connection = await open();
    const first = connection.request(Metadata, 9, topicsRequest([]), 50);
    const second = connection.request(Metadata, 9, topicsRequest([]), 60_000);
    await assert.rejects(first, { name: 'ConnectionLost', message: /did not answer Metadata within 50 ms/ });
    await assert.rejects(second, ConnectionLost);
  });

  it('ends at an answer to a request that it did not send', async () => {
    broker.onFrame = (frame) => {
      frame.answer(Metadata, CLUSTER);
      frame.answer(Metadata, CLUSTER);
    };
    const connection = await open();
    (await connection.request(Metadata, 9, topicsRequest([]), 5000)).release();
    await connection.whenEnded;
    assert.equal(connection.ended, true);
  });

  it('ends at an answer that cannot be read', async () => {
    broker.onFrame = ({ socket, correlationId }) => {
      const frame = Buffer.alloc(20, 0xff);
      frame.writeInt32BE(16, 0);
      frame.writeInt32BE(correlationId, 4);
      socket.write(frame);
    };
    const connection = await open();
    await assert.rejects(connection.request(Metadata, 9, topicsRequest([]), 5000), {
      name: 'ConnectionLost',
      message: /unreadable answer to Metadata/,
    });
    assert.equal(connection.ended, true);
  });

  it('says so when the other side does not speak Kafka', async () => {
    const server = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await assert.rejects(
      Connection.open(env, { host: '127.0.0.1', port }, { clientId: 'x', connectTimeoutMs: 5000 }),
      ConnectionLost,
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('bounds connect and handshake together', async () => {
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    await assert.rejects(
      Connection.open(env, { host: '127.0.0.1', port }, { clientId: 'x', connectTimeoutMs: 100 }),
      ConnectionLost,
    );
    await new Promise((resolve) => silent.close(resolve));
  });

  it('does not wait for an answer to acks 0', async () => {
    const arrived = new Promise<SeenFrame>((resolve) => {
      broker.onFrame = resolve;
    });
    const connection = await open();
    const message = { transactionalId: null, acks: 0, timeoutMs: 1, topicData: [] };
    const reply = await connection.request(Produce, 9, message, 5000);
    assert.deepEqual(reply.message.responses, []);
    assert.equal((await arrived).apiKey, Produce.key);
  });
});
