import assert from 'node:assert/strict';
import type { HeldLock } from '../../src/kernel/env.ts';
import { SimMachine, type SimProgram } from './sim-machine.ts';
import { World } from './sim-world.ts';

const PATH = '/d/x.lock';

async function machineWith(seed: number): Promise<SimMachine> {
  const machine = new SimMachine(new World({ seed }), 'm');
  machine.files.create('/d', 'directory', 'mkdir');
  return machine;
}

interface Contender {
  readonly program: SimProgram;
  held: HeldLock | undefined;
  isAnswered: boolean;
  lost: number;
}

function contend(machine: SimMachine, name: string): Contender {
  const contender: { -readonly [K in keyof Contender]: Contender[K] } = {
    program: machine.spawn(name, async ({ env }) => {
      const onCompromised = (): void => void contender.lost++;
      contender.held = await env.lock.acquire(PATH, { staleMs: 6000, onCompromised });
      contender.isAnswered = true;
      return new Promise(() => undefined);
    }),
    held: undefined,
    isAnswered: false,
    lost: 0,
  };
  return contender;
}

async function releasing(machine: SimMachine, held: HeldLock | undefined): Promise<void> {
  const released = held?.release();
  await machine.world.run(() => false, 100);
  await released;
}

describe('sim: the liveness lock errs as proper-lockfile does', () => {
  it('one at a time while the holder beats, and the next one after a release', async () => {
    const machine = await machineWith(1);
    const [first, second] = [contend(machine, 'first'), contend(machine, 'second')];
    await machine.world.run(() => first.isAnswered && second.isAnswered, 1000);
    assert.equal([first, second].filter(({ held }) => held !== undefined).length, 1);
    await machine.world.run(() => false, 20_000);
    const late = contend(machine, 'late');
    await machine.world.run(() => late.isAnswered, 1000);
    assert.equal(late.held, undefined);
    await releasing(machine, first.held ?? second.held);
    const next = contend(machine, 'next');
    await machine.world.run(() => next.isAnswered, 1000);
    assert.notEqual(next.held, undefined);
    assert.ok((next.held?.confirmedAtMs() ?? 0) > 20_000);
  });

  it('contenders for a stale lock can both own it', async () => {
    let doubles = 0;
    for (let seed = 0; seed < 100; seed++) {
      const machine = await machineWith(seed);
      const dead = contend(machine, 'dead');
      await machine.world.run(() => dead.isAnswered, 1000);
      dead.program.process.kill('test');
      await machine.world.run(() => false, 9000);
      const contenders = ['a', 'b', 'c', 'd'].map((name) => contend(machine, name));
      await machine.world.run(() => contenders.every(({ isAnswered }) => isAnswered), 1000);
      if (contenders.filter(({ held }) => held !== undefined).length > 1) doubles++;
    }
    assert.ok(doubles > 5, `${doubles} double owners in 100 takeovers`);
  });

  it('a holder that was stopped too long removes the lock of its successor when it releases', async () => {
    const machine = await machineWith(4);
    const zombie = contend(machine, 'zombie');
    await machine.world.run(() => zombie.isAnswered, 1000);
    zombie.program.process.pause();
    await machine.world.run(() => false, 9000);
    const owner = contend(machine, 'owner');
    await machine.world.run(() => owner.isAnswered, 1000);
    assert.notEqual(owner.held, undefined);
    zombie.program.process.resume();
    await releasing(machine, zombie.held);
    assert.equal(machine.files.find(PATH), undefined);
    await machine.world.run(() => owner.lost > 0, 10_000);
    assert.equal(owner.lost, 1);
  });

  it('the lock of a dead owner can be moved aside at once', async () => {
    const machine = await machineWith(2);
    const dead = contend(machine, 'dead');
    await machine.world.run(() => dead.isAnswered, 1000);
    dead.program.process.kill('test');
    const heir = machine.spawn('heir', async ({ env }) => {
      await env.lock.breakDead(PATH);
      const held = await env.lock.acquire(PATH, { staleMs: 6000, onCompromised: () => undefined });
      return held === undefined ? 1 : 0;
    });
    await machine.world.run(() => heir.process.isDead, 1000);
    assert.equal(heir.process.exitCode, 0);
  });
});
