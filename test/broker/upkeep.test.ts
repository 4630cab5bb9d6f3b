import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Upkeep } from '../../src/broker/upkeep.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import type { SweepOrder } from '../../src/log/retention.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import { type BrokerUnderTest, withBrokerIn, withPathsNoted } from './broker-in-world.ts';
import { ManualClock } from './manual-clock.ts';

const SILENT_LOG = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe('broker: upkeep', () => {
  const scene = () => {
    const clock = new ManualClock();
    const orders: SweepOrder[] = [];
    const held: (() => void)[] = [];
    const settings = { intervalMs: 300_000, number: () => settings.intervalMs };
    const logs = {
      sweep: (order: SweepOrder = {}) => {
        orders.push(order);
        return new Promise<number>((resolve) => held.push(() => resolve(0)));
      },
      opened: () => undefined,
      closedPartition: () => undefined,
      unrecovered: () => Promise.resolve([]),
    };
    const partitions = {
      allLed: () => [],
      logOf: () => Promise.resolve(undefined),
      closeUnused: () => Promise.resolve(),
      configOf: () => DEFAULT_LOG_CONFIG,
    };
    let lookCount = 0;
    const room = {
      look: async () => {
        lookCount += 1;
      },
    };
    const upkeep = new Upkeep({ env: { clock, log: SILENT_LOG }, logs, partitions, settings, room });
    const finish = async () => {
      held.shift()?.();
      await turn();
    };
    return { clock, orders, settings, upkeep, finish, looks: () => lookCount };
  };

  it('sweeps half a minute after the start, then by the interval, one sweep at a time', async () => {
    const { clock, orders, settings, finish, looks } = scene();
    clock.advance(29_999);
    assert.equal(orders.length, 0);
    clock.advance(1);
    assert.equal(orders.length, 1);
    clock.advance(1_000_000);
    assert.equal(orders.length, 1, 'the first has not ended');
    settings.intervalMs = 1000;
    await finish();
    assert.equal(looks(), 1, 'room is looked for after the sweep');
    clock.advance(999);
    assert.equal(orders.length, 1);
    clock.advance(1);
    assert.equal(orders.length, 2);
  });

  it('stops a sweep that is under way, waits for it, and begins none afterwards', async () => {
    const { clock, orders, upkeep, finish } = scene();
    clock.advance(30_000);
    let isStopped = false;
    const stopping = upkeep.stop().then(() => {
      isStopped = true;
    });
    await turn();
    assert.deepEqual([isStopped, orders[0]?.isStopped?.()], [false, true]);
    await finish();
    await stopping;
    clock.advance(1_000_000);
    assert.equal(orders.length, 1);
  });
});

describe('broker: upkeep of logs that nobody opened', () => {
  const KEPT_MS = 3_600_000;

  it('what is due by the close record is opened and deleted; nothing else is touched', () =>
    inWorld(1, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      await withBrokerIn(env, async (test) => {
        await test.createTopic('old', 10, { 'retention.ms': String(KEPT_MS) });
        await test.createTopic('kept', 10);
        for (let index = 0; index < 10; index++) {
          await test.produce('old', ['value'], { index });
          await test.produce('kept', ['value'], { index });
        }
      });
      const paths: string[] = [];
      const noted = withPathsNoted(env, paths);
      const logPaths = () => paths.filter((path) => /\/log\/(old|kept)-/.test(path));
      await withBrokerIn(noted, async (test) => {
        await test.env.clock.sleep(KEPT_MS - 100_000);
        assert.deepEqual(logPaths(), [], 'after a clean end nothing is looked at while nothing is due');
        await test.env.clock.sleep(500_000);
        assert.deepEqual(
          logPaths().filter((path) => path.includes('/kept-')),
          [],
        );
        const afterSweepCount = logPaths().length;
        assert.ok(afterSweepCount > 0);
        const names = await env.disk.list(`${DIRECTORY}/brokers/1/log/old-7`);
        assert.ok(names.includes('00000000000000000001.log'));
        assert.ok(!names.includes('00000000000000000000.log'));
        await test.env.clock.sleep(3_600_000);
        assert.equal(logPaths().length, afterSweepCount, 'an empty log is not looked at again');
        assert.equal(await test.startOf('old', 7), 1);
        assert.equal((await test.produce('old', ['value'], { index: 7 })).baseOffset, 1);
      });
    }));

  it('what it alone opened is closed again, and is as it was for whoever comes later', () =>
    inWorld(1, async (env, machine) => {
      await env.disk.makeDirectory(DIRECTORY);
      const fill = async (test: BrokerUnderTest): Promise<void> => {
        await test.createTopic('t', 3, { 'retention.ms': String(KEPT_MS) });
        for (let index = 0; index < 3; index++) await test.produce('t', ['value'], { index });
      };
      const victim = machine.spawn('killed', async ({ env: its }) => {
        await withBrokerIn(its, async (test) => {
          await fill(test);
          victim.process.kill('test');
        });
        return 0;
      });
      while (machine.alive().length > 1) await env.clock.sleep(100);
      const paths: string[] = [];
      const opens = () => paths.filter((path) => path.endsWith('/log/t-1')).length;
      for (const wasClean of [false, true]) {
        await withBrokerIn(
          withPathsNoted(env, paths),
          async (test) => {
            await test.produce('t', ['used'], { index: 0 });
            await test.env.clock.sleep(KEPT_MS + 400_000);
            const looksBefore = opens();
            assert.ok(looksBefore > 0 || wasClean);
            await test.env.clock.sleep(KEPT_MS);
            assert.equal(opens(), looksBefore, 'it is not opened once more for nothing');
            const start = await test.startOf('t', 1);
            assert.equal(start, wasClean ? 2 : 1);
            assert.ok(opens() > looksBefore, 'it was closed');
            assert.equal((await test.produce('t', ['next'], { index: 1 })).baseOffset, start);
          },
          { wasClean },
        );
      }
    }));

  it('the interval may be shorter than the wait for the first sweep', () =>
    inWorld(1, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      const settings = ['log.retention.check.interval.ms=1000', 'log.retention.ms=2000'];
      await withBrokerIn(env, async (test) => {
        await test.createTopic('t');
        await test.produce('t', ['value']);
      });
      await withBrokerIn(
        env,
        async (test) => {
          await test.env.clock.sleep(4000);
          assert.equal(await test.startOf('t'), 1);
        },
        { settings },
      );
    }));

  it('what nobody came to since a kill is due too, also when it was closed cleanly meanwhile', () =>
    inWorld(1, async (env, machine) => {
      await env.disk.makeDirectory(DIRECTORY);
      const victim = machine.spawn('killed', async ({ env: its }) => {
        await withBrokerIn(its, async (test) => {
          await test.createTopic('t', 2, { 'retention.ms': String(KEPT_MS) });
          await test.createTopic('never-written');
          for (let index = 0; index < 2; index++) await test.produce('t', ['value'], { index });
          victim.process.kill('test');
        });
        return 0;
      });
      while (machine.alive().length > 1) await env.clock.sleep(100);
      await withBrokerIn(env, async (test) => void (await test.produce('t', ['value'])), { wasClean: false });
      await withBrokerIn(env, async (test) => {
        await test.env.clock.sleep(KEPT_MS + 400_000);
        const names = await env.disk.list(`${DIRECTORY}/brokers/1/log/t-1`);
        assert.ok(names.includes('00000000000000000001.log'), names.join(' '));
      });
    }));

  it('a broker that deletes nothing shows what is old, whatever the cap', () =>
    inWorld(1, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      await withBrokerIn(env, async (test) => {
        await test.createTopic('t', 2, { 'retention.ms': '1000', 'segment.bytes': '1048576' });
        for (let index = 0; index < 80; index++) await test.produce('t', ['x'.repeat(1_000_000)]);
      });
      const settings = ['streamctl.max.disk.bytes=67108864'];
      await withBrokerIn(
        env,
        async (test) => {
          assert.equal(await test.startOf('t'), 0);
          await test.env.clock.sleep(100_000);
          assert.equal(await test.startOf('t'), 0);
        },
        { settings, deletes: false },
      );
    }));

  it('one that cannot be opened is tried again with the next sweep, and the others go', () =>
    inWorld(1, async (env, machine) => {
      await env.disk.makeDirectory(DIRECTORY);
      await withBrokerIn(env, async (test) => {
        await test.createTopic('t', 3, { 'retention.ms': '1000' });
        for (let index = 0; index < 3; index++) await test.produce('t', ['value'], { index });
      });
      let isBroken = true;
      const disk = new Proxy(env.disk, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          return (...given: unknown[]) => {
            const fails = isBroken && String(given[0]).includes('/log/t-1');
            if (fails) return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
            return member.apply(target, given);
          };
        },
      });
      const has = (index: number) =>
        machine.files.find(`${DIRECTORY}/brokers/1/log/t-${index}/00000000000000000001.log`) !== undefined;
      await withBrokerIn({ ...env, disk }, async (test) => {
        await test.env.clock.sleep(31_000);
        assert.deepEqual([has(0), has(1), has(2)], [true, false, true]);
        isBroken = false;
        await test.env.clock.sleep(301_000);
        assert.equal(has(1), true);
      });
    }));
});
