/** Damage from one life of a log to the next: what is known of it, what is refused meanwhile, and how it ends when the bytes return. */
import assert from 'node:assert/strict';
import { parseCloseRecord, parseCloseRecordLine } from '../../src/log/close-record.ts';
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
} from './log-in-world.ts';

const PRODUCER = 7n;
const SIZE = batchAt(0).length;
const CONFIG = { segmentBytes: SIZE * 2 };
const FIRST = `${PARTITION}/00000000000000000000.log`;

function batchAt(sequence: number): Buffer {
  return batchOf(['x'.repeat(40)], { producerId: PRODUCER, sequence });
}

/** Nine batches of one idempotent producer in five segments; their process closed, or was killed when all was checkpointed. */
async function nineBatches(end: 'close' | 'kill'): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, CONFIG);
    for (let index = 0; index < 9; index++) await (await append(log, batchAt(index))).committed;
    if (end === 'close') await logs.close();
    else await env.clock.sleep(6500);
  });
  return machine;
}

/** One life that ends with a clean close. */
function life<T>(machine: SimMachine, brokerEpoch: number, look: (log: PartitionLog) => Promise<T>): Promise<T> {
  return run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch });
    const result = await look(await openLog(logs, CONFIG));
    await logs.close();
    return result;
  });
}

function lineOf(machine: SimMachine): ReturnType<typeof parseCloseRecordLine> {
  const line = parseCloseRecord(contentOf(machine, `${BROKER}/close-record`))?.linesByName.get('t-0');
  return line === undefined ? undefined : parseCloseRecordLine(line);
}

async function isRefused(log: PartitionLog): Promise<void> {
  await assert.rejects(append(log, batchAt(9)), isError('KAFKA_STORAGE_ERROR'));
}

/** All nine are there, a batch that is sent again is recognised, and the next one is taken. */
async function isWhole(log: PartitionLog): Promise<void> {
  assert.deepEqual([log.damagedAt, log.logEndOffset, (await readAll(log)).length], [undefined, 9, 9]);
  assert.deepEqual([(await append(log, batchAt(6))).duplicate, (await append(log, batchAt(9))).baseOffset], [true, 9]);
}

describe('log: damage', () => {
  it('that was found while reading is known to the next life, at offset 0 too, until its bytes are as they were', async () => {
    for (const offset of [0, 1, 8]) {
      const machine = await nineBatches('close');
      const name = `${PARTITION}/${String(offset - (offset % 2)).padStart(20, '0')}.log`;
      const position = (offset % 2) * SIZE + 80;
      machine.files.get(name, 'test').content.damage(position, 0);
      // A clean close: nothing is scanned, so that only a read can tell.
      assert.equal(await life(machine, 2, readToDamage), offset);
      for (const brokerEpoch of [3, 4]) {
        const damagedAt = await life(machine, brokerEpoch, async (log) => {
          await isRefused(log);
          return log.damagedAt;
        });
        assert.equal(damagedAt, offset);
        assert.equal(lineOf(machine)?.damagedAt, offset);
      }
      machine.files.get(name, 'test').content.damage(position, 0);
      await life(machine, 5, isWhole);
      assert.deepEqual([lineOf(machine)?.damagedAt, lineOf(machine)?.endOffset], [undefined, 10]);
    }
  });

  for (const end of ['close', 'kill'] as const) {
    it(`that an open found, after a ${end}, is in the close record, until the files are as they were`, async () => {
      const machine = await nineBatches(end);
      const path = `${PARTITION}/00000000000000000004.log`;
      const before = contentOf(machine, path);
      machine.files.unlink(path);
      for (const brokerEpoch of [2, 3]) {
        await life(machine, brokerEpoch, async (log) => {
          assert.deepEqual([log.damagedAt, log.highWatermark, (await readAll(log)).length], [4, 9, 4]);
          await isRefused(log);
        });
        assert.deepEqual([lineOf(machine)?.damagedAt, lineOf(machine)?.endOffset], [4, 9]);
      }
      await run(machine, async ({ disk }) => {
        const file = await disk.open(path, 'w+');
        await file.writev([before], 0);
        await file.close();
      });
      await life(machine, 4, isWhole);
      assert.equal(lineOf(machine)?.damagedAt, undefined);
    });
  }

  it('is known without the recovery point, which Kafka may have written anew', async () => {
    const machine = await nineBatches('kill');
    machine.files.get(FIRST, 'test').content.truncate(SIZE + 10);
    for (const name of namesIn(machine, PARTITION)) {
      if (/0[2-8]\.log$/.test(name)) machine.files.unlink(`${PARTITION}/${name}`);
    }
    assert.equal(await life(machine, 2, async (log) => log.damagedAt), 1);
    machine.files.unlink(`${BROKER}/log/recovery-point-offset-checkpoint`);
    assert.equal(await life(machine, 3, async (log) => log.damagedAt), 1);
  });

  it('that was no more than a strange file behind the end is over with that file', async () => {
    const machine = await nineBatches('kill');
    const stranger = `${PARTITION}/00000000000000000200.log`;
    await run(machine, (env) => env.disk.makeDirectory(stranger));
    await life(machine, 2, async (log) => {
      assert.deepEqual([log.damagedAt, (await readAll(log)).length], [9, 9]);
      await isRefused(log);
    });
    await run(machine, (env) => env.disk.removeTree(stranger));
    await life(machine, 3, isWhole);
  });

  it('stops reads that began before it, and every read at it or behind it', async () => {
    const machine = await nineBatches('close');
    machine.files.get(FIRST, 'test').content.damage(SIZE + 80, 0);
    await life(machine, 2, async (log) => {
      assert.equal(await readToDamage(log), 1);
      assert.equal((await readAll(log)).length, 1);
      const range = { maxBytes: 9999, minOneBatch: true, isolation: 'read_committed', upTo: 'logEnd' } as const;
      for (const offset of [1, 2, 8, 9, 1000]) {
        await assert.rejects(log.read({ offset, ...range }), isError('CORRUPT_MESSAGE'));
      }
      await assert.rejects(log.read({ offset: -1, ...range }), isError('OFFSET_OUT_OF_RANGE'));
    });
  });

  it('leaves the epochs behind it known: a client that read them is not told that its log parts from this one', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      for (let index = 0; index < 9; index++) await (await append(log, batchAt(index), index < 6 ? 1 : 4)).committed;
      await logs.close();
    });
    machine.files.unlink(`${PARTITION}/00000000000000000002.log`);
    await life(machine, 2, async (log) => {
      assert.equal(log.damagedAt, 2);
      assert.deepEqual(log.endOffsetFor(1), { leaderEpoch: 1, endOffset: 6 });
      assert.deepEqual(log.endOffsetFor(4), { leaderEpoch: 4, endOffset: 9 });
    });
  });

  it('gaps that a leader had are told by the close record, also to a recovery', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      for (const baseOffset of [0, 7, 50]) {
        const records = [batchOf(['x'.repeat(40)], { baseOffset, leaderEpoch: 0 })];
        await (await log.append({ records, origin: 'follower', leaderEpoch: 0 })).committed;
      }
      await logs.close();
    });
    assert.equal(lineOf(machine)?.gaps, true);
    machine.files.unlink(`${BROKER}/log/.kafka_cleanshutdown`);
    await life(machine, 2, async (log) => assert.equal((await readAll(log)).length, 3));
    assert.equal(lineOf(machine)?.gaps, true);
  });
});

/** Reads from the start until the log says no, and answers from which offset on. */
async function readToDamage(log: PartitionLog): Promise<number | undefined> {
  await assert.rejects(async () => {
    // Each read ends before the damage; the next one is refused.
    for (let offset = 0; ; ) {
      const read = await log.read({
        offset,
        maxBytes: 9999,
        minOneBatch: true,
        isolation: 'read_uncommitted',
        upTo: 'highWatermark',
      });
      read.release();
      assert.ok(read.nextOffset !== undefined);
      offset = read.nextOffset;
    }
  }, isError('CORRUPT_MESSAGE'));
  return log.damagedAt;
}
