import assert from 'node:assert/strict';
import { ConnectionLost, Unreachable } from '../../src/client/client-error.ts';
import { topicsRequest } from '../../src/client/metadata.ts';
import { TcpTransport } from '../../src/client/tcp-transport.ts';
import { ANY_NODE } from '../../src/client/transport.ts';
import type { Env } from '../../src/kernel/env.ts';
import { InitProducerId, Metadata } from '../../src/protocol/apis/index.ts';
import { LoopbackBroker, type SeenFrame } from './loopback-broker.ts';
import { netEnv } from './test-env.ts';

const INIT = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 };

describe('TCP transport', () => {
  let env: Env;
  let one: LoopbackBroker;
  let two: LoopbackBroker;
  let transport: TcpTransport;
  let addresses: { host: string; port: number }[];

  beforeEach(async () => {
    env = netEnv();
    one = new LoopbackBroker();
    two = new LoopbackBroker();
    addresses = [await one.listen(), await two.listen()];
    for (const broker of [one, two]) {
      broker.offered = [Metadata, InitProducerId];
      broker.onFrame = (frame) => serve(frame, broker === one ? 1n : 2n);
    }
    transport = connectTo(addresses[0] as (typeof addresses)[0]);
  });

  afterEach(async () => {
    await transport.close();
    await one.close();
    await two.close();
  });

  function connectTo(...bootstrap: { host: string; port: number }[]): TcpTransport {
    return new TcpTransport(env, { bootstrap, clientId: 'tester', timeoutMs: 500 });
  }

  /** Both brokers are in the cluster, as 1 and 2; InitProducerId tells which one answered. */
  function serve(frame: SeenFrame, id: bigint): void {
    if (frame.apiKey === Metadata.key) {
      const brokers = addresses.map(({ host, port }, index) => ({ nodeId: index + 1, host, port }));
      frame.answer(Metadata, { brokers, topics: [] });
    } else {
      frame.answer(InitProducerId, { errorCode: 0, producerId: id, producerEpoch: 0 });
    }
  }

  async function askWho(nodeId: number, timeoutMs = 1000): Promise<number> {
    const reply = await transport.request(nodeId, InitProducerId, 4, INIT, timeoutMs);
    reply.release();
    return Number(reply.message.producerId);
  }

  it('finds nodes through the bootstrap address', async () => {
    assert.equal(await askWho(2), 2);
    assert.equal(await askWho(1), 1);
    assert.equal(await askWho(ANY_NODE), 1);
    assert.deepEqual((await transport.versions(2)).get(Metadata.key), Metadata.versions);
  });

  it('makes one connection for requests that come together, in order', async () => {
    const answers = await Promise.all([1, 1, 1, 1].map((node) => askWho(node)));
    assert.deepEqual(answers, [1, 1, 1, 1]);
    assert.equal(one.connectionCount, 1);
  });

  it('keeps what a group waits for from standing before other requests', async () => {
    assert.equal(await askWho(1), 1);
    const { onFrame, connectionCount } = one;
    let held: SeenFrame | undefined;
    one.onFrame = (frame) => {
      if (held === undefined) held = frame;
      else onFrame(frame);
    };
    const parked = transport.request(1, InitProducerId, 4, INIT, 1000, 'group');
    while (held === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(await askWho(1), 1);
    assert.equal(one.connectionCount, connectionCount + 1);
    assert.notEqual(held.socket, one.frames.at(-1)?.socket);
    onFrame(held);
    (await parked).release();
  });

  it('tries each bootstrap address', async () => {
    await transport.close();
    await one.close();
    transport = connectTo(...addresses);
    const reply = await transport.request(ANY_NODE, Metadata, 9, topicsRequest([]), 2000);
    assert.equal(reply.message.brokers.length, 2);
    reply.release();
  });

  it('connects again after a connection was lost', async () => {
    assert.equal(await askWho(1), 1);
    one.onFrame = ({ socket }) => socket.destroy();
    await assert.rejects(askWho(1), ConnectionLost);
    one.onFrame = (frame) => serve(frame, 1n);
    assert.equal(await askWho(1), 1);
    assert.equal(one.connectionCount, 2);
  });

  it('is unreachable when nobody answers within the time', async () => {
    await one.close();
    const startMs = env.clock.monotonicMs();
    await assert.rejects(transport.request(ANY_NODE, Metadata, 9, topicsRequest([]), 300), (error: Error) => {
      assert.ok(error instanceof Unreachable);
      assert.match(error.message, /nobody answers at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
      return true;
    });
    assert.ok(env.clock.monotonicMs() - startMs >= 290);
    await assert.rejects(transport.versions(ANY_NODE), Unreachable);
  });

  it('says at once that a node cannot be reached, so that another leader may be looked for', async () => {
    assert.equal(await askWho(2), 2);
    await two.close();
    await assert.rejects(askWho(2, 60_000), ConnectionLost);
    await assert.rejects(askWho(2, 60_000), { name: 'ConnectionLost', message: /broker 2 at .*cannot be reached/ });
    await assert.rejects(askWho(7, 60_000), { name: 'ConnectionLost', message: /broker 7 is not in the cluster/ });
  });

  it('rejects what is under way when it is closed, and what comes after', async () => {
    one.onFrame = (frame) => (frame.apiKey === Metadata.key ? serve(frame, 1n) : undefined);
    const request = askWho(1, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await transport.close();
    await assert.rejects(request, ConnectionLost);
    await assert.rejects(askWho(1), Unreachable);
  });
});
