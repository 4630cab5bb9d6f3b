import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { formatCloseRecord, parseCloseRecord } from '../../src/log/close-record.ts';
import type { LogConfig } from '../../src/log/log-config.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  BROKER,
  contentOf,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
} from './log-in-world.ts';

const LOG = `${PARTITION}/00000000000000000000.log`;
const SIZE = batchOf(['x'.repeat(40)]).length;

/** A log of `count` batches of one record each, whose process was killed; the first `durable` of them are checkpointed. */
async function killedLog(count: number, durable = 0, config: Partial<LogConfig> = {}): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const log = await openLog(await openDirectory(env), config);
    for (let index = 0; index < count; index++) {
      await (await append(log, batchOf(['x'.repeat(40)], { timestamp: BigInt(index) }))).committed;
      if (index === durable - 1) await env.clock.sleep(6500);
    }
  });
  return machine;
}

function reopen<T>(
  machine: SimMachine,
  action: (log: PartitionLog, env: Env) => Promise<T>,
  close = false,
): Promise<T> {
  return run(machine, async (env) => {
    const logs = await openDirectory(env);
    const result = await action(await openLog(logs), env);
    if (close) await logs.close();
    return result;
  });
}

/** The log as that of a compaction, whose last close says that offsets may be missing. The marker is gone. */
function allowGaps(machine: SimMachine): void {
  const path = `${BROKER}/close-record`;
  const record = parseCloseRecord(contentOf(machine, path));
  assert.ok(record !== undefined);
  const line = record.linesByName.get('t-0') ?? '';
  record.linesByName.set('t-0', line.replace(' {', ' {"gaps":true,'));
  const { content } = machine.files.get(path, 'test');
  content.truncate(0);
  content.write(formatCloseRecord(record), 0);
  machine.files.unlink(`${BROKER}/log/.kafka_cleanshutdown`);
}

describe('log: recovery', () => {
  for (const [what, change] of [
    ['zeros after the last batch', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(4096 - bytes.length)])],
    ['half a header after it', (bytes: Buffer) => Buffer.concat([bytes, bytes.subarray(0, 30)])],
    ['half a batch after it', (bytes: Buffer) => Buffer.concat([bytes, bytes.subarray(0, SIZE - 1)])],
    ['a batch that was there before', (bytes: Buffer) => Buffer.concat([bytes, bytes.subarray(0, SIZE)])],
    ['a batch of an older leader', (bytes: Buffer) => Buffer.concat([bytes, batchOf(['x'], { baseOffset: 5 })])],
    [
      'a batch with zeros in its records',
      (bytes: Buffer) =>
        Buffer.concat([bytes, batchOf(['y'.repeat(99)], { baseOffset: 5, leaderEpoch: 0 }).fill(0, 90)]),
    ],
    [
      'a batch with more records than offsets',
      (bytes: Buffer) => Buffer.concat([bytes, batchOf(['x'], { baseOffset: 5, leaderEpoch: 0, recordCount: 2 })]),
    ],
    [
      'a batch with a negative last offset delta',
      (bytes: Buffer) => Buffer.concat([bytes, batchOf(['x'], { baseOffset: 5, leaderEpoch: 0, lastOffsetDelta: -1 })]),
    ],
    [
      'a batch of magic 1',
      (bytes: Buffer) => {
        const old = batchOf(['x'], { baseOffset: 5, leaderEpoch: 0 });
        old.writeInt8(1, 16);
        return Buffer.concat([bytes, old]);
      },
    ],
  ] as const) {
    it(`past the durable point cuts ${what}`, async () => {
      const machine = await killedLog(5, 2);
      const { content } = machine.files.get(LOG, 'test');
      content.write(change(contentOf(machine, LOG)), 0);
      await reopen(machine, async (log) => {
        assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 5]);
        assert.equal(contentOf(machine, LOG).length, 5 * SIZE);
        assert.equal((await append(log, batchOf(['y']))).baseOffset, 5);
      });
    });
  }

  it('cuts at the first bad batch past the durable point, whatever follows it', async () => {
    const machine = await killedLog(5, 2);
    machine.files.get(LOG, 'test').content.damage(3 * SIZE + 70, 0);
    await reopen(machine, async (log) => {
      assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 3]);
    });
  });

  it('a bad batch in a segment that was left for the next one is damage', async () => {
    const machine = await killedLog(9, 9, { segmentBytes: SIZE * 2 });
    machine.files.get(`${PARTITION}/00000000000000000004.log`, 'test').content.damage(SIZE + 16, 0);
    await reopen(machine, async (log) => {
      assert.equal(log.damagedAt, 5);
      assert.equal((await readAll(log)).length, 5);
      assert.equal(namesIn(machine, PARTITION).filter((name) => name.endsWith('.log')).length, 5);
    });
  });

  it('zeros after the last batch of such a segment are cut, and nothing is lost', async () => {
    const machine = await killedLog(9, 0, { segmentBytes: SIZE * 2 });
    machine.files.get(`${PARTITION}/00000000000000000004.log`, 'test').content.truncate(4096);
    await reopen(machine, async (log) => {
      assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 9]);
      assert.equal((await readAll(log)).length, 9);
      assert.equal(contentOf(machine, `${PARTITION}/00000000000000000004.log`).length, SIZE * 2);
    });
  });

  it('a segment that the last close left and that is gone is damage', async () => {
    const machine = newMachine();
    const config = { segmentBytes: SIZE * 2 };
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, config);
      for (let index = 0; index < 9; index++) await (await append(log, batchOf(['x'.repeat(40)]))).committed;
      await logs.close();
    });
    machine.files.unlink(`${PARTITION}/00000000000000000004.log`);
    await reopen(machine, async (log) => assert.equal(log.damagedAt, 4));
  });

  it('a follower keeps the gaps that its leader has', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { segmentBytes: SIZE });
      for (const baseOffset of [0, 7, 50]) {
        const records = [batchOf(['x'.repeat(40)], { baseOffset, leaderEpoch: 0 })];
        await (await log.append({ records, origin: 'follower', leaderEpoch: 0 })).committed;
      }
      await logs.close();
    });
    machine.files.unlink(`${BROKER}/log/.kafka_cleanshutdown`);
    await reopen(machine, async (log) => {
      assert.equal(log.damagedAt, undefined);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [0, 7, 50],
      );
    });
  });

  for (const [what, change] of [
    ['a broken header', (machine: SimMachine) => machine.files.get(LOG, 'test').content.damage(2 * SIZE + 16, 0)],
    ['a missing end', (machine: SimMachine) => machine.files.get(LOG, 'test').content.truncate(2 * SIZE)],
    ['a cut batch', (machine: SimMachine) => machine.files.get(LOG, 'test').content.truncate(2 * SIZE + 10)],
  ] as const) {
    it(`${what} before the durable point is damage: nothing is cut, and what lies before is served`, async () => {
      const machine = await killedLog(5, 4);
      change(machine);
      const before = contentOf(machine, LOG);
      for (let life = 0; life < 2; life++) {
        await run(machine, async (env) => {
          const logs = await openDirectory(env, { brokerEpoch: life + 1 });
          const log = await openLog(logs);
          assert.equal(log.damagedAt, 2);
          assert.equal(log.highWatermark, 4);
          assert.deepEqual(
            (await readAll(log)).map(({ baseOffset }) => baseOffset),
            [0, 1],
          );
          const request = { offset: 2, maxBytes: 99, minOneBatch: true, isolation: 'read_committed' } as const;
          await assert.rejects(log.read({ ...request, upTo: 'highWatermark' }), { errorName: 'CORRUPT_MESSAGE' });
          await assert.rejects(append(log, batchOf(['x'])), { errorName: 'KAFKA_STORAGE_ERROR' });
          await logs.close();
        });
        assert.ok(contentOf(machine, LOG).equals(before));
      }
    });
  }

  it('the recovery point never runs ahead of the disk', async () => {
    for (const durability of ['os', 'interval'] as const) {
      const machine = newMachine();
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env), { durability, flushMs: 900 });
        await (await append(log, batchOf(['a']))).committed;
        // Synced after 0.9 s, checkpointed 5 s later; what is written just before that waits for the next sync.
        await env.clock.sleep(5700);
        await (await append(log, batchOf(['b']))).committed;
        await env.clock.sleep(600);
        assert.match(contentOf(machine, `${BROKER}/log/recovery-point-offset-checkpoint`).toString(), /t 0 1\n$/);
        assert.equal(log.durableEndOffset, 1);
      });
      machine.cutPower({ file: ['nothing kept'], folder: ['all kept'] });
      await reopen(machine, async (log) => {
        assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 1]);
      });
    }
  });

  it('leader epochs are found in the batches where their file is missing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      for (const epoch of [0, 0, 3, 4]) await (await append(log, batchOf(['x']), epoch)).committed;
    });
    machine.files.unlink(`${PARTITION}/leader-epoch-checkpoint`);
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, {}, 4);
      assert.deepEqual(log.endOffsetFor(0), { leaderEpoch: 0, endOffset: 2 });
      await logs.close();
    });
    assert.equal(contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString(), '0\n3\n0 0\n3 2\n4 3\n');
  });

  it('a recovery leaves indexes of the whole log', async () => {
    const machine = await killedLog(300, 0);
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      await openLog(logs);
      await logs.close();
    });
    const index = contentOf(machine, `${PARTITION}/00000000000000000000.index`);
    assert.ok(index.length / 8 > 5);
    for (let at = 0; at < index.length; at += 8) {
      assert.equal(index.readInt32BE(at + 4), index.readInt32BE(at) * SIZE);
    }
  });

  it('a log that Kafka closed, without a close record, is read to its end', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      for (let index = 0; index < 3; index++) await (await append(log, batchOf(['x']))).committed;
      await logs.close();
    });
    machine.files.unlink(`${BROKER}/close-record`);
    await reopen(machine, async (log) => {
      assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 3]);
    });
  });

  it('gaps that compaction left before the durable point are no damage', async () => {
    const machine = await killedLog(5, 5);
    await reopen(machine, async (_, env) => env.clock.sleep(1), true);
    allowGaps(machine);
    const bytes = contentOf(machine, LOG);
    const kept = Buffer.concat([bytes.subarray(0, SIZE), bytes.subarray(3 * SIZE)]);
    const { content } = machine.files.get(LOG, 'test');
    content.truncate(0);
    content.write(kept, 0);
    await reopen(machine, async (log) => {
      assert.equal(log.damagedAt, undefined);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [0, 3, 4],
      );
      assert.deepEqual(
        (await readAll(log, 1)).map(({ baseOffset }) => baseOffset),
        [3, 4],
      );
    });
  });

  it('a CRC before the durable point is checked when the batch is read, and what precedes it is served', async () => {
    const machine = await killedLog(5, 5);
    machine.files.get(LOG, 'test').content.damage(SIZE + 80, 0);
    const before = contentOf(machine, LOG);
    await reopen(machine, async (log) => {
      assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 5]);
      const request = {
        maxBytes: 9999,
        minOneBatch: true,
        isolation: 'read_committed',
        upTo: 'highWatermark',
      } as const;
      const read = await log.read({ offset: 0, ...request });
      assert.deepEqual([read.byteCount, read.nextOffset, log.damagedAt], [SIZE, 1, 1]);
      read.release();
      for (const offset of [1, 2, 4]) {
        await assert.rejects(log.read({ offset, ...request }), { errorName: 'CORRUPT_MESSAGE' });
      }
      await assert.rejects(append(log, batchOf(['x'])), { errorName: 'KAFKA_STORAGE_ERROR' });
    });
    assert.ok(contentOf(machine, LOG).equals(before));
  });

  it('bytes that are cut are copied aside where batches follow, the same again after a crash', async () => {
    const machine = await killedLog(5, 2);
    machine.files.get(LOG, 'test').content.damage(3 * SIZE + 70, 0);
    const cut = contentOf(machine, LOG).subarray(3 * SIZE);
    await reopen(machine, async (log) => assert.equal(log.highWatermark, 3));
    const [name = '', ...others] = namesIn(machine, `${BROKER}/cut`);
    assert.deepEqual(others, []);
    assert.match(name, new RegExp(`^t-0\\.0{20}\\.${3 * SIZE}-${5 * SIZE}\\.[0-9a-f]{8}$`));
    assert.ok(contentOf(machine, `${BROKER}/cut/${name}`).equals(cut));
    machine.files.get(LOG, 'test').content.write(cut, 3 * SIZE);
    await reopen(machine, async (log) => assert.equal(log.highWatermark, 3));
    assert.deepEqual(namesIn(machine, `${BROKER}/cut`), [name]);
  });

  it('a torn tail is not copied', async () => {
    const machine = await killedLog(5, 2);
    machine.files.get(LOG, 'test').content.truncate(4 * SIZE + 30);
    await reopen(machine, async (log) => assert.equal(log.highWatermark, 4));
    assert.deepEqual(namesIn(machine, `${BROKER}/cut`), []);
  });

  it('a flipped leader-epoch-checkpoint is found out by the batches', async () => {
    const machine = await killedLog(5, 2);
    machine.files.get(`${PARTITION}/leader-epoch-checkpoint`, 'test').content.write(Buffer.from('0\n1\n4 0\n'), 0);
    await reopen(machine, async (log) => {
      assert.deepEqual([log.damagedAt, log.highWatermark], [undefined, 5]);
      assert.equal((await readAll(log)).length, 5);
    });
  });

  it('an epoch that only one batch has, and no file, is damage; nothing is cut', async () => {
    const machine = await killedLog(5, 2);
    machine.files.get(LOG, 'test').content.write(Buffer.from([0, 0, 0, 9]), 4 * SIZE + 12);
    await reopen(machine, async (log) => {
      assert.equal(log.damagedAt, 4);
      assert.equal((await readAll(log)).length, 4);
    });
    assert.equal(contentOf(machine, LOG).length, 5 * SIZE);
  });

  for (const [what, appended, damagedAt, start, end] of [
    ['and nothing was known beyond it, begins anew at its start', 5, undefined, 5, 5],
    ['and more was once on the disk, is damaged at its start', 9, 5, 5, 9],
  ] as const) {
    it(`a log that ends before its start, ${what}`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env));
        for (let index = 0; index < appended; index++) await (await append(log, batchOf(['x'.repeat(40)]))).committed;
        assert.equal(await log.deleteRecords(5), 5);
        await env.clock.sleep(6500);
      });
      machine.files.get(LOG, 'test').content.truncate(2 * SIZE);
      for (let life = 2; life < 4; life++) {
        await run(machine, async (env) => {
          const log = await openLog(await openDirectory(env, { brokerEpoch: life }));
          assert.deepEqual([log.damagedAt, log.logStartOffset, log.logEndOffset], [damagedAt, start, end]);
        });
      }
      const logs = namesIn(machine, PARTITION).filter((name) => name.endsWith('.log'));
      assert.deepEqual(logs, [`${String(damagedAt === undefined ? 5 : 0).padStart(20, '0')}.log`]);
    });
  }
});
