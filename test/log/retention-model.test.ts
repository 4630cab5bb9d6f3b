/**
 * Random lives of a log whose beginning is deleted, against a model of two numbers and an array: where it starts, where it ends,
 * and its batches. Appends, DeleteRecords, sweeps by size and age, waits, clean closes, kills and power cuts (I-8, I-10).
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import type { LogDirectory } from '../../src/log/log-directory.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  isError,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
} from './log-in-world.ts';

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'delete'; readonly at: number }
  | { readonly kind: 'sweep'; readonly retentionBytes: number; readonly retentionMs: number; readonly give: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'close' | 'kill' | 'powerCut' };

const CONFIG = { segmentBytes: 700, indexIntervalBytes: 100, fileDeleteDelayMs: 500 };
const UNLIMITED = Number.POSITIVE_INFINITY;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.nat(150), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      at: fc.double({ min: -0.2, max: 1.2, noNaN: true }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('sweep' as const),
      retentionBytes: fc.constantFrom(UNLIMITED, 0, 500, 1500),
      retentionMs: fc.constantFrom(UNLIMITED, UNLIMITED, 2000),
      give: fc.constantFrom(0, 0, 1, 99),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 600, 3000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'kill' as const, 'powerCut' as const) }),
  },
);

interface ModelBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly body: Buffer;
  readonly atMs: number;
}

class Life {
  readonly #machine: SimMachine = newMachine();
  readonly #durability: 'ack' | 'os';
  readonly #batches: ModelBatch[] = [];
  #start = 0;
  #end = 0;
  /** Below it nothing may be lost: with `os`, what was on the disk when it was last looked at. */
  #safeEnd = 0;
  #epoch = 1;
  #isPowerLost = false;

  constructor(durability: 'ack' | 'os') {
    this.#durability = durability;
  }

  async live(steps: readonly Step[]): Promise<void> {
    let rest = [...steps, { kind: 'kill' } as const, { kind: 'close' } as const];
    while (rest.length > 0) {
      const done = await run(this.#machine, (env) => this.#process(env, rest));
      this.#isPowerLost = rest[done - 1]?.kind === 'powerCut';
      if (this.#isPowerLost) this.#machine.cutPower();
      rest = rest.slice(done);
      this.#epoch += 1;
    }
  }

  /** Ends with the first step that ends a process; answers how many were done. */
  async #process(env: Env, steps: readonly Step[]): Promise<number> {
    const logs = await openDirectory(env, { brokerEpoch: this.#epoch });
    const log = await openLog(logs, { ...CONFIG, durability: this.#durability });
    await this.#opened(log);
    for (const [index, each] of steps.entries()) {
      if (each.kind === 'append') await this.#append(env, log, each.sizes);
      if (each.kind === 'delete') await this.#delete(log, each.at);
      if (each.kind === 'sweep') await this.#sweep(env, logs, log, each);
      if (each.kind === 'wait') await env.clock.sleep(each.ms);
      await this.#check(log);
      if (each.kind === 'close') await logs.close();
      if (each.kind === 'close' || each.kind === 'kill' || each.kind === 'powerCut') return index + 1;
    }
    return steps.length;
  }

  async #opened(log: PartitionLog): Promise<void> {
    assert.equal(log.damagedAt, undefined);
    const isLossy = this.#isPowerLost && this.#durability === 'os';
    assert.ok(log.logEndOffset >= (isLossy ? this.#safeEnd : this.#end));
    assert.ok(log.logEndOffset <= this.#end);
    this.#end = log.logEndOffset;
    while ((this.#batches[this.#batches.length - 1]?.lastOffset ?? -1) >= this.#end) this.#batches.pop();
    await this.#check(log);
  }

  async #append(env: Env, log: PartitionLog, sizes: readonly number[]): Promise<void> {
    const atMs = env.clock.wallMs();
    const timestampDeltas = sizes.map(() => 0);
    const batch = batchOf(
      sizes.map((size) => 'v'.repeat(size)),
      { timestamp: BigInt(atMs), timestampDeltas },
    );
    const body = Buffer.from(batch.subarray(16));
    const baseOffset = this.#end;
    const appended = await append(log, batch);
    assert.deepEqual([appended.baseOffset, appended.logStartOffset], [baseOffset, this.#start]);
    this.#end += sizes.length;
    this.#batches.push({ baseOffset, lastOffset: this.#end - 1, body, atMs });
    await appended.committed;
  }

  async #delete(log: PartitionLog, at: number): Promise<void> {
    const offset = Math.round(at * this.#end);
    if (offset < -1 || offset > this.#end) {
      await assert.rejects(log.deleteRecords(offset), isError('OFFSET_OUT_OF_RANGE'));
      return;
    }
    this.#start = Math.max(this.#start, offset === -1 ? this.#end : offset);
    assert.equal(await log.deleteRecords(offset), this.#start);
  }

  async #sweep(env: Env, logs: LogDirectory, log: PartitionLog, how: Step & { kind: 'sweep' }): Promise<void> {
    const { retentionBytes, retentionMs, give } = how;
    const config = { ...DEFAULT_LOG_CONFIG, timestampAfterMaxMs: 1n << 62n, ...CONFIG, durability: this.#durability };
    log.setConfig({ ...config, retentionBytes, retentionMs });
    const nowMs = env.clock.wallMs();
    const before = log.logStartOffset;
    await logs.sweep({ giveCounts: new Map([['t-0', give]]) });
    const start = log.logStartOffset;
    assert.ok(start >= before && start <= log.highWatermark && start <= Math.max(before, log.durableEndOffset));
    if (start > before && give === 0) {
      // Only what is old enough went, or what left as much as is to be kept.
      const gone = this.#batches.filter(({ baseOffset }) => baseOffset >= before && baseOffset < start);
      const isOld = gone.every(({ atMs }) => nowMs - atMs > retentionMs);
      assert.ok(isOld || log.sizeBytes >= retentionBytes, `${log.sizeBytes} bytes are left of ${retentionBytes}`);
    }
    this.#start = start;
    // So that a close deletes nothing of which nobody here knows.
    log.setConfig({ ...config, retentionMs: UNLIMITED });
  }

  async #check(log: PartitionLog): Promise<void> {
    assert.equal(log.logStartOffset, this.#start);
    assert.equal(log.highWatermark, this.#end);
    assert.ok(log.logStartOffset <= log.lastStableOffset && log.lastStableOffset <= log.highWatermark);
    if (this.#durability === 'ack') assert.equal(log.durableEndOffset, this.#end);
    this.#safeEnd = log.durableEndOffset;
    const shown = this.#batches.filter(({ lastOffset }) => lastOffset >= this.#start);
    const seen = await readAll(log, undefined, 300);
    assert.deepEqual(
      seen.map(({ baseOffset, body }) => ({ baseOffset, body })),
      shown.map(({ baseOffset, body }) => ({ baseOffset, body })),
    );
    assert.equal((await log.offsetForTimestamp(0n))?.offset, shown.length === 0 ? undefined : this.#start);
    if (this.#start > 0) {
      const below = { offset: this.#start - 1, maxBytes: 10, minOneBatch: true } as const;
      await assert.rejects(
        log.read({ ...below, isolation: 'read_uncommitted', upTo: 'highWatermark' }),
        isError('OFFSET_OUT_OF_RANGE'),
      );
    }
    const names = namesIn(this.#machine, PARTITION);
    if (this.#batches.length > 0) assert.ok(names.some((name) => name.endsWith('.log')));
  }
}

describe('log: model of a log that is deleted from', () => {
  for (const durability of ['ack', 'os'] as const) {
    it(`starts where it was told, holds what lies behind, and never goes back (${durability})`, async function () {
      this.timeout(120_000);
      const numRuns = Number(process.env['LOG_MODEL_RUNS'] ?? 150);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => new Life(durability).live(steps)),
        { numRuns },
      );
    });
  }
});
