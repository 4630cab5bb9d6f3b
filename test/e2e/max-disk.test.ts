/** A cap on a directory's size: kept in it, obeyed by serve and by commands that work without one. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';

const MIB = 1 << 20;
const CAP_BYTES = 64 * MIB;
const LINE_BYTES = 1000;

function bytesBelow(path: string): number {
  let bytes = 0;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    // Room may be made meanwhile.
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** Lines `<number> ...` of 1000 bytes. */
function lines(from: number, count: number): string {
  return Array.from({ length: count }, (_, at) => `${`${from + at} `.padEnd(LINE_BYTES - 1, '.')}\n`).join('');
}

function produce(directory: string, topic: string, input: string, timeout = '20s') {
  return streamctl(['produce', topic, '--create', '-q', '--timeout', timeout, '--dir', directory], { input });
}

/** The numbers of the lines that are left, which are the last ones, without a gap. */
async function numbersLeft(directory: string, topic: string): Promise<readonly [number, number]> {
  const read = await streamctl(['consume', topic, '-e', '--dir', directory]);
  assert.equal(read.status, EXIT.ok, read.stderr);
  const numbers = read.stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.slice(0, line.indexOf(' '))));
  const [first = -1] = numbers;
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, at) => first + at),
  );
  return [first, numbers.at(-1) ?? -1];
}

/** Somebody else's file below the broker's folder, which nobody may delete. */
function stuff(directory: string, bytes: number): () => void {
  const folder = join(directory, 'brokers/1/cut');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'stuffing'), Buffer.alloc(bytes));
  return () => rmSync(join(folder, 'stuffing'));
}

/** Calls `use` with a folder and a way to start servers over it, none of which outlives the call. */
function withServers(use: (directory: string, start: (...flags: string[]) => Promise<Serving>) => Promise<void>) {
  return withFolder(async (directory) => {
    const servers: Serving[] = [];
    const start = async (...flags: string[]): Promise<Serving> => {
      const server = await startServe(directory, ...flags);
      servers.push(server);
      return server;
    };
    try {
      await use(directory, start);
    } finally {
      await Promise.all(servers.map((server) => server.kill()));
    }
  });
}

describe('e2e: a cap on the directory', function () {
  this.timeout(180_000);

  it('the oldest segments of two topics go; the cap outlives the server, a kill and is taken away by its flag', () =>
    withServers(async (directory, start) => {
      const server = await start('--max-disk', '64M');
      for (const [topic, from] of [
        ['a', 0],
        ['b', 0],
        ['a', 30_000],
        ['b', 30_000],
      ] as const) {
        const done = await produce(directory, topic, lines(from, 30_000));
        assert.equal(done.status, EXIT.ok, done.stderr);
        assert.ok(bytesBelow(directory) <= CAP_BYTES, `${bytesBelow(directory)} bytes`);
      }
      for (const topic of ['a', 'b']) {
        const [first, last] = await numbersLeft(directory, topic);
        assert.ok(first > 0, `${topic} begins with ${first}`);
        assert.equal(last, 59_999);
      }
      assert.ok((await numbersLeft(directory, 'b'))[0] <= 30_000, 'what is newer stays longer');
      await server.kill();
      assert.equal((await produce(directory, 'a', lines(60_000, 20_000))).status, EXIT.ok);
      assert.ok(bytesBelow(directory) <= CAP_BYTES, `after a kill: ${bytesBelow(directory)} bytes`);
      assert.equal((await produce(directory, 'a', lines(80_000, 20_000))).status, EXIT.ok);
      assert.ok(bytesBelow(directory) <= CAP_BYTES, `without a server: ${bytesBelow(directory)} bytes`);
      assert.equal((await numbersLeft(directory, 'a'))[1], 99_999);

      const again = await start();
      assert.equal((await produce(directory, 'b', lines(60_000, 20_000))).status, EXIT.ok);
      assert.ok(bytesBelow(directory) <= CAP_BYTES, `after a restart: ${bytesBelow(directory)} bytes`);
      assert.equal(await again.stop(), EXIT.ok);
      const free = await start('--max-disk', 'none');
      assert.equal((await produce(directory, 'b', lines(80_000, 30_000))).status, EXIT.ok);
      assert.ok(bytesBelow(directory) > CAP_BYTES);
      assert.equal(await free.stop(), EXIT.ok);
    }));

  it('holds through a hand-over in the middle of a produce', () =>
    withServers(async (directory, start) => {
      assert.equal(await (await start('--max-disk', '64M')).stop(), EXIT.ok);
      const producing = produce(directory, 't', lines(0, 150_000));
      while (!existsSync(join(directory, 'brokers/1/log/t-0'))) await new Promise((done) => setTimeout(done, 20));
      const server = await start();
      const done = await producing;
      assert.equal(done.status, EXIT.ok, done.stderr);
      assert.ok(bytesBelow(directory) <= CAP_BYTES, `${bytesBelow(directory)} bytes`);
      const [first, last] = await numbersLeft(directory, 't');
      assert.deepEqual([first > 0, last], [true, 149_999]);
      assert.equal(await server.stop(), EXIT.ok);
      const verified = await streamctl(['log', 'verify', directory]);
      assert.equal(verified.status, EXIT.ok, verified.stdout.toString() + verified.stderr);
    }));

  it('a lower cap is met by itself, segments that were made without one too', () =>
    withServers(async (directory, start) => {
      assert.equal((await produce(directory, 't', lines(0, 70_000))).status, EXIT.ok);
      const server = await start('--max-disk', '64MiB');
      const until = Date.now() + 20_000;
      while (bytesBelow(directory) > CAP_BYTES && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
      assert.ok(bytesBelow(directory) <= CAP_BYTES, `${bytesBelow(directory)} bytes`);
      assert.equal((await produce(directory, 't', lines(70_000, 1000))).status, EXIT.ok);
      assert.equal((await numbersLeft(directory, 't'))[1], 70_999);
      assert.equal(await server.stop(), EXIT.ok);
    }));

  for (const isServed of [true, false]) {
    it(`with nothing left to delete produce is refused, with room it goes on; ${isServed ? 'by' : 'without'} a server`, () =>
      withServers(async (directory, start) => {
        const first = await start('--max-disk', '64M');
        assert.equal((await produce(directory, 'kept', lines(0, 2000))).status, EXIT.ok);
        assert.equal((await produce(directory, 'other', lines(0, 2000))).status, EXIT.ok);
        if (!isServed) assert.equal(await first.stop(), EXIT.ok);
        const takeAway = stuff(directory, 53 * MIB);
        // What others put there is seen when it is counted, as after an unclean end or from near the cap on.
        if (isServed) {
          await first.kill();
          stuff(directory, 53 * MIB);
        } else {
          rmSync(join(directory, 'brokers/1/log/.kafka_cleanshutdown'));
        }
        const server = isServed ? await start() : undefined;
        const refused = await produce(directory, 'kept', lines(2000, 1000), '2s');
        assert.equal(refused.status, EXIT.runtime, refused.stderr);
        const reasons = refused.stderr.match(/^streamctl produce: .*$/gm) ?? [];
        assert.equal(reasons.length, 1, refused.stderr);
        assert.match(reasons[0] ?? '', /has reached its cap of 67108864 bytes .*\(KAFKA_STORAGE_ERROR\)/);
        assert.deepEqual(await numbersLeft(directory, 'kept'), [0, 1999], 'it is read all the same');
        assert.equal((await streamctl(['topics', 'delete', 'other', '--dir', directory])).status, EXIT.ok);
        const done = await produce(directory, 'kept', lines(2000, 1000));
        assert.equal(done.status, EXIT.ok, done.stderr);
        assert.deepEqual(await numbersLeft(directory, 'kept'), [0, 2999]);
        takeAway();
        if (server !== undefined) assert.equal(await server.stop(), EXIT.ok);
      }));
  }

  it('a size that is none, or too small, is wrong usage', () =>
    withFolder(async (directory) => {
      for (const size of ['much', '1M', '-1']) {
        const refused = await streamctl(['serve', '--dir', directory, '--listen', '127.0.0.1:0', `--max-disk=${size}`]);
        assert.equal(refused.status, EXIT.usage, refused.stderr);
        assert.match(refused.stderr, /--max-disk/);
      }
    }));
});
