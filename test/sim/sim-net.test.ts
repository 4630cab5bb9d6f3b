import assert from 'node:assert/strict';
import type { NetSocket, SocketSink } from '../../src/kernel/env.ts';
import { SimMachine } from './sim-machine.ts';
import { World } from './sim-world.ts';

class Collector implements SocketSink {
  readonly #target = Buffer.alloc(1000);
  readonly parts: Buffer[] = [];
  endings: (Error | undefined)[] = [];

  target(): Uint8Array {
    return this.#target;
  }

  received(byteCount: number): void {
    this.parts.push(Buffer.from(this.#target.subarray(0, byteCount)));
  }

  ended(error?: Error): void {
    this.endings.push(error);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** A server that keeps what it accepted, and a client connected to it. */
async function connected(seed: number, path = '/s'): Promise<Connected> {
  const world = new World({ seed });
  const machine = new SimMachine(world, 'm');
  let server: NetSocket | undefined;
  let client: NetSocket | undefined;
  const serving = machine.spawn('server', async ({ env }) => {
    await env.net.listen({ path }, (socket) => {
      server = socket;
    });
    return new Promise(() => undefined);
  });
  await world.run(() => machine.files.find(path) !== undefined, 1000);
  const calling = machine.spawn('client', async ({ env }) => {
    client = await env.net.connect({ path }, 1000);
    return new Promise(() => undefined);
  });
  await world.run(() => server !== undefined && client !== undefined, 1000);
  if (server === undefined || client === undefined) throw new Error('not connected');
  return { world, machine, server, client, serving: serving.process, calling: calling.process };
}

interface Connected {
  readonly world: World;
  readonly machine: SimMachine;
  readonly server: NetSocket;
  readonly client: NetSocket;
  readonly serving: import('./sim-process.ts').SimProcess;
  readonly calling: import('./sim-process.ts').SimProcess;
}

const MESSAGE = Buffer.from(Array.from({ length: 20_000 }, (_, at) => at % 251));

describe('sim: net', () => {
  it('bytes arrive in order, in pieces of any size, then the end', async () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const { world, server, client } = await connected(seed);
      const sink = new Collector();
      server.start(sink);
      client.start(new Collector());
      let done = 0;
      for (let at = 0; at < 10; at++) client.write([MESSAGE.subarray(0, 100), MESSAGE], () => done++);
      client.end();
      await world.run(() => false, 5000);
      assert.ok(sink.bytes.equals(Buffer.concat(Array(10).fill(Buffer.concat([MESSAGE.subarray(0, 100), MESSAGE])))));
      assert.deepEqual(sink.endings, [undefined]);
      assert.equal(done, 10);
      for (const part of sink.parts) sizes.add(part.length);
    }
    assert.ok(sizes.size > 20);
  });

  it('a reader that pauses stops the writer, whose bytes stay pending', async () => {
    const { world, server, client } = await connected(1);
    const sink = new Collector();
    server.start(sink);
    server.pause();
    let done = false;
    client.write([Buffer.alloc(1_000_000, 1)], () => {
      done = true;
    });
    await world.run(() => false, 1000);
    assert.ok(client.pendingBytes > 500_000 && !done);
    server.resume();
    await world.run(() => done, 1000);
    assert.equal(client.pendingBytes, 0);
    await world.run(() => sink.bytes.length === 1_000_000, 1000);
    assert.equal(sink.bytes.length, 1_000_000);
  });

  it('a break is told to both ends once, and a write after it completes', async () => {
    const { world, machine, server, client } = await connected(1);
    const sinks = [new Collector(), new Collector()] as const;
    server.start(sinks[0]);
    client.start(sinks[1]);
    machine.network.connections()[0]?.break('ECONNRESET');
    let done = false;
    client.write([MESSAGE], () => {
      done = true;
    });
    await world.run(() => false, 1000);
    for (const { endings } of sinks) assert.deepEqual(endings.map(String), ['Error: ECONNRESET: read']);
    assert.ok(done);
    assert.deepEqual(machine.network.connections(), []);
  });

  it('the death of a process ends its connections and frees its addresses; its socket file stays', async () => {
    const { world, machine, client, serving } = await connected(1);
    const sink = new Collector();
    client.start(sink);
    serving.kill('test');
    await world.run(() => sink.endings.length > 0, 1000);
    assert.equal(sink.endings.length, 1);
    const codes: string[] = [];
    machine.spawn('next', async ({ env }) => {
      await env.net.connect({ path: '/s' }, 100).catch((error: Error & { code: string }) => codes.push(error.code));
      await env.net.connect({ path: '/none' }, 100).catch((error: Error & { code: string }) => codes.push(error.code));
      await env.net
        .listen({ path: '/s' }, () => undefined)
        .catch((error: Error & { code: string }) => codes.push(error.code));
      return 0;
    });
    await world.run(() => codes.length === 3, 1000);
    assert.deepEqual(codes, ['ECONNREFUSED', 'ENOENT', 'EADDRINUSE']);
  });

  it('a stopped process accepts nothing, yet connecting to it succeeds', async () => {
    const { world, machine, serving } = await connected(1);
    serving.pause();
    let isConnected = false;
    machine.spawn('next', async ({ env }) => {
      await env.net.connect({ path: '/s' }, 1000);
      isConnected = true;
      return new Promise(() => undefined);
    });
    await world.run(() => false, 500);
    assert.ok(isConnected);
  });
});
