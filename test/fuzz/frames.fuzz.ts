/** Changed frames on live sockets of the built program: it lives, its memory stays flat, and a healthy client hardly notices. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { batchOf, NO_PRODUCER, RawProducer } from '../helpers/raw-producer.ts';
import { type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { Prng } from '../sim/prng.ts';
import { capturedRequests, framed, mutated } from './mutate.ts';
import { Flatness, tell } from './result-line.ts';

const FRAME_COUNT = Number(process.env['STREAMCTL_FRAMES'] ?? 20_000);
const SEED = Number(process.env['STREAMCTL_SEED'] ?? 1);
/** Connections that one attacker has at a time. */
const ABREAST = 4;
const ATTACKER_COUNT = 4;
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

/** Sends one frame on a connection of its own, so that none hides behind another; resolves when the other side closes it, or shortly after. */
function attack(bootstrap: string, frame: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(bootstrap.split(':')[1]) });
    const timer = setTimeout(() => socket.destroy(), 50);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    socket.write(frame);
  });
}

async function attackUntil(bootstrap: string, seeds: readonly Buffer[], prng: Prng, left: { frames: number }) {
  while (left.frames > 0) {
    const count = Math.min(ABREAST, left.frames);
    left.frames -= count;
    const frames = Array.from({ length: count }, () => framed(mutated(prng.pick(seeds), prng), prng));
    await Promise.all(frames.map((frame) => attack(bootstrap, frame)));
  }
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

describe('frames that no proper client sends', function () {
  this.timeout(7_200_000);

  it(`${FRAME_COUNT} of them: the broker lives, its memory is flat, a healthy client's p99 stays within ${P99_FACTOR_MAX}x`, () =>
    withFolder(async (folder) => {
      const serving = await startServe(folder, ...LIMITS.flatMap((limit) => ['-X', limit]));
      const client = await RawProducer.open(serving.bootstrap);
      assert.equal((await streamctl(['topics', 'create', 'healthy', '--dir', folder])).status, 0);
      const healthy = new Healthy(client);
      const prng = new Prng(SEED);
      const seeds = capturedRequests();
      await attackUntil(serving.bootstrap, seeds, prng, { frames: 1000 });
      healthy.takeP99();
      await sleep(BEFORE_MS);
      const beforeMs = healthy.takeP99();
      const memory = new Flatness(() => rssBytes(serving));
      memory.sample();
      const sampler = setInterval(() => memory.sample(), 1000);
      const began = performance.now();
      const left = { frames: FRAME_COUNT };
      await Promise.all(
        Array.from({ length: ATTACKER_COUNT }, () => attackUntil(serving.bootstrap, seeds, prng, left)),
      );
      const seconds = (performance.now() - began) / 1000;
      clearInterval(sampler);
      const duringMs = healthy.takeP99();
      await healthy.stop();
      client.close();
      tell('frames', {
        frames: FRAME_COUNT,
        seed: SEED,
        seconds: Math.round(seconds),
        p99BeforeMs: Number(beforeMs.toFixed(1)),
        p99DuringMs: Number(duringMs.toFixed(1)),
        rssMiB: memory.facts,
      });
      assert.equal(await serving.stop(), 0, 'the broker lived and stopped in order');
      assert.ok(memory.growthBytes < RSS_GROWTH_BYTES_MAX, 'flat');
      assert.ok(duringMs <= Math.max(P99_FLOOR_MS, beforeMs * P99_FACTOR_MAX), `${duringMs} ms`);
    }));
});
