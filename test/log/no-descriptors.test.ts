/** What logs do when the system has no descriptor left. */
import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { batchOf } from './batches.ts';
import { append, isError, newMachine, openDirectory, openLog, readAll, run, TOPIC_ID } from './log-in-world.ts';

describe('log: no free file descriptor', () => {
  /** An Env in which no file or folder can be opened while `isShort()`, and what it warns of. */
  function shortOf(env: Env, isShort: () => boolean): { env: Env; warnings: string[] } {
    const refuse = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
    const disk = new Proxy(env.disk, {
      get: (target, name) => {
        if (isShort() && (name === 'open' || name === 'list' || name === 'syncDirectory')) return refuse;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const warnings: string[] = [];
    return {
      env: {
        ...env,
        disk,
        log: { ...env.log, warn: (text) => warnings.push(text), error: (text) => warnings.push(text) },
      },
      warnings,
    };
  }

  it('logs whose files are idle let them go, and open them again', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      let openCount = 0;
      let openMax = Number.POSITIVE_INFINITY;
      const open: Env['disk']['open'] = async (path, mode) => {
        if (openCount >= openMax) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        openCount += 1;
        const file = await env.disk.open(path, mode).catch((error: unknown) => {
          openCount -= 1;
          throw error;
        });
        const close = async (): Promise<void> => {
          await file.close();
          openCount -= 1;
        };
        return new Proxy(file, {
          get: (target, name) => {
            if (name === 'close') return close;
            const member: unknown = Reflect.get(target, name);
            return typeof member === 'function' ? member.bind(target) : member;
          },
        });
      };
      const disk = new Proxy(env.disk, {
        get: (target, name) => {
          if (name === 'open') return open;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      const logs = await openDirectory({ ...env, disk });
      const opened = [];
      for (let partition = 0; partition < 20; partition++) {
        const of = { topic: 't', partition, topicId: TOPIC_ID, config: DEFAULT_LOG_CONFIG, leaderEpoch: 0 };
        opened.push(await logs.openPartition(of));
      }
      openMax = openCount + 6;
      for (let round = 0; round < 3; round++) {
        for (const log of opened) await (await append(log, batchOf(['x']))).committed;
      }
      for (const log of opened) assert.equal((await readAll(log)).length, 3);
      await logs.close();
      assert.equal(openCount, 0);
    });
  });

  it('a read that finds none for an index lets idle files go, and is made again', async () => {
    await run(newMachine(), async (env) => {
      const first = await openDirectory(env);
      const filled = await openLog(first, { indexIntervalBytes: 100 });
      for (let count = 0; count < 20; count += 1) await (await append(filled, batchOf(['x'.repeat(90)]))).committed;
      await first.close();
      let refusals = 0;
      const open: Env['disk']['open'] = async (path, mode) => {
        if (!path.endsWith('index') || refusals > 0) return env.disk.open(path, mode);
        refusals += 1;
        throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      };
      const disk = new Proxy(env.disk, {
        get: (target, name) => {
          if (name === 'open') return open;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      const logs = await openDirectory({ ...env, disk }, { brokerEpoch: 2 });
      assert.equal((await readAll(await openLog(logs, { indexIntervalBytes: 100 }), 10)).length, 10);
      assert.equal(refusals, 1);
      await logs.close();
    });
  });

  it('refuses batches, which is said once, and the log goes on when there is one', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      let isShort = true;
      const short = shortOf(env, () => isShort);
      const logs = await openDirectory(short.env);
      isShort = false;
      const log = await openLog(logs, { segmentBytes: 200 });
      await (await append(log, batchOf(['x'.repeat(50)]))).committed;
      for (const round of [1, 2]) {
        isShort = true;
        for (let count = 0; count < 3; count++) {
          const refused = await append(log, batchOf(['y'.repeat(50)]));
          await assert.rejects(refused.committed, isError('KAFKA_STORAGE_ERROR'));
        }
        assert.equal(short.warnings.filter((text) => text.includes('EMFILE')).length, round);
        assert.equal(log.failed, undefined);
        isShort = false;
        const next = await append(log, batchOf(['z'.repeat(50)]));
        await next.committed;
        assert.equal(next.baseOffset, round);
      }
      await logs.close();
    });
    assert.notEqual(machine.files.find('/d/brokers/1/log/.kafka_cleanshutdown'), undefined);
  });

  it('a log that cannot be opened for that can be opened later', async () => {
    await run(newMachine(), async (env) => {
      let isShort = false;
      const logs = await openDirectory(shortOf(env, () => isShort).env);
      isShort = true;
      await assert.rejects(openLog(logs), isError('KAFKA_STORAGE_ERROR'));
      isShort = false;
      await (await append(await openLog(logs), batchOf(['a']))).committed;
    });
  });
});
