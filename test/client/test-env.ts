/** An Env for tests of the client's cores: a virtual clock, or the real one, and seeded chance; nothing else. */
import assert from 'node:assert/strict';
import type { Clock, Env, Random, Timer } from '../../src/kernel/env.ts';
import { nodeNet } from '../../src/net/node-net.ts';
import { compress, decompress } from '../../src/protocol/records/compression.ts';
import { Prng } from '../sim/prng.ts';

/** Time goes on only within `run`, when nothing else is to do. */
export class VirtualClock implements Clock {
  #nowMs = 1_700_000_000_000;
  #timers: { atMs: number; action: () => void }[] = [];

  wallMs(): number {
    return Math.floor(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  timer(delayMs: number, action: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), action };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.timer(delayMs, resolve);
    });
  }

  soon(action: () => void): void {
    setImmediate(action);
  }

  /** How many timers are set. */
  get timerCount(): number {
    return this.#timers.length;
  }

  /** Lets time pass until `work` settles. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    work.then(settled, settled);
    for (let idleTurns = 0; idleTurns < 1000; idleTurns++) {
      for (let turn = 0; turn < 3 && !isSettled; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (isSettled) return await work;
      if (this.#fireNext()) idleTurns = 0;
    }
    throw new Error('stuck: no timer is set and nothing happens');
  }

  #fireNext(): boolean {
    const next = this.#timers.reduce<{ atMs: number; action: () => void } | undefined>(
      (first, timer) => (first === undefined || timer.atMs < first.atMs ? timer : first),
      undefined,
    );
    if (next === undefined) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.action();
    return true;
  }
}

const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  soon: (action) => void setImmediate(action),
};

/** The client's cores use the clock, chance and `offload` only; anything else of the Env fails the test that reaches for it. */
export function testEnv(options: { readonly seed?: number; readonly clock?: Clock } = {}): Env {
  const chance = new Prng(options.seed ?? 1);
  const random: Random = {
    fraction: () => chance.fraction(),
    bytes: (count) => chance.bytes(count),
    uuid: () => chance.bytes(16).toString('hex'),
  };
  const parts: Partial<Env> = {
    clock: options.clock ?? realClock,
    random,
    offload: { compress, run: ({ codec, bytes, maxOutputBytes }) => decompress(codec, bytes, maxOutputBytes) },
    fault: () => undefined,
  };
  return parts as Env;
}

/** With real time and real TCP sockets. */
export function netEnv(): Env {
  const env = testEnv();
  const socketPaths = { shorten: (path: string) => ({ path, close: () => undefined }), protect: () => undefined };
  return { ...env, net: nodeNet({ clock: env.clock, socketPaths, onAcceptError: (error) => assert.fail(error) }) };
}
