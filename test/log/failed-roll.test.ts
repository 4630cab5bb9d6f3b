import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import { append, namesIn, newMachine, openDirectory, openLog, PARTITION, readAll, run } from './log-in-world.ts';

const CONFIG = { segmentBytes: 3000 };

/** An Env whose next sync of the partition's folder fails for want of room, once `fail()` was called. */
function failing(env: Env): { env: Env; fail(): void } {
  let failNext = false;
  const syncDirectory = async (path: string): Promise<void> => {
    if (path === PARTITION && failNext) {
      failNext = false;
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    }
    await env.disk.syncDirectory(path);
  };
  const disk = new Proxy(env.disk, {
    get: (target, name) => {
      if (name === 'syncDirectory') return syncDirectory;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return {
    env: { ...env, disk },
    fail: () => {
      failNext = true;
    },
  };
}

describe('log: a roll that fails at the sync of its folder', () => {
  for (const end of ['close', 'kill'] as const) {
    it(`leaves nothing that hides what is appended after it, after a ${end}`, async () => {
      const machine = newMachine(1);
      const big = (): Buffer => batchOf([Buffer.alloc(1800, 'b')]);
      await run(machine, async (env) => {
        const disk = failing(env);
        const logs = await openDirectory(disk.env);
        const log = await openLog(logs, CONFIG);
        await (await append(log, big())).committed;
        disk.fail();
        const refused = await append(log, big());
        await assert.rejects(refused.committed, { errorName: 'KAFKA_STORAGE_ERROR' });
        await (await append(log, batchOf([Buffer.alloc(100, 's')]))).committed;
        for (let index = 0; index < 6; index++) await (await append(log, big())).committed;
        if (end === 'close') await logs.close();
      });
      assert.ok(!namesIn(machine, PARTITION).includes('00000000000000000001.log'));
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), CONFIG);
        const offsetsFrom = async (offset: number): Promise<number[]> =>
          (await readAll(log, offset)).map(({ baseOffset }) => baseOffset);
        assert.deepEqual(await offsetsFrom(0), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert.deepEqual(await offsetsFrom(1), [1, 2, 3, 4, 5, 6, 7]);
        assert.equal(log.damagedAt, undefined);
      });
    });
  }
});

describe('log: an empty segment among the batches of the one before', () => {
  const batches = (): Buffer => batchOf([Buffer.alloc(400, 'b')]);

  for (const [where, strayBase] of [
    ['behind all that are there', 7],
    ['between others', 1],
  ] as const) {
    for (const end of ['close', 'kill'] as const) {
      it(`${where} is removed and hides nothing, after a ${end}`, async () => {
        const machine = newMachine(1);
        const stray = `0000000000000000000${strayBase}.log`;
        const open = async (env: Env) => {
          const logs = await openDirectory(env);
          return { logs, log: await openLog(logs, { segmentBytes: 2000 }) };
        };
        await run(machine, async (env) => {
          const { logs, log } = await open(env);
          for (let index = 0; index < 8; index++) await (await append(log, batches())).committed;
          if (end === 'close') await logs.close();
          const file = await env.disk.open(`${PARTITION}/${stray}`, 'w+');
          await file.close();
        });
        assert.deepEqual(segmentsIn(machine).length, 3);
        await run(machine, async (env) => {
          const { log, logs } = await open(env);
          assert.equal(log.damagedAt, undefined);
          assert.equal(log.logEndOffset, 8);
          for (let offset = 0; offset < 8; offset++) assert.equal((await readAll(log, offset))[0]?.baseOffset, offset);
          await (await append(log, batches())).committed;
          await logs.close();
        });
        assert.ok(!namesIn(machine, PARTITION).includes(stray));
      });
    }
  }
});

function segmentsIn(machine: SimMachine): string[] {
  return namesIn(machine, PARTITION).filter((name) => name.endsWith('.log'));
}
