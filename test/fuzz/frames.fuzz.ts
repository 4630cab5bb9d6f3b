/** Changed frames on live sockets of the built program: it lives, its memory stays flat, and a healthy client hardly notices. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { API_BY_KEY } from '../../src/protocol/apis/index.ts';
import { batchOf, NO_PRODUCER, RawProducer } from '../helpers/raw-producer.ts';
import { type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { type FrameRow, NO_API, noAnswers } from './frame-answers.ts';
import { Flatness, tell, tellTable } from './result-line.ts';

const FRAME_COUNT = Number(process.env['STREAMCTL_FRAMES'] ?? 20_000);
const SEED = Number(process.env['STREAMCTL_SEED'] ?? 1);
/** What the machine can do is not the question: above it, all wait for the processor, and not for what a frame does. */
const FRAMES_PER_SECOND = Number(process.env['STREAMCTL_FRAMES_PER_SECOND'] ?? 1000);
const WARM_UP_FRAMES = 2000;
/** Below that an API may have been left out by chance. */
const ALL_APIS_FRAMES = 20_000;
const BEFORE_MS = 4000;
const HEALTHY_PAUSE_MS = 5;
const RSS_GROWTH_BYTES_MAX = 96 << 20;
const P99_FACTOR_MAX = 2;
/** Below that a p99 of a machine that others use too says nothing. */
const P99_FLOOR_MS = 10;
const LIMITS = [
  'max.connection.creation.rate=100000',
  'max.connections.per.ip=20000',
  'auto.create.topics.enable=false',
];

function rssBytes({ process: child }: Serving): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Changed frames from a process of their own; resolves when all were sent, with what came back by API. */
async function attack(bootstrap: string, seed: number, frameCount: number): Promise<Record<string, FrameRow>> {
  const path = fileURLToPath(new URL('frame-attacker.ts', import.meta.url));
  const numbers = [Number(bootstrap.split(':')[1]), seed, frameCount, FRAMES_PER_SECOND];
  const args = ['--import=tsx', path, ...numbers.map(String)];
  const attacker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Buffer[] = [];
  attacker.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  const [status] = await once(attacker, 'close');
  assert.equal(status, 0);
  return JSON.parse(Buffer.concat(said).toString()) as Record<string, FrameRow>;
}

/** A row for every API that is served, and one for what is none. */
function tableOf(rows: Readonly<Record<string, FrameRow>>): Map<string, FrameRow> {
  const names = [...API_BY_KEY.values()].map(({ name }) => name);
  return new Map([...names, NO_API].map((name) => [name, rows[name] ?? noAnswers()]));
}

/** A client that produces without a break, and how long each answer took. */
class Healthy {
  latenciesMs: number[] = [];
  appendedCount = 0;
  #isOn = true;
  readonly #running: Promise<void>;

  constructor(client: RawProducer) {
    this.#running = this.#run(client);
  }

  async #run(client: RawProducer): Promise<void> {
    while (this.#isOn) {
      const began = performance.now();
      const answer = await client.produce('healthy', batchOf([Buffer.alloc(100, 'h')], NO_PRODUCER, -1));
      assert.equal(answer.errorCode, 0);
      this.latenciesMs.push(performance.now() - began);
      this.appendedCount += 1;
      await sleep(HEALTHY_PAUSE_MS);
    }
  }

  takeP99(): number {
    const sorted = this.latenciesMs.splice(0).sort((left, right) => left - right);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#running;
  }
}

function assertAnswers(table: ReadonlyMap<string, FrameRow>): void {
  const where = (is: (name: string, row: FrameRow) => boolean) => [...table].filter(([name, row]) => is(name, row));
  assert.deepEqual(
    where((_name, row) => row.unreadable > 0),
    [],
    'answers that are none',
  );
  assert.deepEqual(
    where((name, row) => row.fault > 0 && name !== 'JoinGroup'),
    [],
    'errors that nobody foresaw',
  );
  if (FRAME_COUNT < ALL_APIS_FRAMES) return;
  const isLeftOut = (name: string, { answered, error, closed }: FrameRow): boolean =>
    name !== NO_API && (answered + error === 0 || closed === 0);
  assert.deepEqual(where(isLeftOut), [], 'every API was reached, and refused too');
}

describe('frames that no proper client sends', function () {
  this.timeout(7_200_000);

  it(`${FRAME_COUNT} of them: the broker lives, its memory is flat, a healthy client's p99 stays within ${P99_FACTOR_MAX}x`, () =>
    withFolder(async (folder) => {
      const serving = await startServe(folder, ...LIMITS.flatMap((limit) => ['-X', limit]));
      const client = await RawProducer.open(serving.bootstrap);
      assert.equal((await streamctl(['topics', 'create', 'healthy', '--dir', folder])).status, 0);
      const healthy = new Healthy(client);
      await attack(serving.bootstrap, SEED + 1_000_000, WARM_UP_FRAMES);
      healthy.takeP99();
      await sleep(BEFORE_MS);
      const beforeMs = healthy.takeP99();
      const memory = new Flatness(() => rssBytes(serving));
      memory.sample();
      const sampler = setInterval(() => memory.sample(), 1000);
      const began = performance.now();
      const table = tableOf(await attack(serving.bootstrap, SEED, FRAME_COUNT));
      const seconds = (performance.now() - began) / 1000;
      clearInterval(sampler);
      const duringMs = healthy.takeP99();
      await healthy.stop();
      client.close();
      tellTable('frames', 'api', table);
      tell('frames', {
        frames: FRAME_COUNT,
        seed: SEED,
        seconds: Math.round(seconds),
        p99BeforeMs: Number(beforeMs.toFixed(1)),
        p99DuringMs: Number(duringMs.toFixed(1)),
        rssMiB: memory.facts,
      });
      assert.equal(await serving.stop(), 0, 'the broker lived and stopped in order');
      assertAnswers(table);
      assert.ok(memory.growthBytes < RSS_GROWTH_BYTES_MAX, 'flat');
      assert.ok(duringMs <= Math.max(P99_FLOOR_MS, beforeMs * P99_FACTOR_MAX), `${duringMs} ms`);
    }));
});
