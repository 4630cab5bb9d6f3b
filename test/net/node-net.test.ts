import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { realClock } from '../../src/cli/real-clock.ts';
import { protectSocket, shortSocketPath } from '../../src/disk/socket-path.ts';
import { ByteBudget } from '../../src/kernel/byte-budget.ts';
import type { Net, NetAddress, NetListener, NetSocket, SocketSink } from '../../src/kernel/env.ts';
import { SlabPool } from '../../src/kernel/slab-pool.ts';
import { FrameReader } from '../../src/net/frame-reader.ts';
import { nodeNet } from '../../src/net/node-net.ts';
import { bundledChild } from '../cli/bundled-child.ts';

const clock = realClock();

function netOf(input: 'onread' | 'copy'): Net {
  const socketPaths = {
    shorten: (path: string) => shortSocketPath(path, () => 'test'),
    protect: protectSocket,
  };
  return nodeNet({ clock, socketPaths, onAcceptError: () => undefined, input });
}

/** Collects into memory of an odd size, anew for each read. */
class Collector implements SocketSink {
  readonly chunks: Buffer[] = [];
  readonly ends: (Error | undefined)[] = [];
  readonly whenEnded: Promise<void>;
  #ended: () => void = () => undefined;
  #target = Buffer.alloc(0);
  readonly targetBytes: number;

  constructor(targetBytes = 777) {
    this.targetBytes = targetBytes;
    this.whenEnded = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  target(): Uint8Array {
    this.#target = Buffer.alloc(this.targetBytes);
    return this.#target;
  }

  received(byteCount: number): void {
    this.chunks.push(this.#target.subarray(0, byteCount));
  }

  ended(error?: Error): void {
    this.ends.push(error);
    this.#ended();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = clock.monotonicMs() + 5000;
  while (!condition()) {
    assert.ok(clock.monotonicMs() < deadlineMs, 'in time');
    await clock.sleep(2);
  }
}

function portOf({ address }: NetListener): number {
  assert.ok('port' in address);
  return address.port;
}

for (const input of ['onread', 'copy'] as const) {
  describe(`nodeNet, input by ${input}`, () => {
    const net = netOf(input);
    let folder = '';
    let listener: NetListener | undefined;
    const accepted: NetSocket[] = [];
    const dialled: NetSocket[] = [];

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'streamctl-net-'));
    });
    afterEach(async () => {
      for (const socket of [...accepted.splice(0), ...dialled.splice(0)]) socket.destroy();
      await listener?.close();
    });
    after(() => rmSync(folder, { recursive: true }));

    async function listen(
      onConnection: (socket: NetSocket) => void = () => undefined,
      address: NetAddress = { host: '127.0.0.1', port: 0 },
    ): Promise<NetListener> {
      listener = await net.listen(address, (socket) => {
        accepted.push(socket);
        onConnection(socket);
      });
      return listener;
    }

    async function dial(address: NetAddress): Promise<NetSocket> {
      const socket = await net.connect(address, 1000);
      dialled.push(socket);
      return socket;
    }

    it('carries bytes both ways and tells both ends', async () => {
      const atServer = new Collector();
      await listen((socket) => {
        socket.start(atServer);
        socket.write([Buffer.from('from '), Buffer.from('the server')]);
      });
      const atClient = new Collector();
      const client = await dial(listener!.address);
      client.start(atClient);
      client.write([Buffer.from('hello')]);
      await until(() => atServer.bytes.length === 5 && atClient.bytes.length === 15);
      assert.equal(atClient.bytes.toString(), 'from the server');
      assert.match(accepted[0]!.remote, /^127\.0\.0\.1:\d+$/);
      client.end();
      await Promise.all([atServer.whenEnded, atClient.whenEnded]);
      assert.deepEqual([atServer.ends, atClient.ends], [[undefined], [undefined]]);
    });

    it('delivers what arrived before the sink was there', async () => {
      await listen((socket) => socket.write([Buffer.from('early')]));
      const client = await dial(listener!.address);
      await clock.sleep(30);
      const sink = new Collector(2);
      client.start(sink);
      await until(() => sink.bytes.length === 5);
      assert.equal(sink.bytes.toString(), 'early');
    });

    it('fills the memory that the sink names, or copies there', async () => {
      const sink = new Collector(1 << 20);
      await listen((socket) => socket.start(sink));
      const client = await dial(listener!.address);
      const sent = Buffer.alloc(3_000_000, 'abcdefg');
      client.write([sent]);
      await until(() => sink.bytes.length === sent.length);
      assert.ok(sink.bytes.equals(sent));
      // Node's own chunks are no longer than this.
      const isKernels = sink.chunks.some((chunk) => chunk.length > 65_536);
      assert.equal(isKernels, input === 'onread');
    });

    it('writes vectors beyond IOV_MAX in order, and says when the kernel has them', async () => {
      const sink = new Collector(65_536);
      await listen((socket) => socket.start(sink));
      const client = await dial(listener!.address);
      const buffers = Array.from({ length: 5000 }, (_, index) => Buffer.from(`${index},`));
      let doneCount = 0;
      const done = (): void => {
        doneCount += 1;
      };
      client.write(buffers, done);
      client.write([Buffer.from('end')], done);
      const sent = `${buffers.map(String).join('')}end`;
      await until(() => sink.bytes.length === sent.length && doneCount === 2);
      assert.equal(sink.bytes.toString(), sent);
      assert.equal(client.pendingBytes, 0);
    });

    it('counts what a slow reader leaves pending, and goes on when it reads', async () => {
      const sink = new Collector(65_536);
      await listen((socket) => {
        socket.start(sink);
        socket.pause();
      });
      const client = await dial(listener!.address);
      const part = Buffer.alloc(1 << 20, 'x');
      let doneCount = 0;
      const done = (): void => {
        doneCount += 1;
      };
      for (let index = 0; index < 32; index += 1) client.write([part], done);
      await clock.sleep(50);
      assert.ok(client.pendingBytes > 0);
      assert.ok(doneCount < 32);
      const receivedBytes = sink.bytes.length;
      await clock.sleep(20);
      assert.equal(sink.bytes.length, receivedBytes, 'nothing comes while paused');
      accepted[0]!.resume();
      await until(() => sink.bytes.length === 32 << 20);
      await until(() => doneCount === 32);
    });

    it('calls each `done` when the connection is destroyed, also afterwards', async () => {
      await listen((socket) => {
        socket.start(new Collector());
        socket.pause();
      });
      const client = await dial(listener!.address);
      const sink = new Collector();
      client.start(sink);
      let doneCount = 0;
      const done = (): void => {
        doneCount += 1;
      };
      for (let index = 0; index < 20; index += 1) client.write([Buffer.alloc(1 << 20)], done);
      client.destroy();
      client.write([Buffer.alloc(1)], done);
      await sink.whenEnded;
      await until(() => doneCount === 21);
      assert.deepEqual(sink.ends, [undefined]);
    });

    it('sends what is queued before it ends, though the peer goes on sending', async () => {
      await listen((socket) => {
        socket.start(new Collector());
        socket.write([Buffer.alloc(4 << 20, 'y')]);
        socket.end();
        socket.write([Buffer.from('too late')]);
      });
      const client = await dial(listener!.address);
      const sink = new Collector(65_536);
      client.start(sink);
      client.write([Buffer.alloc(2 << 20)]);
      await sink.whenEnded;
      assert.deepEqual(sink.ends, [undefined]);
      assert.equal(sink.bytes.length, 4 << 20);
    });

    it('tells the sink of a reset with its error', async () => {
      const sink = new Collector();
      await listen((socket) => socket.start(sink));
      const raw = connect({ port: portOf(listener!), host: '127.0.0.1' });
      raw.on('error', () => undefined);
      await until(() => accepted.length === 1);
      raw.resetAndDestroy();
      await sink.whenEnded;
      assert.equal(sink.ends.length, 1);
      assert.equal((sink.ends[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
    });

    it('closes a connection whose sink throws, and no other', async () => {
      const ends: (Error | undefined)[] = [];
      await listen((socket) => {
        const target = Buffer.alloc(10);
        const received = (): never => {
          throw new RangeError('sink');
        };
        socket.start({ target: () => target, received, ended: (error) => ends.push(error) });
      });
      const client = await dial(listener!.address);
      client.write([Buffer.from('x')]);
      const sink = new Collector();
      client.start(sink);
      await sink.whenEnded;
      await until(() => ends.length === 1);
      assert.ok(ends[0] instanceof RangeError);
    });

    it('closes the listener while connections are open, and frees the port', async () => {
      const sink = new Collector();
      const { close } = await listen((socket) => socket.start(sink));
      const port = portOf(listener!);
      const client = await dial({ host: '127.0.0.1', port });
      await until(() => accepted.length === 1);
      await close();
      await close();
      await assert.rejects(net.connect({ host: '127.0.0.1', port }, 1000), { code: 'ECONNREFUSED' });
      client.write([Buffer.from('still there')]);
      await until(() => sink.bytes.length === 11);
      const again = await net.listen({ host: '127.0.0.1', port }, () => undefined);
      await again.close();
    });

    it('rejects a taken port, and a connection that is refused or not answered', async () => {
      await listen();
      await assert.rejects(
        net.listen(listener!.address, () => undefined),
        { code: 'EADDRINUSE' },
      );
      await assert.rejects(net.connect({ path: join(folder, 'nobody') }, 1000), { code: 'ENOENT' });
      const full = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 });
      await until(() => full.listening);
      full.close();
      await assert.rejects(net.connect({ host: '127.0.0.1', port: 1 }, 1000), { code: 'ECONNREFUSED' });
    });

    for (const [what, parts] of [
      ['short', ['s-17']],
      ['longer than the kernel takes', ['d'.repeat(120), 'e'.repeat(120), 's-17']],
    ] as const) {
      it(`listens on a Unix socket of mode 0600 at a path that is ${what}`, async () => {
        const path = join(folder, input, ...parts);
        mkdirSync(join(path, '..'), { recursive: true });
        const sink = new Collector();
        await listen((socket) => socket.start(sink), { path });
        assert.deepEqual(listener!.address, { path });
        const stat = statSync(path);
        assert.ok(stat.isSocket());
        assert.equal(stat.mode & 0o777, 0o600);
        const client = await dial({ path });
        assert.equal(client.remote, 'unix');
        client.write([Buffer.from('hi')]);
        await until(() => sink.bytes.length === 2);
        assert.equal(accepted[0]!.remote, 'unix');
        await listener!.close();
        assert.throws(() => statSync(path), { code: 'ENOENT' });
      });
    }

    it('gives the same frames as were sent, however they are cut', async () => {
      const pool = new SlabPool();
      const budget = new ByteBudget(3 << 20);
      const frames: Buffer[] = [];
      await listen((socket) => {
        const flow = { pause: () => socket.pause(), resume: () => socket.resume() };
        const limits = { pool, budget, frameBytesMax: () => 100 << 20 };
        socket.start(
          new FrameReader(
            { ...limits, ...flow },
            {
              frame: (slab) => {
                frames.push(Buffer.from(slab.bytes));
                // Some are answered later, so that the budget runs out.
                if (frames.length % 3 === 0) slab.release();
                else setTimeout(() => slab.release(), 1);
              },
              refused: (reason) => assert.fail(reason),
              ended: () => undefined,
            },
          ),
        );
      });
      const raw = connect({ port: portOf(listener!), host: '127.0.0.1', noDelay: true });
      const size = fc.oneof(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 2 << 20, max: 5 << 20 }),
      );
      const part = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1 << 20 }));
      await fc.assert(
        fc.asyncProperty(
          fc.array(size, { minLength: 1, maxLength: 5 }),
          fc.array(part, { minLength: 1, maxLength: 10 }),
          async (byteCounts, partBytes) => {
            frames.length = 0;
            const bodies = byteCounts.map((byteCount, index) =>
              Buffer.alloc(byteCount, `frame ${index} of ${byteCount},`),
            );
            await send(raw, Buffer.concat(bodies.flatMap((body) => [lengthOf(body), body])), partBytes);
            await until(() => frames.length === bodies.length);
            for (const [index, body] of bodies.entries()) assert.ok(frames[index]?.equals(body));
          },
        ),
        { numRuns: 25 },
      );
      raw.destroy();
      await until(() => budget.usedBytes === 0 && pool.outstandingCount === 0);
    });
  });
}

/** Writes `bytes` in parts of the given sizes over and over (as far as they make some 200 parts, then the rest). */
async function send(socket: Socket, bytes: Buffer, partBytes: readonly number[]): Promise<void> {
  let position = 0;
  for (let turn = 0; position < bytes.length; turn += 1) {
    const wanted = turn < 200 ? (partBytes[turn % partBytes.length] ?? 1) : bytes.length;
    const part = bytes.subarray(position, position + wanted);
    position += part.length;
    socket.write(part);
    if (turn % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (socket.writableNeedDrain) await new Promise((resolve) => socket.once('drain', resolve));
  }
}

function lengthOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return length;
}

describe('nodeNet without file descriptors', () => {
  it('goes on after it could not accept', function () {
    if (process.platform !== 'linux') this.skip();
    const program = bundledChild({ file: 'test/net/emfile.ts' });
    const run = spawnSync('sh', ['-c', `ulimit -n 60; exec '${process.execPath}' '${program.path}'`], {
      encoding: 'utf8',
      timeout: 10_000,
    });
    program.remove();
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^closed\nanswered afterwards\n$/);
  });
});
