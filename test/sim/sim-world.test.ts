import assert from 'node:assert/strict';
import { SimMachine } from './sim-machine.ts';
import { World } from './sim-world.ts';

/** A program of some turns, sleeps and draws; two runs of it differ if anything but the seed decides. */
async function traceOf(seed: number): Promise<string> {
  const world = new World({ seed });
  const machine = new SimMachine(world, 'm');
  for (const name of ['a', 'b', 'c']) {
    machine.spawn(name, async ({ env, process }) => {
      for (let turn = 0; turn < 20; turn++) {
        await env.clock.sleep(env.random.fraction() * 5);
        await Promise.all([env.disk.makeDirectory(`/d/${name}${turn}`), new Promise<void>((go) => env.clock.soon(go))]);
        process.note('turn', turn, env.random.uuid());
      }
      return 0;
    });
  }
  assert.equal(await world.run(() => machine.alive().length === 0, 1000), 'done');
  return world.traceHash;
}

describe('sim: world', () => {
  it('a seed run twice gives the same trace, another seed another one', async () => {
    assert.equal(await traceOf(7), await traceOf(7));
    assert.notEqual(await traceOf(7), await traceOf(8));
  });

  it('the virtual clock passes without real time, and events come in the order of their time', async () => {
    const world = new World({ seed: 1 });
    const seen: number[] = [];
    for (const delayMs of [3_600_000, 5, 60_000, 5]) world.after(delayMs, () => seen.push(world.nowMs));
    assert.equal(await world.run(() => false, 10_000_000), 'idle');
    assert.deepEqual(seen, [5, 5, 60_000, 3_600_000]);
    assert.equal(world.nowMs, 10_000_000);
  });

  it('all promises settle before the next event', async () => {
    const world = new World({ seed: 1 });
    const seen: string[] = [];
    world.after(1, () => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await undefined;
        seen.push('promises');
      })();
    });
    world.after(1, () => seen.push('event'));
    await world.run(() => false, 10);
    assert.deepEqual(seen, ['promises', 'event']);
  });

  it('an uncaught error of a process is a violation, and so is a rejection of its main', async () => {
    const world = new World({ seed: 1 });
    const machine = new SimMachine(world, 'm');
    machine.spawn('bad', async ({ env }) => {
      env.clock.timer(1, () => {
        throw new Error('thrown in a timer');
      });
      await env.clock.sleep(10);
      return 0;
    });
    assert.equal(await world.run(() => false, 100), 'violated');
    assert.equal(world.violations[0]?.rule, 'uncaught');
    world.violations.length = 0;
    machine.spawn('rejects', () => Promise.reject(new Error('no')));
    assert.equal(await world.run(() => false, 100), 'violated');
    assert.equal(world.violations[0]?.rule, 'rejected');
  });
});

describe('sim: processes', () => {
  it('a killed process does not go on, whatever it waits for', async () => {
    const world = new World({ seed: 3 });
    const machine = new SimMachine(world, 'm');
    const reached: string[] = [];
    const { process } = machine.spawn('victim', async ({ env }) => {
      reached.push('start');
      await env.clock.sleep(10);
      reached.push('slept');
      await env.disk.makeDirectory('/d');
      reached.push('made');
      return 0;
    });
    await world.run(() => reached.includes('slept'), 100);
    process.kill('test');
    await world.run(() => false, 1000);
    assert.deepEqual(reached, ['start', 'slept']);
    assert.equal(process.exitCode, undefined);
  });

  it('a resumed process gets its sockets first, then its files, then its timers', async () => {
    const world = new World({ seed: 3 });
    const machine = new SimMachine(world, 'm');
    const order: string[] = [];
    const { process } = machine.spawn('sleeper', async ({ env }) => {
      await env.net.listen({ host: 'h', port: 1 }, () => order.push('socket'));
      env.clock.timer(5, () => order.push('timer'));
      await env.clock.sleep(1);
      await env.disk.makeDirectory('/d');
      order.push('file');
      return new Promise(() => undefined);
    });
    await world.run(() => false, 2.4);
    process.pause();
    machine.spawn('caller', async ({ env }) => {
      await env.net.connect({ host: 'h', port: 1 }, 1000);
      return 0;
    });
    await world.run(() => false, 1000);
    process.resume();
    await world.run(() => false, 1000);
    assert.deepEqual(order.slice().sort(), ['file', 'socket', 'timer']);
    assert.ok(order.indexOf('socket') < order.indexOf('timer'));
  });

  it('tells other processes of the machine whether it lives, over a power cut too', async () => {
    const world = new World({ seed: 3 });
    const machine = new SimMachine(world, 'm');
    const first = machine.spawn('first', () => new Promise(() => undefined));
    const facts = first.env.proc.facts();
    const other = machine.spawn('other', () => new Promise(() => undefined));
    assert.equal(other.env.proc.judge(facts), 'alive');
    first.process.pause();
    assert.equal(other.env.proc.describeState(facts), 'stopped');
    first.process.kill('test');
    assert.equal(other.env.proc.judge(facts), 'dead');
    machine.cutPower();
    const later = machine.spawn('later', () => new Promise(() => undefined));
    assert.equal(later.env.proc.judge(facts), 'unknown');
    assert.notEqual(later.env.proc.facts().bootId, facts.bootId);
  });
});
