/** After a kill a server opens all logs by itself. */
import assert from 'node:assert/strict';
import { Broker } from '../../src/broker/broker.ts';
import { brokerSettings } from '../../src/broker/broker-settings.ts';
import type { Env } from '../../src/kernel/env.ts';
import { DIRECTORY, inWorld, mustBecomeBroker } from '../cluster/in-world.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { BrokerUnderTest, withBrokerIn, withPathsNoted } from './broker-in-world.ts';

const TOPICS = 3;
const PARTITIONS = 50;

/** A directory with records in all partitions, whose broker was killed or stopped. */
async function filled(env: Env, machine: SimMachine, isKilled: boolean): Promise<void> {
  await env.disk.makeDirectory(DIRECTORY);
  const victim = machine.spawn('first', async ({ env: its }) => {
    await withBrokerIn(its, async (test) => {
      for (let topic = 0; topic < TOPICS; topic++) {
        await test.createTopic(`t${topic}`, PARTITIONS);
        for (let index = 0; index < PARTITIONS; index++) await test.produce(`t${topic}`, ['value'], { index });
      }
      if (isKilled) victim.process.kill('test');
    });
    return 0;
  });
  while (machine.alive().length > 1) await env.clock.sleep(100);
}

/** Runs a broker that stays, as `serve` does. */
async function served(env: Env, wasClean: boolean, program: (test: BrokerUnderTest) => Promise<void>): Promise<void> {
  const session = await mustBecomeBroker(env, { lastCloseWasClean: async () => wasClean });
  const broker = await Broker.start(env, session, brokerSettings({}));
  broker.recoverInBackground();
  try {
    await program(new BrokerUnderTest(env, broker, session));
  } finally {
    await broker.stop();
  }
}

const partitionsIn = (paths: readonly string[]): Set<string> =>
  new Set(paths.flatMap((path) => /\/log\/(t\d-\d+)\/0+\.log$/.exec(path)?.[1] ?? []));

describe('broker: recovery in the background', () => {
  it('opens every log once the server runs, and not before', () =>
    inWorld(1, async (env, machine) => {
      await filled(env, machine, true);
      const paths: string[] = [];
      await served(withPathsNoted(env, paths), false, async (test) => {
        await env.clock.sleep(900);
        assert.equal(partitionsIn(paths).size, 0);
        await env.clock.sleep(30_000);
        assert.equal(partitionsIn(paths).size, TOPICS * PARTITIONS);
        paths.length = 0;
        assert.equal((await test.produce('t1', ['value'], { index: 7 })).baseOffset, 1);
        assert.deepEqual(
          paths.filter((path) => path.endsWith('.timeindex')),
          [],
          'nobody waits for a recovery',
        );
      });
    }));

  it('who asks for a log meanwhile need not wait for the others', () =>
    inWorld(1, async (env, machine) => {
      await filled(env, machine, true);
      const paths: string[] = [];
      await served(withPathsNoted(env, paths), false, async (test) => {
        while (partitionsIn(paths).size === 0) await env.clock.sleep(1);
        assert.equal((await test.produce('t2', ['value'], { index: 49 })).baseOffset, 1);
        assert.ok(partitionsIn(paths).size < TOPICS * PARTITIONS);
      });
      assert.ok(partitionsIn(paths).size < TOPICS * PARTITIONS, 'a stop does not wait for those not begun');
    }));

  it('after a clean end nothing is looked at', () =>
    inWorld(1, async (env, machine) => {
      await filled(env, machine, false);
      const paths: string[] = [];
      await served(withPathsNoted(env, paths), true, async () => {
        await env.clock.sleep(100_000);
      });
      assert.equal(partitionsIn(paths).size, 0);
    }));

  it('what one broker did not come to is there for the next', () =>
    inWorld(1, async (env, machine) => {
      await filled(env, machine, true);
      await served(env, false, async () => {
        await env.clock.sleep(1010);
      });
      await served(env, true, async (test) => {
        for (const index of [0, 20, 49]) assert.equal((await test.produce('t2', ['value'], { index })).baseOffset, 1);
      });
    }));
});
