import assert from 'node:assert/strict';
import { Departure } from '../../src/broker/departure.ts';
import type { Env } from '../../src/kernel/env.ts';
import { registration } from '../cluster/images.ts';
import type { DiskFault } from '../sim/disk-faults.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import type { BrokerUnderTest } from './broker-in-world.ts';
import type { GroupClient } from './group-client.ts';
import { type GroupModules, loadGroupModules } from './group-modules.ts';

const OFFSETS_LOG = /\/__consumer_offsets-\d+\/\d+\.log$/;

const READING: ReadonlySet<string> = new Set(['openToRead', 'read', 'readFile', 'list', 'stat']);

let modules: GroupModules;

/** A directory with the topic `t`, one life of a broker after the other. */
async function lives(
  ...programs: ((test: BrokerUnderTest, machine: SimMachine, env: Env) => Promise<void>)[]
): Promise<void> {
  const { inWorld, withBrokerIn, DIRECTORY } = modules;
  await inWorld(1, async (env, machine) => {
    await env.disk.makeDirectory(DIRECTORY);
    await withBrokerIn(env, async (test) => {
      await test.createTopic('t');
    });
    for (const program of programs) {
      await withBrokerIn(env, (test) => program(test, machine, env));
      machine.hardware.faults = () => undefined;
    }
  });
}

async function stableMember(test: BrokerUnderTest): Promise<GroupClient> {
  const member = new modules.GroupClient(test, { context: { listener: 'tcp', remote: '10.0.0.1:99' } });
  assert.equal(await member.find(), 'NONE');
  assert.deepEqual([await member.join(), await member.sync()], ['NONE', 'NONE']);
  return member;
}

/** The same call until it is no more told to look for the coordinator; how often it was. */
async function untilTaken(env: Env, ask: () => Promise<string>): Promise<string> {
  for (let at = 0; at < 100; at += 1) {
    const answer = await ask();
    if (answer !== 'NOT_COORDINATOR') return answer;
    await env.clock.sleep(100);
  }
  return 'never';
}

function failing(machine: SimMachine, calls: readonly string[], fault: DiskFault): void {
  machine.hardware.faults = (call, path) => (calls.includes(call) && OFFSETS_LOG.test(path) ? fault : undefined);
}

describe('groups in trouble', () => {
  before(async () => {
    modules = await loadGroupModules();
  });

  it('a full disk refuses commits; what was committed is shown, members stay, and go on when there is room', () =>
    lives(async (test, machine, env) => {
      const member = await stableMember(test);
      assert.equal(await member.commit('t', 5), 'NONE');
      failing(machine, ['write'], { kind: 'short', code: 'ENOSPC' });
      assert.equal(await member.commit('t', 6), 'NOT_COORDINATOR');
      assert.equal(await member.committed('t'), 5);
      assert.equal(await member.heartbeat(), 'NONE');
      assert.equal(await member.commit('t', 6), 'NOT_COORDINATOR');
      machine.hardware.faults = () => undefined;
      assert.equal(await untilTaken(env, () => member.commit('t', 7)), 'NONE');
      assert.equal(await member.committed('t'), 7);
      assert.equal(await member.heartbeat(), 'NONE');
    }));

  it('commits that were queued together when the disk was full are all refused, and none of them is shown', () =>
    lives(async (test, machine) => {
      const client = new modules.GroupClient(test);
      await client.find();
      assert.equal(await client.commit('t', 5), 'NONE');
      failing(machine, ['write'], { kind: 'short', code: 'ENOSPC' });
      const commits = await Promise.all([6, 7, 8].map((offset) => client.commit('t', offset)));
      assert.deepEqual(commits, ['NOT_COORDINATOR', 'NOT_COORDINATOR', 'NOT_COORDINATOR']);
      assert.equal(await client.committed('t'), 5);
    }));

  it('after a sync that failed nothing is committed any more; what was acked before is shown, here and by the next broker', () => {
    let member: GroupClient | undefined;
    return lives(
      async (test, machine, env) => {
        member = await stableMember(test);
        assert.equal(await member.commit('t', 5), 'NONE');
        failing(machine, ['datasync'], { kind: 'error', code: 'EIO' });
        assert.equal(await member.commit('t', 6), 'NOT_COORDINATOR');
        machine.hardware.faults = () => undefined;
        await env.clock.sleep(500);
        assert.equal(await member.commit('t', 7), 'NOT_COORDINATOR');
        assert.equal(await member.committed('t'), 5);
      },
      async (test) => {
        const { memberId = '', generationId = -1 } = member ?? {};
        const again = Object.assign(new modules.GroupClient(test), { memberId, generationId });
        assert.ok([5, 6].includes(Number(await again.committed('t'))));
        assert.equal(await again.commit('t', 8), 'NONE');
        assert.equal(await again.committed('t'), 8);
      },
    );
  });

  it('on a file system that takes no writes any more what was committed is shown', () =>
    lives(async (test, machine, env) => {
      const member = await stableMember(test);
      assert.equal(await member.commit('t', 5), 'NONE');
      machine.hardware.faults = (call) => (READING.has(call) ? undefined : { kind: 'error', code: 'EROFS' });
      await env.clock.sleep(10_000);
      assert.equal(await member.committed('t'), 5);
      assert.equal(await member.commit('t', 6), 'NOT_COORDINATOR');
      await env.clock.sleep(500);
      assert.equal(await member.committed('t'), 5);
    }));

  it('a rebalance whose record cannot be written is begun again', () =>
    lives(async (test, machine, env) => {
      const member = new modules.GroupClient(test);
      await member.find();
      assert.equal(await member.join(), 'NONE');
      failing(machine, ['write'], { kind: 'short', code: 'ENOSPC' });
      assert.equal(await member.sync(), 'NOT_COORDINATOR');
      machine.hardware.faults = () => undefined;
      member.memberId = '';
      assert.equal(await untilTaken(env, () => member.join()), 'NONE');
      assert.equal(await member.sync(), 'NONE');
    }));

  it('a load that takes long is waited for, or said to take long; then all is there', () => {
    return lives(
      async (test) => {
        const client = new modules.GroupClient(test);
        await client.find();
        assert.equal(await client.commit('t', 5), 'NONE');
      },
      async (test, machine, env) => {
        const client = new modules.GroupClient(test);
        failing(machine, ['read'], { kind: 'slow', delayMs: 800 });
        const [read, commit] = await Promise.all([client.committed('t'), client.commit('t', 6)]);
        assert.deepEqual([read, commit], [5, 'NONE']);
        assert.equal(await client.committed('t'), 6);
        await env.clock.sleep(1);
      },
      async (test, machine, env) => {
        const client = new modules.GroupClient(test);
        failing(machine, ['read'], { kind: 'slow', delayMs: 8000 });
        const began = env.clock.monotonicMs();
        assert.equal(await client.committed('t'), 'COORDINATOR_LOAD_IN_PROGRESS');
        assert.ok(env.clock.monotonicMs() - began < 5500);
        await env.clock.sleep(30_000);
        assert.equal(await client.committed('t'), 6);
      },
    );
  });

  it('a broker that finds itself replaced refuses what waits, and removes nobody', () =>
    lives(async (test, _, env) => {
      const departure = new Departure();
      const context = { listener: 'unix', connectionId: 1, departure } as const;
      const member = new modules.GroupClient(test, { context });
      await member.find();
      assert.deepEqual([await member.join(), await member.sync()], ['NONE', 'NONE']);
      const second = new modules.GroupClient(test);
      const joined = second.join();
      await env.clock.sleep(10);
      const other = await modules.openLog(env);
      await other.append((image) => registration(image, { uuid: 'other' }));
      assert.equal(await joined, 'NOT_COORDINATOR');
      departure.announce();
    }));

  it('a stopped process removes nobody when it wakes: heartbeats came meanwhile', () => {
    const { SimMachine, World, mustBecomeBroker, Broker, brokerSettings, BrokerUnderTest: Test, runToEnd } = modules;
    const machine = new SimMachine(new World({ seed: 2 }), 'm');
    const { process } = machine.spawn('broker', async ({ env }) => {
      await env.disk.makeDirectory(modules.DIRECTORY);
      const session = await mustBecomeBroker(env);
      const broker = await Broker.start(env, session, brokerSettings({}));
      const test = new Test(env, broker, session);
      await test.createTopic('t');
      const member = await stableMember(test);
      await env.clock.sleep(6000);
      // Stopped from 8 s to 28 s of its life, with a session of 10 s; it is asked a moment after it woke.
      await env.clock.sleep(6000);
      assert.equal(await untilTaken(env, () => member.heartbeat()), 'NONE');
      await broker.stop();
      return 0;
    });
    machine.world.after(8000, () => process.pause());
    machine.world.after(28_000, () => process.resume());
    return runToEnd(machine, 120_000);
  });
});
