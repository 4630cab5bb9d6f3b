/** The syncs of segments that a log has left, when not each write is synced: in the background, in order, few at a time. */
import assert from 'node:assert/strict';
import { DEFAULT_LOG_CONFIG as LOG_CONFIG } from '../../src/log/log-config.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import { append, namesIn, newMachine, openDirectory, openLog, PARTITION, readAll, run } from './log-in-world.ts';

const CONFIG = { segmentBytes: 200, durability: 'os' } as const;
const batch = (): Buffer => batchOf(['x'.repeat(50)]);

/** The base offsets of the segments that are synced, in order of the calls. */
function watchSyncs(machine: SimMachine, delayMs = 0): number[] {
  const synced: number[] = [];
  machine.hardware.faults = (call, path) => {
    if (call !== 'datasync' || !/\d\.log$/.test(path)) return undefined;
    synced.push(Number(path.slice(-24, -4)));
    return delayMs === 0 ? undefined : { kind: 'slow', delayMs };
  };
  return synced;
}

describe('log: segments that wait for their sync', () => {
  it('are synced within seconds, the oldest first, and the active one is not', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), CONFIG);
      const synced = watchSyncs(machine);
      for (let index = 0; index < 4; index++) await (await append(log, batch())).committed;
      assert.deepEqual(synced, []);
      await env.clock.sleep(4000);
      assert.deepEqual(synced, [0, 1, 2]);
      assert.equal(log.durableEndOffset, 3);
      await env.clock.sleep(60_000);
      assert.deepEqual(synced, [0, 1, 2]);
    });
  });

  it('are at most four: the next roll waits for the oldest', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), CONFIG);
      const synced = watchSyncs(machine, 500);
      for (let index = 0; index < 5; index++) await (await append(log, batch())).committed;
      assert.equal(log.durableEndOffset, 0);
      await (await append(log, batch())).committed;
      assert.deepEqual(synced, [0]);
      assert.equal(log.durableEndOffset, 1);
    });
  });

  it('are all synced by a close, before the active one', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      const synced = watchSyncs(machine);
      for (let index = 0; index < 3; index++) await (await append(log, batch())).committed;
      await logs.close();
      assert.deepEqual(synced, [0, 1, 2]);
    });
  });

  it('are synced before an append is acked once the mode is ack', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), CONFIG);
      const synced = watchSyncs(machine);
      for (let index = 0; index < 3; index++) await (await append(log, batch())).committed;
      log.setConfig({ ...LOG_CONFIG, segmentBytes: 200, durability: 'ack' });
      await (await append(log, batch())).committed;
      assert.deepEqual([...new Set(synced)], [0, 1, 2, 3]);
      assert.equal(log.durableEndOffset, 4);
    });
  });

  it('and are left behind whole by a roll that fails, which is done later', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      await (await append(log, batch())).committed;
      machine.hardware.faults = (call, path) =>
        call === 'open' && /1\.log$/.test(path) ? { kind: 'error', code: 'EDQUOT' } : undefined;
      await assert.rejects((await append(log, batch())).committed);
      const synced = watchSyncs(machine);
      for (let index = 0; index < 3; index++) await (await append(log, batch())).committed;
      await env.clock.sleep(10_000);
      assert.equal((await readAll(log)).length, 4);
      await logs.close();
      assert.deepEqual([...new Set(synced)], [0, 1, 2, 3]);
    });
  });

  it('lose in a power cut what was not synced, which is no damage', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const machine = newMachine(seed);
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env), CONFIG);
        for (let index = 0; index < seed % 11; index++) await (await append(log, batch())).committed;
        await env.clock.sleep(seed % 3 === 0 ? 1000 : 0);
      });
      machine.cutPower();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs, CONFIG);
        assert.equal(log.damagedAt, undefined, `seed ${seed}`);
        const { logEndOffset } = log;
        assert.equal((await readAll(log)).length, logEndOffset);
        await (await append(log, batch())).committed;
        await logs.close();
        const bases = namesIn(machine, PARTITION).filter((name) => name.endsWith('.log'));
        assert.equal(bases.length, Math.max(1, logEndOffset + 1));
      });
    }
  });
});
