import assert from 'node:assert/strict';
import { brokerFolder, clusterFolder, entryFolder, ownerFile, reserveFile } from '../../src/cluster/layout.ts';
import { LEASE_MS } from '../../src/cluster/lease.ts';
import { readOwnerRecord } from '../../src/cluster/owner-record.ts';
import type { Env } from '../../src/kernel/env.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { registration } from './images.ts';
import { DIRECTORY, inWorld, mustBecomeBroker, openLog, runToEnd } from './in-world.ts';

describe('cluster: broker session', () => {
  it('gives a thousand producer ids a number, and none twice', () =>
    inWorld(1, async (env) => {
      const first = await mustBecomeBroker(env);
      const ids: bigint[] = [];
      for (let at = 0; at < 1001; at++) ids.push(await first.nextProducerId());
      assert.equal(ids[0], 1000n);
      assert.equal(ids[999], 1999n);
      assert.equal(ids[1000], 2000n, 'the block is entry 2');
      await first.release();
      const second = await mustBecomeBroker(env);
      assert.equal(await second.nextProducerId(), 3000n);
      const many = await Promise.all(Array.from({ length: 2500 }, () => second.nextProducerId()));
      assert.equal(new Set([...ids, ...many]).size, ids.length + many.length);
      await second.release();
    }));

  it('appends one entry for its registration and none for its release', () =>
    inWorld(2, async (env) => {
      for (let turn = 1; turn <= 3; turn++) {
        await (await mustBecomeBroker(env)).release();
        assert.equal((await env.disk.list(entryFolder(DIRECTORY))).length, turn);
      }
    }));

  it('knows the registration before its own', () =>
    inWorld(7, async (env) => {
      const first = await mustBecomeBroker(env);
      assert.equal(first.previousBrokerEpoch, undefined);
      await first.release();
      const second = await mustBecomeBroker(env);
      assert.equal(second.previousBrokerEpoch, first.brokerEpoch);
      await second.release();
    }));

  it('makes, grows, configures and deletes topics, and tells of it', () =>
    inWorld(3, async (env) => {
      const session = await mustBecomeBroker(env);
      let changes = 0;
      session.onImage(() => changes++);
      const topic = await session.createTopic({ name: 't', partitionCount: 1, configs: new Map([['a', '1']]) });
      await session.addPartitions(topic.topicId, 3);
      await session.alterTopicConfigs(topic.topicId, new Map([['a', null]]));
      await session.alterSettings(new Map([['num.partitions', '4']]));
      assert.equal(session.image().topics.get('t')?.partitions.length, 3);
      assert.deepEqual([...(session.image().topics.get('t')?.configs ?? [])], []);
      assert.equal(session.settings().get('num.partitions'), '4');
      await session.deleteTopic(topic.topicId);
      assert.equal(session.image().topics.size, 0);
      assert.equal(changes, 5);
      await assert.rejects(session.deleteTopic(topic.topicId), { errorName: 'UNKNOWN_TOPIC_ID' });
      await session.release();
      assert.deepEqual((await openLog(env)).image, session.image());
    }));

  it('two changes at once are decided one after the other', () =>
    inWorld(4, async (env) => {
      const session = await mustBecomeBroker(env);
      const create = (): Promise<unknown> => session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
      const results = await Promise.allSettled([create(), create(), create()]);
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
      await session.release();
    }));

  it('the owner record says who it is, its socket, and in the end that it has released', () =>
    inWorld(5, async (env) => {
      const session = await mustBecomeBroker(env);
      assert.equal(await readOwnerRecord(env, DIRECTORY, 1), undefined);
      await session.announce([{ name: 'PLAINTEXT', host: 'h', port: 1 }]);
      const owner = await readOwnerRecord(env, DIRECTORY, 1);
      assert.deepEqual(owner?.process, env.proc.facts());
      assert.equal(owner?.socket, `${brokerFolder(DIRECTORY, 1)}/s-1`);
      assert.equal(owner?.released, false);
      await session.release();
      assert.equal((await readOwnerRecord(env, DIRECTORY, 1))?.released, true);
      assert.deepEqual((await env.disk.list(brokerFolder(DIRECTORY, 1))).sort(), ['owner.json'], 'no lock is left');
      assert.ok(await env.disk.stat(ownerFile(DIRECTORY, 1)));
    }));

  it('a newer registration of the id ends it within a second: nothing is written any more, also not its record', () =>
    inWorld(6, async (env) => {
      const session = await mustBecomeBroker(env);
      await session.announce([]);
      const reasons: string[] = [];
      session.onResigned((reason) => reasons.push(reason));
      const other = await openLog(env);
      await other.append((image) => registration(image, { uuid: 'other' }));
      await env.clock.sleep(1500);
      assert.equal(reasons.length, 1);
      assert.equal(session.holdsLease() || session.mayWrite(), false);
      assert.equal(await session.renewLease(), false);
      await assert.rejects(session.nextProducerId(), { errorName: 'BROKER_NOT_AVAILABLE' });
      await session.release();
      assert.equal((await readOwnerRecord(env, DIRECTORY, 1))?.released, false);
      session.onResigned((reason) => reasons.push(reason));
      assert.equal(reasons.length, 2, 'who comes late is told at once');
    }));

  it('a change that meets a newer registration is refused', () =>
    inWorld(7, async (env) => {
      const session = await mustBecomeBroker(env);
      const other = await openLog(env);
      await other.append((image) => registration(image, { uuid: 'other' }));
      const create = session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
      await assert.rejects(create, { errorName: 'BROKER_NOT_AVAILABLE' });
      assert.equal((await openLog(env)).image.topics.size, 0);
      await session.release();
    }));

  it('a lock that is lost is taken again while the registration is the newest, and the lease goes on', () =>
    inWorld(8, async (env) => {
      const session = await mustBecomeBroker(env);
      await env.lock.breakDead(`${brokerFolder(DIRECTORY, 1)}/alive.lock`);
      await env.clock.sleep(LEASE_MS + 2000);
      assert.ok(session.holdsLease() || (await session.renewLease()));
      assert.equal(session.mayWrite(), true);
      assert.ok(await env.disk.stat(`${brokerFolder(DIRECTORY, 1)}/alive.lock`));
      await session.release();
    }));

  it('a stopped process has no lease when it wakes, until it has read the log', async () => {
    const world = new World({ seed: 9 });
    const machine = new SimMachine(world, 'm');
    const { process } = machine.spawn('owner', async ({ env }) => {
      const session = await mustBecomeBroker(env);
      await env.clock.sleep(5000);
      assert.equal(session.holdsLease(), false);
      assert.equal(await session.renewLease(), true);
      assert.equal(session.holdsLease(), true);
      await session.release();
      assert.equal(session.holdsLease(), false);
      return 0;
    });
    await world.run(() => false, 2000);
    process.pause();
    world.after(60_000, () => process.resume());
    await runToEnd(machine, 600_000);
  });

  it('a directory that goes away ends it', () =>
    inWorld(10, async (env) => {
      const session = await mustBecomeBroker(env);
      let reason = '';
      session.onResigned((told) => {
        reason = told;
      });
      await env.disk.rename(DIRECTORY, '/elsewhere');
      await env.clock.sleep(2500);
      assert.notEqual(reason, '');
      await session.release();
      assert.equal(await env.disk.stat(DIRECTORY), undefined, 'it is not made again');
    }));

  it('a metadata log that cannot be read for a while is told once', () =>
    inWorld(13, async (env) => {
      const warnings: string[] = [];
      let isShort = false;
      const list: Env['disk']['list'] = async (path) => {
        if (isShort) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        return env.disk.list(path);
      };
      const readFile: Env['disk']['readFile'] = async (path, bytesMax) => {
        if (isShort) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        return env.disk.readFile(path, bytesMax);
      };
      const disk = new Proxy(env.disk, {
        get: (target, name) => {
          if (name === 'list') return list;
          if (name === 'readFile') return readFile;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      const log = { ...env.log, warn: (text: string) => void warnings.push(text) };
      const session = await mustBecomeBroker({ ...env, disk, log });
      for (const round of [1, 2]) {
        isShort = true;
        await env.clock.sleep(5000);
        assert.equal(warnings.filter((text) => text.includes('EMFILE')).length, round, warnings.join());
        isShort = false;
        await env.clock.sleep(3000);
      }
      await session.release();
    }));

  it('a broker that lives long compacts as it goes', () =>
    inWorld(12, async (env) => {
      const session = await mustBecomeBroker(env);
      for (let at = 0; at < 250; at++) {
        await session.createTopic({ name: `t${at}`, partitionCount: 1, configs: new Map() });
        await env.clock.sleep(10);
      }
      await env.clock.sleep(2000);
      const names = await env.disk.list(clusterFolder(DIRECTORY));
      assert.equal(names.filter((name) => name.startsWith('snapshot')).length, 2, names.join());
      assert.deepEqual((await openLog(env)).image, session.image());
      await session.release();
    }));

  it('every hundredth entry brings a snapshot on the way out, and the reserve is filled again', () =>
    inWorld(11, async (env) => {
      for (let turn = 0; turn < 100; turn++) await (await mustBecomeBroker(env)).release();
      assert.ok((await env.disk.list(clusterFolder(DIRECTORY))).includes('snapshot-100.json'));
      await env.disk.remove(reserveFile(DIRECTORY));
      const session = await mustBecomeBroker(env);
      assert.equal(session.brokerEpoch, 101);
      for (const name of ['s-9', 's-101', '.tmp-left']) {
        await (await env.disk.open(`${session.brokerDirectory}/${name}`, 'wx+')).close();
      }
      await session.release();
      assert.ok(await env.disk.stat(reserveFile(DIRECTORY)));
      assert.deepEqual(await env.disk.list(session.brokerDirectory), ['owner.json', 's-101']);
    })).timeout(60_000);
});
