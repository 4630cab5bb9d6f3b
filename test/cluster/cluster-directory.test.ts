import assert from 'node:assert/strict';
import { sealJson } from '../../src/cluster/checked-json.ts';
import { ensureCluster, readClusterId } from '../../src/cluster/cluster-directory.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { clusterFile, reserveFile } from '../../src/cluster/layout.ts';
import { fillReserve, RESERVE_BYTES } from '../../src/cluster/reserve.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { DIRECTORY, inWorld, mustBecomeBroker, runToEnd } from './in-world.ts';

const hasKind = (kind: string) => (error: unknown) => error instanceof ClusterError && error.kind === kind;

describe('cluster: making a directory', () => {
  it('of any number who make it at once all get the same cluster id', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World({ seed });
      const machine = new SimMachine(world, 'm');
      const ids = new Set<string>();
      for (let at = 0; at < 6; at++) {
        machine.spawn(`m${at}`, async ({ env }) => {
          ids.add(await ensureCluster(env, DIRECTORY));
          return 0;
        });
      }
      await runToEnd(machine, 60_000);
      assert.equal(ids.size, 1);
      assert.match([...ids].join(), /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
    }
  });

  it('it is whole after a power cut once it was answered, and can be made after one at any moment', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World({ seed });
      const machine = new SimMachine(world, 'm');
      let answered: string | undefined;
      machine.spawn('maker', async ({ env }) => {
        answered = await ensureCluster(env, '/a/b');
        await env.clock.sleep(10_000);
        return 0;
      });
      await world.run(() => false, seed);
      machine.cutPower();
      machine.spawn('after', async ({ env }) => {
        const clusterId = await ensureCluster(env, '/a/b');
        assert.ok(answered === undefined || answered === clusterId, `seed ${seed}`);
        return 0;
      });
      await runToEnd(machine, 60_000);
    }
  });

  it('nothing there is no cluster, and reading makes nothing', () =>
    inWorld(1, async (env) => {
      assert.equal(await readClusterId(env, DIRECTORY), undefined);
      assert.equal(await env.disk.stat(DIRECTORY), undefined);
    }));

  it('a cluster that lost its id is not given another one', () =>
    inWorld(4, async (env) => {
      await (await mustBecomeBroker(env)).release();
      await env.disk.remove(clusterFile(DIRECTORY));
      await assert.rejects(ensureCluster(env, DIRECTORY), hasKind('damaged'));
      assert.equal(await env.disk.stat(clusterFile(DIRECTORY)), undefined);
    }));

  it("somebody's folder is left alone", () =>
    inWorld(2, async (env) => {
      await env.disk.makeDirectory(`${DIRECTORY}/photos`);
      await assert.rejects(ensureCluster(env, DIRECTORY), hasKind('foreign'));
      assert.deepEqual(await env.disk.list(DIRECTORY), ['photos']);
    }));

  it('a newer format is refused before anything is written', () =>
    inWorld(3, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      const file = await env.disk.open(clusterFile(DIRECTORY), 'wx+');
      await file.writev([sealJson('cluster', { v: 2, clusterId: 'x' })], 0);
      await file.close();
      await assert.rejects(ensureCluster(env, DIRECTORY), hasKind('format'));
      assert.deepEqual(await env.disk.list(DIRECTORY), ['cluster.json']);
    }));

  it('the reserve is filled with what does not compress, and again when it was given up', () =>
    inWorld(4, async (env) => {
      await ensureCluster(env, DIRECTORY);
      const bytes = await env.disk.readFile(reserveFile(DIRECTORY));
      assert.equal(bytes.length, RESERVE_BYTES);
      assert.ok(new Set(bytes.subarray(0, 4096)).size > 200);
      await env.disk.remove(reserveFile(DIRECTORY));
      await fillReserve(env, DIRECTORY);
      assert.equal((await env.disk.stat(reserveFile(DIRECTORY)))?.size, RESERVE_BYTES);
    }));
});
