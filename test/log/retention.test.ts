import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { parseOffsetCheckpoint } from '../../src/log/checkpoint-file.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../src/log/log-config.ts';
import { parseLogStarts } from '../../src/log/log-starts.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  BROKER,
  contentOf,
  isError,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
  TOPIC_ID,
} from './log-in-world.ts';
import { fill, SMALL_SEGMENTS, TWO_VALUES } from './small-segments.ts';

const STARTS = `${BROKER}/log-starts`;

function segmentsOn(machine: SimMachine): string[] {
  return namesIn(machine, PARTITION).filter((name) => name.endsWith('.log'));
}

const base = (offset: number): string => `${String(offset).padStart(20, '0')}.log`;

/** Of the partition, by our file of log starts. */
function startOn(machine: SimMachine): number | undefined {
  return machine.files.find(STARTS) === undefined
    ? undefined
    : parseLogStarts(contentOf(machine, STARTS))?.get('t-0')?.offset;
}

async function withLog(
  config: Partial<LogConfig>,
  action: (env: Env, log: PartitionLog, machine: SimMachine, sweep: () => Promise<number>) => Promise<void>,
): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, { ...SMALL_SEGMENTS, ...config });
    await action(env, log, machine, () => logs.sweep());
    await logs.close();
  });
  return machine;
}

describe('log: retention', () => {
  it('by size: the oldest segments go, durably told before, their files later', async () => {
    const machine = await withLog({ retentionBytes: 1000 }, async (env, log, _machine, sweep) => {
      await fill(env, log, 8);
      assert.equal(await sweep(), 2);
      assert.equal(log.logStartOffset, 8);
      assert.ok(log.sizeBytes >= 1000);
      assert.equal((await readAll(log))[0]?.baseOffset, 8);
      assert.equal(await sweep(), 0);
    });
    assert.deepEqual(segmentsOn(machine), [base(8), base(12)]);
    assert.equal(startOn(machine), 8);
  });

  it('the files keep another name until file.delete.delay.ms is over', async () => {
    await withLog({ retentionBytes: 1000, fileDeleteDelayMs: 5000 }, async (env, log, machine, sweep) => {
      await fill(env, log, 8);
      await sweep();
      const deleted = () => namesIn(machine, PARTITION).filter((name) => name.endsWith('.deleted'));
      assert.deepEqual(
        deleted().filter((name) => name.includes('.log')),
        [`${base(0)}.deleted`, `${base(4)}.deleted`],
      );
      await env.clock.sleep(4900);
      assert.ok(deleted().length > 0);
      await env.clock.sleep(200);
      assert.deepEqual(deleted(), []);
    });
  });

  it('by age: whole segments whose newest record is too old; an active one of those is sealed and goes', async () => {
    await withLog({ retentionMs: 60_000 }, async (env, log, machine, sweep) => {
      await fill(env, log, 4);
      await env.clock.sleep(40_000);
      await fill(env, log, 1);
      assert.equal(await sweep(), 0);
      await env.clock.sleep(30_000);
      assert.equal(await sweep(), 2);
      assert.equal(log.logStartOffset, 8);
      await env.clock.sleep(40_000);
      assert.equal(await sweep(), 1);
      assert.deepEqual([log.logStartOffset, log.logEndOffset], [10, 10]);
      assert.deepEqual(segmentsOn(machine), [base(10)]);
      assert.equal(await sweep(), 0);
      await fill(env, log, 1);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [10],
      );
    });
  });

  it('an empty log to which records are on their way has none that are deleted: nothing is sealed', async () => {
    const machine = await withLog({}, async (env, log, _machine, sweep) => {
      const appended = fill(env, log, 1);
      assert.equal(await sweep(), 0);
      await appended;
      await fill(env, log, 1);
    });
    assert.deepEqual(segmentsOn(machine), [base(0)]);
  });

  it('timestamps of sealed segments come from their indexes after an open', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      await fill(env, await openLog(logs, SMALL_SEGMENTS), 6, 1000n);
      await logs.close();
    });
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      const log = await openLog(logs, { ...SMALL_SEGMENTS, retentionMs: 60_000 });
      await logs.sweep();
      assert.equal(log.logStartOffset, 12);
    });
  });

  it('a segment without any timestamp is as old as its file', async () => {
    await withLog({ retentionMs: 60_000 }, async (env, log, _machine, sweep) => {
      await fill(env, log, 4, -1n);
      assert.equal(await sweep(), 0);
      await env.clock.sleep(61_000);
      assert.equal(await sweep(), 2);
    });
  });

  it('nothing goes that is not on the disk, whatever is committed', async () => {
    await withLog({ retentionBytes: 0, durability: 'os' }, async (env, log, _machine, sweep) => {
      await fill(env, log, 5);
      assert.ok(log.durableEndOffset < log.highWatermark);
      const below = log.durableEndOffset;
      await sweep();
      assert.ok(log.logStartOffset <= log.durableEndOffset);
      assert.ok(log.logStartOffset >= below);
    });
  });

  it('a process that may not write any more deletes nothing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      let may = true;
      const logs = await openDirectory(env, { canWrite: () => may });
      const log = await openLog(logs, { ...SMALL_SEGMENTS, retentionBytes: 0 });
      await fill(env, log, 6);
      may = false;
      assert.equal(await logs.sweep(), 0);
      assert.equal(log.logStartOffset, 0);
    });
    assert.deepEqual(segmentsOn(machine), [base(0), base(4), base(8)]);
  });

  it('a log start that cannot be written down: nothing is deleted, and the next sweep does it', async () => {
    await withLog({ retentionBytes: 0 }, async (env, log, machine, sweep) => {
      await fill(env, log, 6);
      const { capacityBytes } = machine.files;
      machine.files.capacityBytes = 0;
      assert.equal(await sweep(), 0);
      assert.equal(log.logStartOffset, 0);
      machine.files.capacityBytes = capacityBytes;
      assert.ok((await sweep()) >= 2);
    });
  });

  it('a close sweeps what is open, and leaves no file to be deleted', async () => {
    const machine = await withLog({ retentionBytes: 1000, fileDeleteDelayMs: 60_000 }, async (env, log) => {
      await fill(env, log, 8);
    });
    assert.deepEqual(segmentsOn(machine), [base(8), base(12)]);
    assert.ok(namesIn(machine, PARTITION).every((name) => !name.endsWith('.deleted')));
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), SMALL_SEGMENTS);
      assert.deepEqual([log.logStartOffset, log.logEndOffset, log.damagedAt], [8, 16, undefined]);
    });
  });

  it('keeps what is known of a producer whose batches are deleted', async () => {
    const machine = newMachine();
    const sent = batchOf(TWO_VALUES, { producerId: 7n, sequence: 0 });
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...SMALL_SEGMENTS, retentionBytes: 0 });
      await (await append(log, Buffer.from(sent))).committed;
      await fill(env, log, 6);
      await logs.sweep();
      assert.ok(log.logStartOffset > 2);
    });
    machine.cutPower({ file: ['nothing kept'], folder: ['nothing kept'] });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), SMALL_SEGMENTS);
      assert.equal((await append(log, Buffer.from(sent))).duplicate, true);
    });
  });

  it('a read under way ends well or is told that its offset is gone; look-ups by time go on from the new start', async () => {
    await withLog({ retentionBytes: 600 }, async (env, log, _machine, sweep) => {
      await fill(env, log, 10);
      const request = {
        maxBytes: 1000,
        minOneBatch: true,
        isolation: 'read_uncommitted',
        upTo: 'highWatermark',
      } as const;
      const reads = [0, 2, 4, 6, 8, 12].map(async (offset) => {
        await env.clock.sleep(offset / 4);
        try {
          const read = await log.read({ ...request, offset });
          assert.equal(read.slices[0]?.readBigInt64BE(0), BigInt(offset));
          read.release();
        } catch (error) {
          assert.ok(isError('OFFSET_OUT_OF_RANGE')(error), String(error));
        }
      });
      const found = log.offsetForTimestamp(0n);
      await Promise.all([sweep(), ...reads]);
      await found;
      assert.equal((await log.offsetForTimestamp(0n))?.offset, log.logStartOffset);
      await assert.rejects(log.read({ ...request, offset: 0 }), isError('OFFSET_OUT_OF_RANGE'));
    });
  });
});

describe('log: DeleteRecords', () => {
  it('moves the log start, durably; segments below it go with the next sweep', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, SMALL_SEGMENTS);
      await fill(env, log, 6);
      assert.equal(await log.deleteRecords(7), 7);
      assert.equal(await log.deleteRecords(3), 7);
      assert.equal(startOn(machine), 7);
      assert.deepEqual(segmentsOn(machine), [base(0), base(4), base(8)]);
      assert.equal((await readAll(log))[0]?.baseOffset, 6);
      assert.equal((await log.offsetForTimestamp(0n))?.offset, 7);
      assert.equal(await logs.sweep(), 1);
      assert.deepEqual(segmentsOn(machine), [base(4), base(8)]);
      assert.equal(log.logStartOffset, 7);
    });
  });

  it('to the high watermark, and not beyond', async () => {
    await withLog({}, async (env, log) => {
      assert.equal(await log.deleteRecords(-1), 0);
      await fill(env, log, 3);
      await assert.rejects(log.deleteRecords(7), isError('OFFSET_OUT_OF_RANGE'));
      await assert.rejects(log.deleteRecords(-2), isError('OFFSET_OUT_OF_RANGE'));
      assert.equal(await log.deleteRecords(-1), 6);
      assert.deepEqual(await readAll(log), []);
      await fill(env, log, 1);
      assert.equal((await readAll(log))[0]?.baseOffset, 6);
    });
  });

  it('wakes who waits, is in every answer, and in Kafka’s checkpoint', async () => {
    const machine = await withLog({}, async (env, log) => {
      await fill(env, log, 6);
      let woken = 0;
      log.onAdvanced(() => {
        woken += 1;
      });
      await log.deleteRecords(5);
      assert.ok(woken > 0);
      assert.equal((await append(log, batchOf(TWO_VALUES))).logStartOffset, 5);
    });
    const checkpoint = contentOf(machine, `${BROKER}/log/log-start-offset-checkpoint`).toString('latin1');
    assert.deepEqual(parseOffsetCheckpoint(checkpoint), new Map([['t-0', 5]]));
  });

  it('lasts through a kill, and through a process that closes cleanly without having opened the log', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 1 });
      await fill(env, await openLog(logs, SMALL_SEGMENTS), 6);
      await logs.close();
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), SMALL_SEGMENTS);
      assert.equal(await log.deleteRecords(6), 6);
    });
    machine.cutPower({ file: ['nothing kept'], folder: ['nothing kept'] });
    await run(machine, async (env) => (await openDirectory(env, { brokerEpoch: 3 })).close());
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 4 });
      const log = await openLog(logs, SMALL_SEGMENTS);
      assert.deepEqual([log.logStartOffset, log.damagedAt], [6, undefined]);
      await logs.close();
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 5 }), SMALL_SEGMENTS);
      assert.equal(log.logStartOffset, 6);
    });
  });

  it('past the epochs that its first segment begins with: reads and recovery find no fault with them', async () => {
    const machine = newMachine();
    const config = { indexIntervalBytes: 1_000_000 };
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), config);
      for (const epoch of [0, 1, 2]) await (await append(log, batchOf(TWO_VALUES), epoch)).committed;
      assert.equal(await log.deleteRecords(5), 5);
      assert.equal((await readAll(log))[0]?.baseOffset, 4);
      await (await append(log, batchOf(TWO_VALUES), 3)).committed;
      assert.equal(log.damagedAt, undefined);
    });
    const epochs = contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString('latin1');
    assert.equal(epochs, '0\n2\n2 5\n3 6\n');
    const file = machine.files.get(`${PARTITION}/${base(0)}`, 'test').content;
    file.write(Buffer.alloc(30), file.size);
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), config);
      assert.deepEqual([log.damagedAt, log.logStartOffset, log.highWatermark], [undefined, 5, 8]);
      assert.equal((await readAll(log)).length, 2);
    });
  });

  it('a topic made again under the name does not inherit it', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, SMALL_SEGMENTS);
      await fill(env, log, 4);
      await log.deleteRecords(4);
      await logs.deletePartition('t', 0, TOPIC_ID);
      const other = await logs.openPartition({
        topic: 't',
        partition: 0,
        topicId: 'BQIDBAUGBwgJCgsMDQ4PEA',
        config: { ...DEFAULT_LOG_CONFIG, timestampAfterMaxMs: 1n << 62n, ...SMALL_SEGMENTS },
        leaderEpoch: 0,
      });
      await fill(env, other, 1);
      assert.deepEqual([other.logStartOffset, (await readAll(other)).length], [0, 1]);
    });
  });

  it('a log that is damaged or closed refuses', async () => {
    await withLog({}, async (env, log) => {
      await fill(env, log, 4);
      log.markDamaged(2);
      await assert.rejects(log.deleteRecords(2), isError('KAFKA_STORAGE_ERROR'));
      await log.close();
      await assert.rejects(log.deleteRecords(2));
    });
  });
});

describe('log: damage found while it is served', () => {
  it('ends appends, is served up to it, and is known to the next open', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, SMALL_SEGMENTS);
      await fill(env, log, 4);
      log.markDamaged(4);
      log.markDamaged(6);
      assert.equal(log.damagedAt, 4);
      await assert.rejects(append(log, batchOf(TWO_VALUES)), isError('KAFKA_STORAGE_ERROR'));
      const request = { maxBytes: 1, minOneBatch: true, isolation: 'read_uncommitted', upTo: 'highWatermark' } as const;
      const read = await log.read({ ...request, offset: 2 });
      read.release();
      await assert.rejects(log.read({ ...request, offset: 4 }), isError('CORRUPT_MESSAGE'));
      assert.equal(await logs.sweep({ giveCounts: new Map([['t-0', 1]]) }), 0);
      await logs.close();
    });
    const record = contentOf(machine, `${BROKER}/close-record`).toString('latin1');
    assert.match(record, /"damagedAt":4\b/);
  });
});
