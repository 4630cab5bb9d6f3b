import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
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
