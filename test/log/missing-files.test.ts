/** Files of a log that were there and are not any more, and files that never were a part of it. */
import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  BROKER,
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

const SEGMENT_BYTES = batchOf(['x'.repeat(40)]).length * 2;
const CONFIG = { segmentBytes: SEGMENT_BYTES };

/** A log of nine batches in the segments 0, 2, 4, 6 and 8. */
async function nineBatches(end: 'close' | 'kill'): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, CONFIG);
    for (let index = 0; index < 9; index++) await (await append(log, batchOf(['x'.repeat(40)]))).committed;
    if (end === 'close') await logs.close();
    else await env.clock.sleep(6500);
  });
  return machine;
}

function removeFiles(machine: SimMachine, which: RegExp): void {
  for (const name of namesIn(machine, PARTITION)) if (which.test(name)) machine.files.unlink(`${PARTITION}/${name}`);
}

/** What a life sees: the damage, and from where it can read. Appends are refused, closes leave the damage to the next. */
async function damagedLife(machine: SimMachine, brokerEpoch: number): Promise<number | undefined> {
  return await run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch });
    const log = await openLog(logs, CONFIG);
    const { damagedAt } = log;
    if (damagedAt !== undefined) {
      await assert.rejects(append(log, batchOf(['y'])), isError('KAFKA_STORAGE_ERROR'));
      const read = { maxBytes: 1000, minOneBatch: true, isolation: 'read_uncommitted', upTo: 'logEnd' } as const;
      await assert.rejects(log.read({ ...read, offset: damagedAt }), isError('CORRUPT_MESSAGE'));
      // An end at the damage would be taken for the end of the log.
      assert.ok(log.highWatermark > damagedAt && log.logEndOffset >= log.highWatermark);
      for (const offset of [log.logEndOffset, log.logEndOffset + 100]) {
        await assert.rejects(log.read({ ...read, offset }), isError('CORRUPT_MESSAGE'));
      }
    }
    await logs.close();
    return damagedAt;
  });
}

describe('log: missing files', () => {
  for (const end of ['close', 'kill'] as const) {
    for (const [what, which, damagedAt] of [
      ['all segments', /\.log$/, 0],
      ['all files', /./, 0],
      ['the first segment', /00\.log$/, 0],
      ['one in the middle', /04\.log$/, 4],
      ['the last one', /08\.log$/, 8],
    ] as const) {
      it(`${what}: damage, whoever opens it, after a ${end}`, async () => {
        const machine = await nineBatches(end);
        removeFiles(machine, which);
        const before = namesIn(machine, PARTITION);
        for (const brokerEpoch of [2, 3, 4]) assert.equal(await damagedLife(machine, brokerEpoch), damagedAt);
        assert.deepEqual(namesIn(machine, PARTITION), before);
      });
    }

    it(`the partition's directory: damage, and nothing is made in its place, after a ${end}`, async () => {
      const machine = await nineBatches(end);
      removeFiles(machine, /./);
      await run(machine, (env) => env.disk.removeTree(PARTITION));
      for (const brokerEpoch of [2, 3]) assert.equal(await damagedLife(machine, brokerEpoch), 0);
      assert.ok(!namesIn(machine, `${BROKER}/log`).includes('t-0'));
    });
  }

  it('a log of another topic id whose files are put aside is no damage of this one', async () => {
    const machine = await nineBatches('close');
    const open = async (env: Env, brokerEpoch: number): Promise<number | undefined> => {
      const logs = await openDirectory(env, { brokerEpoch });
      const topicId = 'AAAAAAAAAAAAAAAAAAAABQ';
      const of = { topic: 't', partition: 0, topicId, config: DEFAULT_LOG_CONFIG, leaderEpoch: 0 };
      return (await logs.openPartition(of)).damagedAt;
    };
    machine.spawn('killed', async ({ env }) => {
      // When the old directory has its new name.
      machine.onDiskCall = (call, process) => {
        if (call === 'syncDirectory' && !namesIn(machine, `${BROKER}/log`).includes('t-0')) process.kill('test');
      };
      await open(env, 2);
      return 0;
    });
    await machine.world.run(() => machine.alive().length === 0, 10_000);
    machine.onDiskCall = () => undefined;
    assert.ok(!namesIn(machine, `${BROKER}/log`).includes('t-0'));
    assert.equal(await run(machine, (env) => open(env, 3)), undefined);
  });
});

describe('log: a directory that is removed under its broker', () => {
  for (const [what, appendedBefore] of [
    ['before the first append', false],
    ['after others', true],
  ] as const) {
    it(`${what}: nothing is made in its place`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const other = { topic: 'other', partition: 0, topicId: TOPIC_ID, config: DEFAULT_LOG_CONFIG, leaderEpoch: 0 };
        if (appendedBefore) await (await append(await logs.openPartition(other), batchOf(['a']))).committed;
        await env.disk.removeTree('/d');
        const appended = await append(await openLog(logs), batchOf(['b']));
        await assert.rejects(appended.committed, isError('KAFKA_STORAGE_ERROR'));
        assert.equal(await env.disk.stat('/d'), undefined);
      });
    });
  }
});

describe('log: an empty segment behind the end of the log', () => {
  for (const end of ['close', 'kill'] as const) {
    it(`is removed when no roll made it, after a ${end}`, async () => {
      const machine = await nineBatches(end);
      const stray = '00000000000000000200.log';
      await run(machine, async (env) => (await env.disk.open(`${PARTITION}/${stray}`, 'w+')).close());
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), CONFIG);
        assert.deepEqual([log.damagedAt, log.logEndOffset, (await readAll(log)).length], [undefined, 9, 9]);
        assert.equal((await append(log, batchOf(['y']))).baseOffset, 9);
      });
      assert.ok(!namesIn(machine, PARTITION).includes(stray));
    });
  }

  it('that a roll made says that what lies before it was there', async () => {
    const machine = await nineBatches('kill');
    const last = `${PARTITION}/00000000000000000008.log`;
    machine.files.get(last, 'test').content.truncate(0);
    machine.files.unlink(`${PARTITION}/00000000000000000006.log`);
    assert.equal(await damagedLife(machine, 2), 6);
  });
});
