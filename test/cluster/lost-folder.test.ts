import assert from 'node:assert/strict';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { brokerFolder, brokerLogFolder, entryFolder, ownerFile } from '../../src/cluster/layout.ts';
import type { Env } from '../../src/kernel/env.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { becomeBroker, DIRECTORY, inWorld, mustBecomeBroker, openLog, runToEnd } from './in-world.ts';

describe("cluster: a broker's folders that were taken away", () => {
  it("a broker's folder that was taken away with the records of its topics is not made anew", () =>
    inWorld(9, async (env) => {
      const session = await mustBecomeBroker(env);
      await session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
      await session.release();
      const folder = brokerFolder(DIRECTORY, 1);
      const released = new Set([session.brokerEpoch]);
      await env.disk.removeTree(folder);
      await assert.rejects(
        becomeBroker(env, {}, released),
        (error) => error instanceof ClusterError && error.kind === 'damaged',
      );
      assert.equal(await env.disk.stat(folder), undefined);
      await env.disk.makeDirectory(folder);
      const next = await becomeBroker(env, {}, released);
      assert.ok(next);
      await next.release();
    }));

  it('a log directory that was taken away is told from one that was never made, by owner record and registration', async () => {
    for (const noted of ['owner record', 'registration']) {
      await inWorld(10, async (env) => {
        const session = await mustBecomeBroker(env);
        await session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
        await session.release();
        const logs = brokerLogFolder(DIRECTORY, 1);
        const maker = await mustBecomeBroker(env);
        await env.disk.makeDirectory(logs);
        if (noted === 'owner record') await maker.noteLogs();
        await maker.release();
        if (noted === 'registration') {
          await (await mustBecomeBroker(env)).release();
          await env.disk.remove(ownerFile(DIRECTORY, 1));
        }
        await env.disk.removeTree(logs);
        await assert.rejects(
          becomeBroker(env, {}, new Set([3, 4])),
          (error) => error instanceof ClusterError && error.kind === 'damaged' && error.message.includes(logs),
        );
        assert.equal(await env.disk.stat(logs), undefined);
        await env.disk.makeDirectory(logs);
        await (await becomeBroker(env, {}, new Set([3, 4])))?.release();
        assert.equal((await openLog(env)).image.brokers.get(1)?.hasLogs, true);
      });
    }
  });

  it('logs of a broker that no entry knows are not put beside topics begun anew', () =>
    inWorld(11, async (env) => {
      const session = await mustBecomeBroker(env);
      await session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
      await env.disk.makeDirectory(brokerLogFolder(DIRECTORY, 1));
      await session.release();
      for (const name of await env.disk.list(entryFolder(DIRECTORY))) {
        await env.disk.remove(`${entryFolder(DIRECTORY)}/${name}`);
      }
      await assert.rejects(
        becomeBroker(env),
        (error) =>
          error instanceof ClusterError && error.kind === 'damaged' && /entries are missing/.test(error.message),
      );
      assert.deepEqual(await env.disk.list(entryFolder(DIRECTORY)), []);
    }));

  it('logs of the first broker, which registered just after another claimer had read that there is none, are no sign of a loss', () =>
    inWorld(12, async (env) => {
      const logs = brokerLogFolder(DIRECTORY, 1);
      await openLog(env);
      const stat = env.disk.stat.bind(env.disk);
      let isFirst = true;
      env.disk.stat = async (path) => {
        if (path === logs && isFirst) {
          isFirst = false;
          const first = await mustBecomeBroker(env);
          await env.disk.makeDirectory(logs);
          await first.release();
        }
        return await stat(path);
      };
      const second = await becomeBroker(env, {}, new Set([1]));
      assert.equal(isFirst, false);
      await second?.release();
      assert.equal((await openLog(env)).image.topics.size, 0);
    }));

  it('a log directory is noted only once its name outlasts a power cut', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const machine = new SimMachine(new World({ seed }), 'm');
      const run = async (name: string, program: (env: Env) => Promise<void>): Promise<void> => {
        machine.spawn(name, async ({ env }) => {
          await program(env);
          return 0;
        });
        await runToEnd(machine, 60_000);
      };
      await run('maker', async (env) => {
        const session = await mustBecomeBroker(env);
        await session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
        await env.disk.makeDirectory(brokerLogFolder(DIRECTORY, 1));
      });
      machine.onFault = (point) => {
        if (point === 'cluster.entry-durable') machine.cutPower({ file: ['all kept'], folder: ['subset'] });
      };
      await run('noted', async (env) => {
        await mustBecomeBroker(env);
      });
      machine.onFault = () => undefined;
      await run('next', async (env) => {
        await (await mustBecomeBroker(env)).release();
      });
    }
  });
});
