/**
 * Random lives of a compacted log against a model that is the list of all its records: appends of keys, tombstones and (while the
 * topic only deletes) records without a key, compressed or not, of several producers and transactions; passes with memory for all
 * keys or a few; DeleteRecords, retention, waits, clean closes, kills and power cuts (H-15, I-10, I-26).
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Env } from '../../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../src/log/log-config.ts';
import type { LogDirectory } from '../../../src/log/log-directory.ts';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import type { SimMachine } from '../../sim/sim-machine.ts';
import { newMachine, openDirectory, openLog, run } from '../log-in-world.ts';
import { COMPACTED, ORDER, readLog, recordsOf, stateOf } from './compacted-log.ts';
import { type KeyedRecord, keyedBatch, marker, type ReadRecord } from './keyed-batches.ts';

type Step =
  | { readonly kind: 'append'; readonly records: readonly KeyedRecord[]; readonly how: How }
  | { readonly kind: 'compact'; readonly keys: number; readonly chunkBytes: number }
  | { readonly kind: 'configure'; readonly cleanupPolicy: LogConfig['cleanupPolicy'] }
  | { readonly kind: 'delete'; readonly at: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'sweep' | 'close' | 'kill' | 'powerCut' };

type How = 'plain' | 'gzip' | 'producer' | 'committed' | 'aborted';

const WALL_MS = 1_767_225_600_000;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const key = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: fc.constant(null) });
const value = fc.oneof(
  { weight: 4, arbitrary: fc.nat(60).map((length) => 'v'.repeat(length)) },
  { weight: 1, arbitrary: fc.constant(null) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      records: fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 5 }),
      how: fc.constantFrom<How>('plain', 'plain', 'gzip', 'producer', 'committed', 'aborted'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      keys: fc.constantFrom(1, 3, 1000),
      chunkBytes: fc.constantFrom(100, 4096),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('configure' as const),
      cleanupPolicy: fc.constantFrom<LogConfig['cleanupPolicy']>('compact', 'compact', 'compact,delete', 'delete'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, 600, 3000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('sweep' as const, 'close' as const, 'kill' as const, 'powerCut' as const),
    }),
  },
);

class Life {
  readonly #machine: SimMachine;
  /** All records that were committed and not aborted. */
  readonly #records: ReadRecord[] = [];
  readonly #sequences = new Map<bigint, number>();
  #config: Partial<LogConfig> = { ...COMPACTED, deleteRetentionMs: 1000, fileDeleteDelayMs: 200 };
  #start = 0;
  #epoch = 1;
  #passes = 0;

  constructor(machine: SimMachine) {
    this.#machine = machine;
  }

  get passes(): number {
    return this.#passes;
  }

  /** Runs the steps up to the end of a process; answers those that are left. */
  async process(steps: readonly Step[]): Promise<readonly Step[]> {
    let left = steps;
    await run(this.#machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: this.#epoch });
      const log = await openLog(logs, this.#config);
      await this.#check(log);
      for (let next = left[0]; next !== undefined; next = left[0]) {
        left = left.slice(1);
        if (next.kind === 'close') await logs.close();
        if (next.kind === 'close' || next.kind === 'kill' || next.kind === 'powerCut') break;
        await this.#take(env, logs, log, next);
        await this.#check(log);
      }
    });
    this.#epoch += 1;
    if (steps[steps.length - left.length - 1]?.kind === 'powerCut') this.#machine.cutPower();
    return left;
  }

  async #take(env: Env, logs: LogDirectory, log: PartitionLog, next: Step): Promise<void> {
    switch (next.kind) {
      case 'append':
        return this.#append(log, next.records, next.how);
      case 'compact': {
        const order = { ...ORDER, mapBytes: next.keys * 30, chunkBytes: next.chunkBytes };
        for (let outcome = await logs.compact(order); outcome === 'done'; outcome = await logs.compact(order))
          this.#passes += 1;
        return;
      }
      case 'configure':
        this.#config = { ...this.#config, cleanupPolicy: next.cleanupPolicy };
        log.setConfig(configOf(this.#config));
        return;
      case 'delete':
        if (this.#config.cleanupPolicy === 'compact') return;
        this.#start = await log.deleteRecords(Math.round(next.at * log.highWatermark));
        return;
      case 'wait':
        return env.clock.sleep(next.ms);
      default:
        await logs.sweep();
    }
  }

  async #append(log: PartitionLog, records: readonly KeyedRecord[], how: How): Promise<void> {
    const isCompacted = this.#config.cleanupPolicy !== 'delete';
    const taken = records.filter(([name]) => !isCompacted || name !== null);
    if (taken.length === 0) return;
    const base = log.logEndOffset;
    const timestamp = BigInt(WALL_MS + base);
    if (how === 'committed' || how === 'aborted') {
      const options = { attributes: 0x10, producerId: 900n + BigInt(base % 2), sequence: 0, timestamp, leaderEpoch: 0 };
      await this.#put(log, keyedBatch(taken, { ...options, baseOffset: base }));
      const end = { timestamp, leaderEpoch: 0, baseOffset: base + taken.length };
      await this.#put(log, marker(how === 'committed' ? 'commit' : 'abort', options.producerId, end));
    } else {
      const producerId = how === 'producer' ? 100n + BigInt(taken.length % 3) : undefined;
      const sequence = producerId === undefined ? -1 : (this.#sequences.get(producerId) ?? 0);
      if (producerId !== undefined) this.#sequences.set(producerId, sequence + taken.length);
      const options = {
        timestamp,
        gzip: how === 'gzip',
        sequence,
        ...(producerId === undefined ? {} : { producerId }),
      };
      const appended = await log.append({ records: [keyedBatch(taken, options)], origin: 'client', leaderEpoch: 0 });
      assert.equal(appended.duplicate, false);
      await appended.committed;
    }
    if (how === 'aborted') return;
    this.#records.push(
      ...taken.map(([name, text], index) => ({
        offset: base + index,
        timestamp: timestamp + BigInt(index),
        key: name,
        value: text,
      })),
    );
  }

  /** As a leader's follower, which takes transactions and markers. */
  async #put(log: PartitionLog, bytes: Buffer): Promise<void> {
    await (await log.append({ records: [bytes], origin: 'follower', leaderEpoch: 0 })).committed;
  }

  async #check(log: PartitionLog): Promise<void> {
    assert.equal(log.damagedAt, undefined, 'damaged');
    assert.equal(log.failed, undefined, 'failed');
    assert.ok(log.logStartOffset >= this.#start);
    const batches = await readLog(log);
    let last = -1;
    for (const { baseOffset, lastOffset } of batches) {
      assert.ok(baseOffset > last, `batch ${baseOffset} after ${last}`);
      last = lastOffset;
    }
    if (log.logEndOffset > log.logStartOffset) assert.equal(last, log.logEndOffset - 1);
    const known = new Map(this.#records.map((record) => [record.offset, record]));
    // What was aborted, and markers, are not the model's.
    const plain = batches.filter(({ attributes }) => (attributes & 0x20) === 0);
    const left = recordsOf(plain).filter(({ offset }) => offset >= log.logStartOffset && known.has(offset));
    for (const record of left) assert.deepEqual(record, known.get(record.offset));
    const all = this.#records.filter(({ offset }) => offset >= log.logStartOffset);
    assert.deepEqual(sorted(stateOf(left)), sorted(stateOf(all)));
  }
}

function configOf(config: Partial<LogConfig>): LogConfig {
  return { ...DEFAULT_LOG_CONFIG, timestampAfterMaxMs: 1n << 62n, retentionMs: Number.POSITIVE_INFINITY, ...config };
}

function sorted(state: ReadonlyMap<string, string>): string[] {
  return [...state].map(([name, text]) => `${name}=${text}`).sort();
}

describe('log: random lives under compaction', function () {
  this.timeout(300_000);

  it('have the state that all their records have, and no record moves', async () => {
    let passes = 0;
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      fc.nat(1000),
      async (steps, seed) => {
        const life = new Life(newMachine(seed + 1));
        let left: readonly Step[] = steps;
        while (left.length > 0) left = await life.process(left);
        await life.process([{ kind: 'close' }]);
        await life.process([]);
        passes += life.passes;
      },
    );
    await fc.assert(property, { numRuns: Number(process.env['COMPACTION_RUNS'] ?? 60) });
    assert.ok(passes > 60, `${passes} passes`);
  });
});
