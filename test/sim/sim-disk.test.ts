import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { FILE_LOSSES, FileContent, type FileLoss } from './file-content.ts';
import { FOLDER_LOSSES, type FolderLoss } from './file-system.ts';
import { Prng } from './prng.ts';
import { SimMachine } from './sim-machine.ts';
import { World } from './sim-world.ts';

/** Runs `body` as a process of a new machine, and gives the machine for what comes after. */
async function onDisk(seed: number, body: (env: Env, machine: SimMachine) => Promise<void>): Promise<SimMachine> {
  const machine = new SimMachine(new World({ seed }), 'm');
  await again(machine, (env) => body(env, machine));
  return machine;
}

async function again(machine: SimMachine, body: (env: Env) => Promise<void>): Promise<void> {
  const { process } = machine.spawn('p', async ({ env }) => {
    await body(env);
    return 0;
  });
  await machine.world.run(() => process.isDead, 100_000);
  assert.deepEqual(machine.world.violations, []);
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && error.code === expected;
}

const A = Buffer.alloc(3000, 'a');
const B = Buffer.alloc(3000, 'b');

/** A file with A synced and B not, after a power cut by one model. */
function afterCut(loss: FileLoss, seed: number): Buffer {
  const content = new FileContent();
  content.write(A, 0);
  content.sync(content.changeCount);
  content.write(B, A.length);
  content.losePower(loss, new Prng(seed));
  return content.bytes();
}

describe('sim: what a power cut leaves of a file', () => {
  it('what was synced is always there', () => {
    for (const loss of FILE_LOSSES) {
      for (let seed = 0; seed < 50; seed++) assert.ok(afterCut(loss, seed).subarray(0, A.length).equals(A), loss);
    }
  });

  it('what was not: nothing, all, a prefix, any sectors, or zeros', () => {
    assert.equal(afterCut('nothing kept', 1).length, 3000);
    assert.ok(afterCut('all kept', 1).equals(Buffer.concat([A, B])));
    const prefixes = new Set(Array.from({ length: 50 }, (_, seed) => afterCut('prefix', seed).length));
    assert.ok(prefixes.size > 10, 'a write is torn at any byte');
    const tail = afterCut('NUL tail', 4).subarray(3000);
    assert.ok(tail.length >= 3000 && tail.every((byte) => byte === 0));
    const sectors = afterCut('sectors', 5);
    assert.equal(sectors.length, 6000);
    assert.ok(sectors.includes(0) && sectors.includes('b'));
  });

  it('a sync covers what was written before it began, no more', () => {
    const content = new FileContent();
    content.write(A, 0);
    const covered = content.changeCount;
    content.write(B, A.length);
    content.sync(covered);
    content.losePower('nothing kept', new Prng(1));
    assert.ok(content.bytes().equals(A));
  });

  it('after a failed sync the pages count as clean, and are lost with the power all the same', () => {
    const content = new FileContent();
    content.write(A, 0);
    content.dropUnsynced(content.changeCount);
    assert.ok(content.bytes().equals(A));
    content.sync(content.changeCount);
    content.losePower('all kept', new Prng(1));
    assert.equal(content.size, 0);
  });
});

describe('sim: disk', () => {
  it('has the errors of the real one', async () => {
    await onDisk(1, async ({ disk }) => {
      await assert.rejects(disk.open('/no', 'r'), code('ENOENT'));
      await assert.rejects(disk.open('/no/file', 'wx+'), code('ENOENT'));
      assert.equal(await disk.makeDirectory('/a/b'), true);
      assert.equal(await disk.makeDirectory('/a/b'), false);
      await (await disk.open('/a/one', 'wx+')).close();
      await assert.rejects(disk.open('/a/one', 'wx+'), code('EEXIST'));
      await disk.link('/a/one', '/a/two');
      await assert.rejects(disk.link('/a/one', '/a/two'), code('EEXIST'));
      await assert.rejects(disk.list('/a/one'), code('ENOTDIR'));
      assert.deepEqual(await disk.list('/a'), ['b', 'one', 'two']);
      await disk.rename('/a/one', '/a/two');
      assert.equal(await disk.stat('/a/three'), undefined);
      await disk.remove('/a/three');
      await disk.removeTree('/a');
      assert.equal(await disk.stat('/a'), undefined);
    });
  });

  it('one of many processes that link to one name wins', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const machine = await onDisk(seed, async ({ disk }) => void (await disk.makeDirectory('/d')));
      const won: string[] = [];
      const contenders = ['a', 'b', 'c', 'd'].map((name) =>
        machine.spawn(name, async ({ env: { disk } }) => {
          await (await disk.open(`/d/${name}`, 'wx+')).close();
          await disk.link(`/d/${name}`, '/d/prize').then(() => won.push(name), code('EEXIST'));
          return 0;
        }),
      );
      await machine.world.run(() => contenders.every(({ process }) => process.isDead), 1000);
      assert.equal(won.length, 1);
    }
  });

  it('a name that its folder did not sync may be gone, or back, after a power cut; a synced one is not', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const machine = await onDisk(seed, async ({ disk }) => {
        await disk.makeDirectory('/d');
        for (const name of ['kept', 'marker']) await (await disk.open(`/d/${name}`, 'wx+')).close();
        await disk.syncDirectory('/d');
        await disk.syncDirectory('/');
        await disk.remove('/d/marker');
        await (await disk.open('/d/new', 'wx+')).close();
      });
      machine.cutPower();
      await again(machine, async ({ disk }) => void seen.add((await disk.list('/d')).join(' ')));
    }
    assert.ok([...seen].every((names) => names.includes('kept')));
    for (const names of ['kept marker', 'kept new', 'kept marker new', 'kept']) assert.ok(seen.has(names), names);
  });

  it('killing a process loses nothing that it wrote; a write under way may be torn', async () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const machine = new SimMachine(new World({ seed }), 'm');
      let written = false;
      const { process } = machine.spawn('p', async ({ env: { disk } }) => {
        const file = await disk.open('/f', 'wx+');
        await file.writev([A], 0);
        written = true;
        await file.writev([B], A.length);
        return 0;
      });
      await machine.world.run(() => written, 1000);
      process.kill('test');
      const bytes = machine.files.find('/f')?.content.bytes() ?? Buffer.alloc(0);
      assert.ok(bytes.subarray(0, A.length).equals(A));
      sizes.add(bytes.length);
    }
    assert.ok(sizes.has(3000) && sizes.size > 10);
  });

  it('a full disk takes part of a write and then says ENOSPC', async () => {
    await onDisk(2, async ({ disk }, { files }) => {
      const file = await disk.open('/f', 'wx+');
      await file.writev([A], 0);
      files.capacityBytes = files.usedBytes() + 1000;
      await assert.rejects(file.writev([B], A.length), code('ENOSPC'));
      const size = await file.size();
      assert.ok(size >= A.length && size <= A.length + 1000);
      await file.truncate(A.length + 1000);
      await file.writev([B], 0);
      await assert.rejects(disk.open('/g', 'wx+'), code('ENOSPC'));
      await disk.remove('/f');
      await (await disk.open('/g', 'wx+')).close();
    });
  });

  it('tells when bytes change while they are being written', async () => {
    const world = new World({ seed: 1 });
    const machine = new SimMachine(world, 'm');
    machine.spawn('p', async ({ env: { disk } }) => {
      const file = await disk.open('/f', 'wx+');
      const bytes = Buffer.from('before');
      const writing = file.writev([bytes], 0);
      bytes.write('after!');
      await writing;
      return 0;
    });
    assert.equal(await world.run(() => false, 1000), 'violated');
    assert.equal(world.violations[0]?.rule, 'buffer');
  });

  it('hints come late, merged or not at all, and never after close', async () => {
    let hints = 0;
    await onDisk(5, async ({ disk, clock }) => {
      await disk.makeDirectory('/d');
      const watch = disk.watch('/d', () => hints++);
      for (let at = 0; at < 20; at++) {
        await disk.makeDirectory(`/d/${at}`);
        await clock.sleep(200);
      }
      await watch.close();
      const before = hints;
      await disk.makeDirectory('/d/last');
      await clock.sleep(1000);
      assert.equal(hints, before);
    });
    assert.ok(hints > 5 && hints <= 20);
  });

  it('every loss model of folders is used', () => {
    const models: readonly FolderLoss[] = FOLDER_LOSSES;
    assert.equal(new Set(models).size, 4);
  });
});
