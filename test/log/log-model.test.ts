/**
 * Random lives of a log against a model that is an array of batches: appends, rolls, reads of any size and place, truncations,
 * clean and unclean ends, and index, snapshot and checkpoint files that vanish or turn to garbage in between (I-28).
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Env } from '../../src/kernel/env.ts';
import type { LogDirectory } from '../../src/log/log-directory.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf, splitBatches } from './batches.ts';
import { append, namesIn, newMachine, openDirectory, openLog, PARTITION, run } from './log-in-world.ts';

interface ModelBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly body: Buffer;
}

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'read'; readonly at: number; readonly maxBytes: number; readonly minOneBatch: boolean }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'lose'; readonly which: number; readonly how: 'remove' | 'zero' | 'cut' };

const CONFIG = { segmentBytes: 1500, indexIntervalBytes: 200 };
const DERIVED = /\.(index|timeindex|snapshot)$|leader-epoch-checkpoint$/;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.nat(120), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      maxBytes: fc.nat(2000),
      minOneBatch: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      which: fc.nat(40),
      how: fc.constantFrom('remove' as const, 'zero' as const, 'cut' as const),
    }),
  },
);

class Life {
  readonly machine: SimMachine = newMachine();
  readonly model: ModelBatch[] = [];
  #epoch = 1;

  get end(): number {
    return (this.model[this.model.length - 1]?.lastOffset ?? -1) + 1;
  }

  /** Runs the steps, each run of them between two ends of a process in one process. */
  async live(steps: readonly Step[]): Promise<void> {
    let rest = steps;
    while (rest.length > 0) {
      const { closed, done } = await run(this.machine, (env) => this.#process(env, rest));
      rest = rest.slice(done);
      this.#epoch += 1;
      while (closed && rest[0]?.kind === 'lose') {
        this.#lose(rest[0]);
        rest = rest.slice(1);
      }
    }
    await run(this.machine, async (env) => {
      const { log } = await this.#open(env);
      for (let at = 0; at <= 10; at++) await this.#read(log, { at: at / 10, maxBytes: 700, minOneBatch: true });
    });
  }

  async #process(env: Env, steps: readonly Step[]): Promise<{ closed: boolean; done: number }> {
    const { logs, log } = await this.#open(env);
    for (const [index, each] of steps.entries()) {
      if (each.kind === 'append') await this.#append(log, each.sizes);
      if (each.kind === 'read') await this.#read(log, each);
      if (each.kind === 'truncate') await this.#truncate(log, Math.round(each.at * this.end));
      if (each.kind === 'close') await logs.close();
      if (each.kind === 'close' || each.kind === 'kill') return { closed: true, done: index + 1 };
    }
    return { closed: false, done: steps.length };
  }

  async #open(env: Env): Promise<{ logs: LogDirectory; log: PartitionLog }> {
    const logs = await openDirectory(env, { brokerEpoch: this.#epoch });
    const log = await openLog(logs, CONFIG);
    assert.equal(log.damagedAt, undefined);
    assert.equal(log.logEndOffset, this.end);
    assert.equal(log.highWatermark, this.end);
    return { logs, log };
  }

  async #append(log: PartitionLog, sizes: readonly number[]): Promise<void> {
    const batch = batchOf(sizes.map((size) => 'v'.repeat(size)));
    const body = Buffer.from(batch.subarray(16));
    const appended = await append(log, batch);
    assert.equal(appended.baseOffset, this.end);
    this.model.push({ baseOffset: this.end, lastOffset: this.end + sizes.length - 1, body });
    await appended.committed;
  }

  async #read(log: PartitionLog, wanted: { at: number; maxBytes: number; minOneBatch: boolean }): Promise<void> {
    const offset = Math.round(wanted.at * this.end);
    const { maxBytes, minOneBatch } = wanted;
    const request = { offset, maxBytes, minOneBatch, isolation: 'read_uncommitted', upTo: 'highWatermark' } as const;
    const read = await log.read(request);
    const seen = splitBatches(read.slices);
    const expected = this.model.filter(({ lastOffset }) => lastOffset >= offset).slice(0, seen.length);
    assert.deepEqual(
      seen.map(({ baseOffset, lastOffset, body }) => ({ baseOffset, lastOffset, body })),
      expected,
    );
    const first = this.model.find(({ lastOffset }) => lastOffset >= offset);
    if (first !== undefined && (minOneBatch || first.body.length + 16 <= maxBytes)) assert.ok(seen.length > 0);
    if (seen.length > 1 || !minOneBatch) assert.ok(read.byteCount <= maxBytes);
    read.release();
  }

  async #truncate(log: PartitionLog, offset: number): Promise<void> {
    await log.truncateTo(offset);
    while (this.end > offset) this.model.pop();
    assert.equal(log.logEndOffset, this.end);
  }

  #lose({ which, how }: Extract<Step, { kind: 'lose' }>): void {
    const names = namesIn(this.machine, PARTITION).filter((name) => DERIVED.test(name));
    const name = names[which % Math.max(1, names.length)];
    if (name === undefined) return;
    const path = `${PARTITION}/${name}`;
    const { content } = this.machine.files.get(path, 'test');
    if (how === 'remove') this.machine.files.unlink(path);
    if (how === 'zero') content.write(Buffer.alloc(content.size), 0);
    if (how === 'cut') content.truncate(Math.floor(content.size / 2));
  }
}

describe('log: model', () => {
  it('answers as an array of batches would, whatever derivable file is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => new Life().live(steps)),
      { numRuns: Number(process.env['LOG_MODEL_RUNS'] ?? 200) },
    );
  });
});
