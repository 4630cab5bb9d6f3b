/**
 * A log under kills and power cuts at any disk call: after each, what is there is a prefix of what was appended, at least as
 * long as what was promised, and a producer's last five batches are known (I-3, I-5, I-26).
 */
import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import type { LogConfig } from '../../src/log/log-config.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import { ALL_LOSSES } from '../sim/file-system.ts';
import { Prng } from '../sim/prng.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import { append, newMachine, openDirectory, openLog, readAll, run, runUntil } from './log-in-world.ts';

interface Sent {
  readonly id: number;
  readonly producerId: bigint | undefined;
  readonly sequence: number;
  readonly count: number;
  baseOffset: number;
  written: boolean;
  committed: boolean;
}

/** What was appended in order, and what was promised of it. */
class Ledger {
  sent: Sent[] = [];
  nextId = 0;
  readonly sequences = new Map<bigint, number>();

  batch(entry: Sent): Buffer {
    const values = Array.from(
      { length: entry.count },
      (_, index) => `${entry.id}/${index}/${'x'.repeat(entry.id % 90)}`,
    );
    return entry.producerId === undefined
      ? batchOf(values)
      : batchOf(values, { producerId: entry.producerId, sequence: entry.sequence });
  }
}

const PRODUCERS = [undefined, 11n, 12n] as const;

async function work(env: Env, ledger: Ledger, chance: Prng, config: Partial<LogConfig>, epoch: number): Promise<void> {
  const logs = await openDirectory(env, { brokerEpoch: epoch });
  const log = await openLog(logs, config, epoch);
  const count = chance.between(0, 60);
  for (let turn = 0; turn < count; turn++) {
    const producerId = chance.pick(PRODUCERS);
    const sequence = producerId === undefined ? -1 : (ledger.sequences.get(producerId) ?? 0);
    const entry = { id: ledger.nextId++, producerId, sequence, count: chance.between(1, 4), baseOffset: -1 };
    const sent: Sent = { ...entry, written: false, committed: false };
    ledger.sent.push(sent);
    if (producerId !== undefined) ledger.sequences.set(producerId, sequence + sent.count);
    const appended = await append(log, ledger.batch(sent), epoch);
    assert.equal(appended.duplicate, false);
    sent.baseOffset = appended.baseOffset;
    void appended.written.then(() => {
      sent.written = true;
    });
    void appended.committed.then(() => {
      sent.committed = true;
    });
    if (chance.hits(0.4)) await appended.committed;
    if (chance.hits(0.05)) await env.clock.sleep(chance.between(1, 7000));
  }
  if (chance.hits(0.3)) await logs.close();
  else await env.clock.sleep(chance.between(0, 3));
}

/** The log holds a prefix of what was sent, with all of what `promised` says; the ledger forgets the rest. */
async function check(log: PartitionLog, ledger: Ledger, promised: (sent: Sent) => boolean): Promise<void> {
  const seen = await readAll(log, 0, 700);
  let next = 0;
  for (const [index, batch] of seen.entries()) {
    const sent = ledger.sent[index];
    assert.ok(sent !== undefined, 'more batches than were sent');
    assert.equal(batch.baseOffset, next);
    assert.deepEqual(batch.body, ledger.batch(sent).subarray(16));
    sent.baseOffset = batch.baseOffset;
    next = batch.lastOffset + 1;
  }
  assert.equal(log.highWatermark, next);
  assert.equal(log.logEndOffset, next);
  assert.equal(log.durableEndOffset, next);
  const lost = ledger.sent.slice(seen.length).filter(promised);
  assert.deepEqual(lost, []);
  ledger.sent.length = seen.length;
  ledger.sequences.clear();
  for (const { producerId, sequence, count } of ledger.sent) {
    if (producerId !== undefined) ledger.sequences.set(producerId, sequence + count);
  }
}

/** The last five batches of each producer are known as what they are. */
async function checkWindows(log: PartitionLog, ledger: Ledger, epoch: number): Promise<void> {
  for (const producerId of PRODUCERS) {
    if (producerId === undefined) continue;
    const last = ledger.sent.filter((sent) => sent.producerId === producerId).slice(-5);
    for (const sent of last) {
      const again = await append(log, ledger.batch(sent), epoch);
      assert.equal(again.duplicate, true, `batch ${sent.id} of ${producerId} was appended again`);
      assert.equal(again.baseOffset, sent.baseOffset);
      await again.committed;
    }
  }
}

async function live(
  seed: number,
  config: Partial<LogConfig>,
  promised: (sent: Sent, power: boolean) => boolean,
): Promise<void> {
  const machine = newMachine(seed);
  const chance = new Prng(seed + 1_000_000);
  const ledger = new Ledger();
  for (let life = 0; life < 5; life++) {
    const power = chance.hits(0.5);
    const epoch = Math.floor(life / 2);
    crashAt(machine, chance.between(1, 120), power);
    machine.spawn(`life${life}`, async ({ env }) => {
      await work(env, ledger, chance, config, epoch);
      return 0;
    });
    await runUntil(machine, () => machine.alive().length === 0);
    // A recovery that is itself cut short changes nothing (I-27).
    if (chance.hits(0.4)) {
      crashAt(machine, chance.between(1, 25), power);
      machine.spawn('recovery', async ({ env }) => {
        await openLog(await openDirectory(env, { brokerEpoch: epoch }), config, epoch);
        return 0;
      });
      await runUntil(machine, () => machine.alive().length === 0);
    }
    machine.onDiskCall = () => undefined;
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: epoch });
      const log = await openLog(logs, config, epoch);
      await check(log, ledger, (sent) => promised(sent, power));
      await checkWindows(log, ledger, epoch);
      if (chance.hits(0.5)) await logs.close();
    });
  }
}

/** Says in the error which seed it was. */
async function named(seed: number, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function crashAt(machine: SimMachine, call: number, power: boolean): void {
  let left = call;
  machine.onDiskCall = (_call, process) => {
    left -= 1;
    if (left !== 0) return;
    if (power) machine.cutPower(ALL_LOSSES);
    else process.kill('test');
  };
}

const FIRST = Number(process.env['LOG_CRASH_FIRST'] ?? 1);
const SEEDS = Number(process.env['LOG_CRASH_SEEDS'] ?? 60);

describe('log: crashes', () => {
  const small = { segmentBytes: 2000, indexIntervalBytes: 200 };

  it('durability=ack: what was committed survives kills and power cuts, the rest is a prefix', async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      await named(seed, () => live(seed, small, (sent) => sent.committed));
    }
  });

  it('durability=interval and os: what was written survives kills', async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const durability = seed % 2 === 0 ? 'interval' : 'os';
      await named(seed, () => live(seed, { ...small, durability }, (sent, power) => sent.written && !power));
    }
  });
});
