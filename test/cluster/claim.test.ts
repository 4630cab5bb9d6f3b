import assert from 'node:assert/strict';
import { Claim } from '../../src/cluster/claim.ts';
import { brokerSocket, reserveFile } from '../../src/cluster/layout.ts';
import type { Env } from '../../src/kernel/env.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import type { SimProcess } from '../sim/sim-process.ts';
import { World } from '../sim/sim-world.ts';
import { becomeBroker, claimOptions, DIRECTORY, inWorld, mustBecomeBroker, openLog, runToEnd } from './in-world.ts';

/** The same machine as a process of another one would see it. */
function fromElsewhere(env: Env): Env {
  const facts = { ...env.proc.facts(), hostId: 'elsewhere', bootId: 'another boot' };
  return { ...env, proc: { ...env.proc, facts: () => facts, judge: () => 'unknown' } };
}

/** Who holds the place, as the processes themselves see it: from a won claim to the begin of the release or the death. */
class Place {
  readonly #world: World;
  #holder: SimProcess | undefined;
  readonly epochs: number[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  taken(process: SimProcess, brokerEpoch: number): void {
    if (this.#holder !== undefined && !this.#holder.isDead) {
      this.#world.violate('two owners', `${this.#holder.name} and ${process.name}`);
    }
    this.#holder = process;
    this.epochs.push(brokerEpoch);
  }

  left(process: SimProcess): void {
    if (this.#holder === process) this.#holder = undefined;
  }
}

/** Claimers that come, hold the place for a while and release it, or are killed or paused at any moment. */
async function contend(seed: number): Promise<number[]> {
  const world = new World({ seed });
  const machine = new SimMachine(world, 'm');
  const place = new Place(world);
  const chaos = world.chance.fork();
  const count = 6;
  for (let at = 0; at < count; at++) {
    const start = world.chance.between(0, 40);
    machine.spawn(`c${at}`, async ({ env, process }) => {
      await env.clock.sleep(start);
      for (let turn = 0; turn < 3; turn++) {
        const session = await becomeBroker(env);
        if (session === undefined) {
          await env.clock.sleep(env.random.fraction() * 30);
          continue;
        }
        place.taken(process, session.brokerEpoch);
        await session.announce([]);
        await env.clock.sleep(env.random.fraction() * 20);
        place.left(process);
        await session.release();
      }
      return 0;
    });
  }
  for (let at = 0; at < 6; at++) {
    world.after(chaos.between(5, 400), () => {
      const victims = machine.alive();
      const victim = victims[chaos.between(0, Math.max(0, victims.length - 1))];
      if (chaos.hits(0.5)) victim?.kill('chaos');
      else {
        victim?.pause();
        world.after(chaos.between(10, 12_000), () => victim?.resume());
      }
    });
  }
  await runToEnd(machine, 600_000);
  return place.epochs;
}

describe('cluster: claims', () => {
  it('of any number of claimers that are killed and paused, one at a time has the place', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const epochs = await contend(seed);
      const rising = epochs.every((epoch, at) => at === 0 || epoch > (epochs[at - 1] ?? 0));
      assert.ok(rising, `seed ${seed}: broker epochs rise: ${epochs.join(' ')}`);
    }
  }).timeout(60_000);

  it('the registration claims the controller, and its number is the broker epoch', () =>
    inWorld(1, async (env) => {
      const session = await mustBecomeBroker(env);
      assert.equal(session.brokerEpoch, 1);
      assert.equal(session.image().controllerId, 1);
      assert.equal(session.image().controllerEpoch, 1);
      await session.release();
      const next = await mustBecomeBroker(env);
      assert.equal(next.brokerEpoch, 2);
      assert.equal(next.image().controllerEpoch, 2);
      await next.release();
    }));

  it('a place that was released is free at once, also for the process that released it', () =>
    inWorld(2, async (env) => {
      await (await mustBecomeBroker(env)).release();
      const startMs = env.clock.monotonicMs();
      await (await mustBecomeBroker(env)).release();
      assert.ok(env.clock.monotonicMs() - startMs < 400);
    }));

  it('what lies where the next socket goes is removed: the name is of one registration alone', () =>
    inWorld(7, async (env) => {
      await (await mustBecomeBroker(env)).release();
      const stray = brokerSocket(DIRECTORY, 1, 2);
      await (await env.disk.open(stray, 'w+')).close();
      const session = await mustBecomeBroker(env);
      assert.equal(session.socketPath, stray);
      assert.equal(await env.disk.stat(stray), undefined);
      await session.release();
    }));

  it('a lock that finds no room takes the reserve', () =>
    inWorld(8, async (env) => {
      await (await mustBecomeBroker(env)).release();
      const acquire: Env['lock']['acquire'] = async (path, options) => {
        if ((await env.disk.stat(reserveFile(DIRECTORY))) === undefined) return env.lock.acquire(path, options);
        throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
      };
      const lock = { acquire, breakDead: env.lock.breakDead.bind(env.lock) };
      await (await mustBecomeBroker({ ...env, lock })).release();
    }));

  it('a live owner keeps the place, also while it is stopped', () =>
    inWorld(3, async (env, machine) => {
      const owner = machine.spawn('owner', async (program) => {
        const session = await mustBecomeBroker(program.env, { command: 'owner' });
        await program.env.clock.sleep(1000);
        await session.release();
        return 0;
      });
      await env.clock.sleep(500);
      owner.process.pause();
      await env.clock.sleep(60_000);
      const claim = new Claim(env, await openLog(env), claimOptions());
      for (let tries = 0; tries < 20; tries++) {
        const outcome = await claim.attempt();
        assert.equal(outcome.kind, 'occupied');
        assert.equal(outcome.registration.command, 'owner');
        await env.clock.sleep(1000);
      }
      owner.process.resume();
    }));

  it('a killed owner is replaced in well under a second', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      await inWorld(seed, async (env, machine) => {
        const owner = machine.spawn('owner', async (program) => {
          await mustBecomeBroker(program.env);
          await program.env.clock.sleep(100_000);
          return 0;
        });
        await env.clock.sleep(3000 + env.random.fraction() * 3000);
        owner.process.kill('test');
        const startMs = env.clock.monotonicMs();
        const session = await mustBecomeBroker(env);
        assert.ok(env.clock.monotonicMs() - startMs < 900, `${env.clock.monotonicMs() - startMs} ms`);
        await session.release();
      });
    }
  });

  it('a claimer that dies with the lock and before its registration holds the others up for about a second', () =>
    inWorld(4, async (env, machine) => {
      machine.onFault = (point, process) => {
        if (point === 'cluster.before-registration' && process.name === 'unlucky') process.kill('before registration');
      };
      machine.spawn('unlucky', async (program) => {
        await becomeBroker(program.env);
        return 0;
      });
      await env.clock.sleep(1000);
      const startMs = env.clock.monotonicMs();
      await (await mustBecomeBroker(env)).release();
      assert.ok(env.clock.monotonicMs() - startMs < 2000, `${env.clock.monotonicMs() - startMs} ms`);
    }));

  it('a claimer that slept from its judgement on finds its number taken and counts as not the owner', async () => {
    const world = new World({ seed: 5 });
    const machine = new SimMachine(world, 'm');
    let slept = false;
    machine.onFault = (point, process) => {
      if (point === 'cluster.before-registration' && process.name === 'sleeper' && !slept) {
        slept = true;
        process.pause();
        world.after(20_000, () => process.resume());
      }
    };
    machine.spawn('sleeper', async ({ env }) => {
      assert.equal(await becomeBroker(env), undefined);
      return 0;
    });
    machine.spawn('other', async ({ env }) => {
      await env.clock.sleep(500);
      const session = await mustBecomeBroker(env);
      await env.clock.sleep(60_000);
      assert.equal(session.mayWrite(), true);
      assert.equal(await session.renewLease(), true);
      await session.release();
      return 0;
    });
    await runToEnd(machine, 600_000);
  });

  it('an unclean close raises the leader epochs, a clean one leaves them', () =>
    inWorld(6, async (env) => {
      const first = await mustBecomeBroker(env);
      await first.createTopic({ name: 't', partitionCount: 2, configs: new Map() });
      await first.release();
      const clean = await mustBecomeBroker(env);
      assert.deepEqual(
        clean
          .image()
          .topics.get('t')
          ?.partitions.map(({ leaderEpoch }) => leaderEpoch),
        [0, 0],
      );
      await clean.release();
      const unclean = await mustBecomeBroker(env, { lastCloseWasClean: async () => false });
      assert.equal(unclean.lastCloseWasClean, false);
      assert.deepEqual(
        unclean
          .image()
          .topics.get('t')
          ?.partitions.map(({ leaderEpoch, partitionEpoch }) => [leaderEpoch, partitionEpoch]),
        [
          [1, 1],
          [1, 1],
        ],
      );
      await unclean.release();
    }));

  it('the place is kept for a named successor, for two seconds and while it lives', () =>
    inWorld(7, async (env, machine) => {
      const successor = machine.spawn('successor', async (program) => {
        await program.env.clock.sleep(900);
        const session = await mustBecomeBroker(program.env, { command: 'serve' });
        await program.env.clock.sleep(5000);
        await session.release();
        return 0;
      });
      const session = await mustBecomeBroker(env);
      await session.nameSuccessor(successor.env.proc.facts());
      await session.release();
      const claim = new Claim(env, await openLog(env), claimOptions());
      const first = await claim.attempt();
      assert.deepEqual([first.kind, first.kind === 'waiting' && first.why], ['waiting', 'successor']);
      await env.clock.sleep(1700);
      assert.equal((await claim.attempt()).kind, 'occupied', 'the successor came');
      const absent = machine.spawn('absent', async (program) => {
        await program.env.clock.sleep(60_000);
        return 0;
      });
      await env.clock.sleep(6000);
      const again = await mustBecomeBroker(env);
      await again.nameSuccessor(absent.env.proc.facts());
      await again.release();
      const startMs = env.clock.monotonicMs();
      await (await mustBecomeBroker(env)).release();
      const waitedMs = env.clock.monotonicMs() - startMs;
      assert.ok(waitedMs >= 1900 && waitedMs < 3000, `${waitedMs} ms`);
    }));

  it('an owner from before a restart of the machine is dead, one on another machine is waited for', async () => {
    const world = new World({ seed: 8 });
    const machine = new SimMachine(world, 'm');
    machine.spawn('before', async ({ env }) => {
      await mustBecomeBroker(env);
      await env.clock.sleep(100_000);
      return 0;
    });
    await world.run(() => false, 5000);
    machine.cutPower();
    machine.spawn('after', async ({ env }) => {
      const startMs = env.clock.monotonicMs();
      const session = await mustBecomeBroker(env);
      assert.ok(env.clock.monotonicMs() - startMs < 500);
      const stranger = fromElsewhere(env);
      const claim = new Claim(stranger, await openLog(stranger), claimOptions());
      const outcome = await claim.attempt();
      assert.deepEqual([outcome.kind, outcome.kind === 'waiting' && outcome.why], ['waiting', 'stranger']);
      await env.clock.sleep(200_000);
      assert.equal((await claim.attempt()).kind, 'waiting', 'its lock moves');
      await session.release();
      return 0;
    });
    await runToEnd(machine, 600_000);
  });

  it('a silent owner on another machine loses its place after the quiet time, and resigns when it wakes', async () => {
    const world = new World({ seed: 9 });
    const machine = new SimMachine(world, 'm');
    const zombie = machine.spawn('zombie', async ({ env }) => {
      const session = await mustBecomeBroker(env);
      let resigned = '';
      session.onResigned((reason) => {
        resigned = reason;
      });
      await env.clock.sleep(200_000);
      assert.equal(session.holdsLease(), false, 'not a word before it has looked');
      assert.equal(await session.renewLease(), false);
      assert.notEqual(resigned, '');
      assert.equal(session.mayWrite(), false);
      await assert.rejects(session.createTopic({ name: 'z', partitionCount: 1, configs: new Map() }));
      await session.release();
      return 0;
    });
    await world.run(() => false, 3000);
    zombie.process.pause();
    machine.spawn('other', async ({ env }) => {
      const stranger = fromElsewhere(env);
      const startMs = env.clock.monotonicMs();
      const session = await mustBecomeBroker(stranger);
      const waitedMs = env.clock.monotonicMs() - startMs;
      assert.ok(waitedMs >= 75_000 && waitedMs < 80_000, `${waitedMs} ms`);
      zombie.process.resume();
      await env.clock.sleep(300_000);
      assert.equal(session.mayWrite(), true);
      assert.deepEqual([...session.image().topics.keys()], []);
      await session.release();
      return 0;
    });
    await runToEnd(machine, 900_000);
  });
});
