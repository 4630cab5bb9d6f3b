/** Thousands of connections that do nothing, and thousands that come and go: what they cost, and what they leave behind. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawProducer } from '../helpers/raw-producer.ts';
import { type Serving, startServe, withFolder } from '../helpers/streamctl.ts';

const IDLE_COUNT = Number(process.env['STREAMCTL_IDLE'] ?? 10_000);
const CYCLE_COUNT = Number(process.env['STREAMCTL_CYCLES'] ?? 5000);
const IDLE_BYTES_MAX = 20_000;
const IDLE_WATCH_MS = 10_000;
const TICKS_PER_SECOND = 100;
const LIMITS = [
  'max.connections=20000',
  'max.connections.per.ip=20000',
  'max.connection.creation.rate=100000',
  'streamctl.first.frame.ms=600000',
].flatMap((assignment) => ['-X', assignment]);

interface Cost {
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly descriptorCount: number;
}

function costOf({ process: child }: Serving): Cost {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    rssBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024,
    cpuMs: ((Number(stat[11]) + Number(stat[12])) * 1000) / TICKS_PER_SECOND,
    descriptorCount: readdirSync(`/proc/${child.pid}/fd`).length,
  };
}

function open(bootstrap: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(bootstrap.split(':')[1]) });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

function close(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.resume();
    socket.end();
  });
}

async function openMany(bootstrap: string, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const wanted = Math.min(100, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: wanted }, () => open(bootstrap)))));
  }
  return sockets;
}

/** Connections that are opened, carry one request of a proper client each tenth time, and end. */
async function cycle(bootstrap: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += 20) {
    const sockets = await openMany(bootstrap, Math.min(20, count - done));
    const client = await RawProducer.open(bootstrap);
    await client.identity();
    client.close();
    await Promise.all(sockets.map((socket, index) => (index % 2 === 0 ? close(socket) : void socket.destroy())));
  }
  await sleep(3000);
}

function tell(line: object): void {
  console.log(`      ${JSON.stringify(line)}`);
  const folder = process.env['STREAMCTL_RESULTS'];
  if (folder !== undefined) appendFileSync(`${folder}/connections.ndjson`, `${JSON.stringify(line)}\n`);
}

function openFilesMax(): number {
  return Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

describe('connections', function () {
  this.timeout(300_000);

  // What they cost of a core is told and not judged: that depends on the machine and on who else uses it.
  it(`${IDLE_COUNT} that are idle cost at most ${IDLE_BYTES_MAX} bytes each`, function () {
    if (openFilesMax() < IDLE_COUNT + 200) {
      console.log(`      NOT RUN: ULIMIT -N IS ${openFilesMax()}, TOO FEW FOR ${IDLE_COUNT} CONNECTIONS`);
      return this.skip();
    }
    return withFolder(async (folder) => {
      const serving = await startServe(folder, ...LIMITS);
      await cycle(serving.bootstrap, 200);
      const before = costOf(serving);
      const sockets = await openMany(serving.bootstrap, IDLE_COUNT);
      await sleep(2000);
      const opened = costOf(serving);
      await sleep(IDLE_WATCH_MS);
      const after = costOf(serving);
      const bytesEach = Math.round((after.rssBytes - before.rssBytes) / IDLE_COUNT);
      const cpuPercent = ((after.cpuMs - opened.cpuMs) * 100) / IDLE_WATCH_MS;
      tell({ idle: IDLE_COUNT, bytesEach, cpuPercent, descriptors: after.descriptorCount - before.descriptorCount });
      assert.equal(after.descriptorCount - before.descriptorCount, IDLE_COUNT);
      for (const socket of sockets) socket.destroy();
      await serving.stop();
      assert.ok(bytesEach <= IDLE_BYTES_MAX, `${bytesEach} bytes each`);
    });
  });

  it(`${CYCLE_COUNT} that come and go leave no descriptor and no memory behind`, () =>
    withFolder(async (folder) => {
      const serving = await startServe(folder, ...LIMITS);
      const rounds: Cost[] = [];
      for (let round = 0; round < 3; round += 1) {
        await cycle(serving.bootstrap, CYCLE_COUNT);
        rounds.push(costOf(serving));
      }
      await serving.stop();
      const [first, second, third] = rounds;
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      const rssMiB = rounds.map(({ rssBytes }) => Math.round(rssBytes / (1 << 20)));
      tell({ cycles: CYCLE_COUNT, rssMiB, descriptors: rounds.map(({ descriptorCount }) => descriptorCount) });
      assert.equal(third.descriptorCount, first.descriptorCount);
      // The first rounds fill the heap's young generation and the allocator; a leak of 1 KiB each would show as 5 MiB a round.
      assert.ok(third.rssBytes - second.rssBytes < CYCLE_COUNT * 1024, `${rssMiB.join(', ')} MiB`);
    }));
});
