/** What happens to a log beside a pass of compaction: reads, appends, deletions, closes, damage, limits of speed (H-15, I-11, I-29). */
import assert from 'node:assert/strict';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import type { SimMachine } from '../../sim/sim-machine.ts';
import { append, isError, namesIn, newMachine, openDirectory, openLog, PARTITION, run } from '../log-in-world.ts';
import { COMPACTED, checkCompacted, ORDER, readLog, recordsOf } from './compacted-log.ts';
import { type KeyedRecord, keyedBatch, type ReadRecord } from './keyed-batches.ts';

const KEYS = 5;
const SLOW_MS = 20;

function recordOf(index: number): KeyedRecord {
  return [`k${index % KEYS}`, `${index}/${'x'.repeat(80)}`];
}

async function fill(log: PartitionLog, count: number): Promise<ReadRecord[]> {
  const from = log.logEndOffset;
  for (let index = from; index < from + count; index++)
    await (await append(log, keyedBatch([recordOf(index)]))).committed;
  return Array.from({ length: from + count }, (_, offset) => {
    const [key, value] = recordOf(offset);
    return { offset, timestamp: 1_767_225_600_000n, key, value };
  });
}

/** Each call of the disk takes a while, so that others come between. */
function slow(machine: SimMachine): void {
  machine.hardware.faults = () => ({ kind: 'slow', delayMs: SLOW_MS });
}

function interim(machine: SimMachine): string[] {
  return namesIn(machine, PARTITION).filter((name) => /\.(cleaned|swap)$/.test(name));
}

describe('log: beside a pass of compaction', () => {
  it('reads from every offset see the old or the new, never both, nor an error', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      const appended = await fill(log, 24);
      slow(machine);
      let isOver = false;
      let reads = 0;
      const readers = Array.from({ length: 6 }, async (_, at) => {
        for (let offset = at; !isOver; offset = (offset + 7) % 24) {
          const seen = recordsOf(await readLog(log, offset, 200));
          for (const record of seen) assert.deepEqual(record, appended[record.offset]);
          const wanted = seen.filter((record) => record.offset >= offset).map((record) => record.offset);
          // Of the keys' last records none is missing, from wherever one reads.
          for (let last = Math.max(offset, 24 - KEYS); last < 24; last++)
            assert.ok(wanted.includes(last), `${last} from ${offset}`);
          const found = await log.offsetForTimestamp(1_767_225_600_000n);
          assert.ok(found !== undefined && found.offset <= 24 - KEYS);
          reads += 1;
        }
      });
      assert.equal(await logs.compact(ORDER), 'done');
      isOver = true;
      await Promise.all(readers);
      assert.ok(reads > 20, `${reads} reads`);
      machine.hardware.faults = () => undefined;
      await checkCompacted(log, appended, 24);
    });
  });

  it('appends go on meanwhile, and what they bring is not lost', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      await fill(log, 20);
      slow(machine);
      const passing = logs.compact(ORDER);
      const appended = await fill(log, 12);
      assert.equal(await passing, 'done');
      machine.hardware.faults = () => undefined;
      await checkCompacted(log, appended, 32);
      assert.equal(await logs.compact(ORDER), 'done');
      await checkCompacted(log, appended, 32);
    });
  });

  it('a deletion of segments that it compacts ends it, and one of others does not', async () => {
    for (const retained of [300, 100_000]) {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs, { ...COMPACTED, cleanupPolicy: 'compact,delete', retentionBytes: retained });
        const appended = await fill(log, 20);
        slow(machine);
        const passing = logs.compact(ORDER);
        const gone = await logs.sweep();
        assert.equal(await passing, gone > 0 ? 'stopped' : 'done');
        assert.equal(gone > 0, retained === 300);
        machine.hardware.faults = () => undefined;
        assert.deepEqual(interim(machine), []);
        const left = recordsOf(await readLog(log));
        for (const record of left) assert.deepEqual(record, appended[record.offset]);
        assert.equal(left.at(-1)?.offset, 19);
      });
    }
  });

  for (const end of ['close', 'deletion'] as const) {
    it(`a ${end} ends it soon, and nothing of it is left`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs, COMPACTED);
        const appended = await fill(log, 30);
        slow(machine);
        const passing = logs.compact({ ...ORDER, bytesPerSecond: 100 });
        await env.clock.sleep(200);
        const beganMs = env.clock.wallMs();
        if (end === 'close') await logs.close();
        else await logs.deletePartition('t', 0, log.topicId);
        assert.ok(env.clock.wallMs() - beganMs < 5000);
        assert.equal(await passing, 'stopped');
        machine.hardware.faults = () => undefined;
        if (end === 'deletion') return;
        assert.deepEqual(interim(machine), []);
        await checkCompacted(await openLog(await openDirectory(env, { brokerEpoch: 2 }), COMPACTED), appended, 30);
      });
    });
  }

  it('a batch whose bytes changed is no batch: the log is damaged there, and stays as it is', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      await fill(log, 12);
      const path = `${PARTITION}/00000000000000000002.log`;
      const file = await env.disk.open(path, 'r+');
      await file.writev([Buffer.from([0xee])], 100);
      await file.close();
      const names = namesIn(machine, PARTITION);
      assert.equal(await logs.compact(ORDER), 'stopped', 'the damage is told by the log');
      assert.equal(log.damagedAt, 2);
      assert.deepEqual(namesIn(machine, PARTITION), names);
      assert.equal(await logs.compact(ORDER), undefined);
      await assert.rejects(readLog(log, 2), isError('CORRUPT_MESSAGE'));
    });
  });

  it('keeps to the bytes each second that it may read and write', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, segmentBytes: 40_000 });
      const value = 'v'.repeat(8000);
      for (let index = 0; index < 100; index++)
        await (await append(log, keyedBatch([[`k${index}`, `${index}${value}`]]))).committed;
      const beganMs = env.clock.wallMs();
      assert.equal(await logs.compact({ ...ORDER, bytesPerSecond: 100_000 }), 'done');
      const seconds = (env.clock.wallMs() - beganMs) / 1000;
      // Read twice, and written where something changed.
      assert.ok(seconds > 10 && seconds < 40, `${seconds} s`);
    });
  });

  it('DeleteRecords is refused where the topic only compacts, as Kafka does', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      await fill(log, 3);
      await assert.rejects(log.deleteRecords(1), isError('POLICY_VIOLATION'));
    });
  });
});
