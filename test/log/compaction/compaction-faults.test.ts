/**
 * A pass of compaction at whose n-th call of the file system something fails, or the process is no longer the owner: the log
 * goes on as it was, or says that it does not; what the next one opens is all there (D12, H-15, I-30, R-5).
 */
import assert from 'node:assert/strict';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import type { FaultCode } from '../../sim/disk-faults.ts';
import type { SimMachine } from '../../sim/sim-machine.ts';
import {
  append,
  isError,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  run,
  runUntil,
} from '../log-in-world.ts';
import { COMPACTED, checkCompacted, ORDER } from './compacted-log.ts';
import { keyedBatch, type ReadRecord, readBatches } from './keyed-batches.ts';

const BATCH_COUNT = 9;
const CALLS_MAX = 400;

function batch(index: number): Buffer {
  return keyedBatch([
    [`k${index % 3}`, `${index}/${'x'.repeat(40)}`],
    [`k${index % 4}`, index % 5 === 2 ? null : `${index}`],
  ]);
}

const APPENDED: ReadRecord[] = Array.from({ length: BATCH_COUNT + 1 }, (_, index) => {
  const [read] = readBatches(batch(index));
  assert.ok(read !== undefined);
  return read.records.map((record) => ({ ...record, offset: record.offset + index * 2 }));
}).flat();
const END = BATCH_COUNT * 2;

interface Trouble {
  readonly code: FaultCode | 'lease';
  /** Only the one call fails, or all from it on. */
  readonly lasts: boolean;
}

interface Seen {
  struck: boolean;
  outcome: string | undefined;
  offline: boolean;
  tells: number;
  /** Names in the partition that were changed by calls that were made after the lease was lost. */
  readonly late: string[];
}

/** Compacts with the trouble at the n-th call, looks at the log, and is killed. */
async function live(machine: SimMachine, call: number, trouble: Trouble): Promise<Seen> {
  const seen: Seen = { struck: false, outcome: undefined, offline: false, tells: 0, late: [] };
  let left = Number.POSITIVE_INFINITY;
  let isOwner = true;
  let isBegun = false;
  machine.onDiskCall = (name) => {
    left -= 1;
    if (left > 0) return;
    seen.struck = true;
    if (trouble.code !== 'lease') return;
    // The call that is being made now was begun by the owner.
    isBegun = isOwner && isOfNames(name);
    isOwner = false;
  };
  machine.onDiskDone = (name, path) => {
    if (isOwner || !isOfNames(name) || !path.startsWith(PARTITION)) return;
    if (!isBegun) seen.late.push(path);
    isBegun = false;
  };
  machine.hardware.faults = () => {
    if (trouble.code === 'lease' || left > 0 || (left < 0 && !trouble.lasts)) return undefined;
    return { kind: 'error', code: trouble.code };
  };
  machine.spawn('compactor', async ({ env }) => {
    const told: string[] = [];
    const log = { ...env.log, error: (line: string) => told.push(line) };
    const logs = await openDirectory({ ...env, log }, { canWrite: () => isOwner });
    const opened = await openLog(logs, COMPACTED);
    for (let index = 0; index < BATCH_COUNT; index++) await (await append(opened, batch(index))).committed;
    await env.clock.sleep(6000);
    left = call;
    seen.outcome = await logs.compact(ORDER);
    left = Number.POSITIVE_INFINITY;
    seen.tells = told.filter((line) => line.includes('compacted')).length;
    seen.offline = opened.failed !== undefined;
    await look(opened, seen.offline, isOwner);
    return 0;
  });
  await runUntil(machine, () => machine.alive().length === 0);
  machine.onDiskCall = () => undefined;
  machine.onDiskDone = () => undefined;
  machine.hardware.faults = () => undefined;
  return seen;
}

function isOfNames(call: string): boolean {
  return call === 'rename' || call === 'unlink';
}

async function look(log: PartitionLog, isOffline: boolean, isOwner: boolean): Promise<void> {
  if (isOffline) {
    const request = {
      offset: 0,
      maxBytes: 1000,
      minOneBatch: true,
      isolation: 'read_uncommitted',
      upTo: 'logEnd',
    } as const;
    await assert.rejects(log.read(request), isError('KAFKA_STORAGE_ERROR'));
    await assert.rejects(async () => append(log, batch(BATCH_COUNT)), isError('KAFKA_STORAGE_ERROR'));
    return;
  }
  await checkCompacted(log, APPENDED, END);
  if (!isOwner) return;
  await (await append(log, batch(BATCH_COUNT))).committed;
  await checkCompacted(log, APPENDED, END + 2);
}

async function each(trouble: Trouble, judge: (seen: Seen, call: number) => void): Promise<void> {
  for (let call = 1, struck = true; struck && call < CALLS_MAX; call++) {
    const machine = newMachine(call);
    try {
      const seen = await live(machine, call, trouble);
      struck = seen.struck;
      judge(seen, call);
      if (call % 2 === 0) machine.cutPower();
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), COMPACTED);
        await checkCompacted(log, APPENDED, END);
        assert.deepEqual(
          namesIn(machine, PARTITION).filter((name) => /\.(deleted|cleaned|swap)$/.test(name)),
          [],
        );
      });
    } catch (error) {
      throw new Error(`call ${call}: ${String(error)}`, { cause: error });
    }
  }
}

describe('log: compaction on a disk that fails', function () {
  this.timeout(300_000);

  for (const code of ['EIO', 'ENOSPC'] as const) {
    for (const lasts of [false, true]) {
      it(`${code} ${lasts ? 'from one call on' : 'of one call'}: told, and nothing is lost`, async () => {
        let offline = 0;
        await each({ code, lasts }, (seen) => {
          if (seen.offline) offline += 1;
          if (seen.outcome === 'failed') assert.equal(seen.tells, 1);
        });
        assert.ok(offline < 40, `${offline} ended offline`);
      });
    }
  }

  it('whoever is no longer the owner changes no name any more', async () => {
    await each({ code: 'lease', lasts: true }, ({ outcome, struck, late }) => {
      assert.deepEqual(late, []);
      assert.ok(outcome === 'stopped' || outcome === 'done' || !struck, outcome);
    });
  });
});
