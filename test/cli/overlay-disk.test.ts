import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OverlayDisk } from '../../src/cli/overlay-disk.ts';
import type { Disk, DiskFile } from '../../src/kernel/env.ts';
import { inWorld } from '../cluster/in-world.ts';

async function write(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.open(path, 'w+');
  await file.truncate(0);
  await file.writev([Buffer.from(text)], 0);
  await file.close();
}

async function code(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

describe('cli: overlay over a disk that is only read', () => {
  it('shows what is on the disk, and its own changes over it, which the disk never sees', () =>
    inWorld(1, async ({ disk }) => {
      await disk.makeDirectory('/d/sub');
      for (const name of ['a', 'b', 'sub/c']) await write(disk, `/d/${name}`, name);
      const overlay = new OverlayDisk(disk, () => 0);
      await write(overlay, '/d/a', 'changed');
      await write(overlay, '/d/new', 'new');
      await overlay.remove('/d/b');
      await overlay.makeDirectory('/d/made/below');
      await overlay.rename('/d/new', '/d/renamed');
      await overlay.link('/d/renamed', '/d/linked');
      await overlay.syncDirectory('/d');
      assert.deepEqual(await overlay.list('/d'), ['a', 'linked', 'made', 'renamed', 'sub']);
      assert.equal((await overlay.readFile('/d/a')).toString(), 'changed');
      assert.equal((await overlay.readFile('/d/linked')).toString(), 'new');
      assert.equal((await overlay.readFile('/d/sub/c')).toString(), 'sub/c');
      assert.equal(await code(overlay.readFile('/d/b')), 'ENOENT');
      assert.equal(await code(overlay.readFile('/d/new')), 'ENOENT');
      assert.equal(await code(overlay.link('/d/a', '/d/renamed')), 'EEXIST');
      assert.equal(await code(overlay.open('/d/a', 'wx+')), 'EEXIST');
      assert.equal(await code(overlay.open('/d/absent', 'r+')), 'ENOENT');
      assert.equal(await code(overlay.list('/d/absent')), 'ENOENT');
      assert.equal(await code(overlay.rename('/d/absent', '/d/x')), 'ENOENT');
      assert.equal((await overlay.stat('/d/a'))?.size, 7);
      assert.equal(await overlay.makeDirectory('/d/made'), false);
      assert.deepEqual(await disk.list('/d'), ['a', 'b', 'sub']);
      assert.equal((await disk.readFile('/d/a')).toString(), 'a');
    }));

  it('a folder that was renamed or removed takes all below it along', () =>
    inWorld(2, async ({ disk }) => {
      await disk.makeDirectory('/d/t/deep');
      await write(disk, '/d/t/deep/x', 'x');
      const overlay = new OverlayDisk(disk, () => 0);
      await overlay.rename('/d/t', '/d/u');
      assert.equal((await overlay.readFile('/d/u/deep/x')).toString(), 'x');
      assert.equal(await overlay.stat('/d/t/deep/x'), undefined);
      assert.equal(await code(overlay.open('/d/t/deep/x', 'r')), 'ENOENT');
      assert.deepEqual(await overlay.list('/d'), ['u']);
      await overlay.removeTree('/d/u');
      assert.equal(await overlay.stat('/d/u/deep'), undefined);
      assert.deepEqual(await overlay.list('/d'), []);
    }));

  it('any mix of writes and truncations reads as it would from the disk', () =>
    inWorld(3, async ({ disk }) => {
      const step = fc.oneof(
        fc.record({
          position: fc.nat(20_000),
          length: fc.integer({ min: 1, max: 9000 }),
          byte: fc.integer({ min: 1, max: 255 }),
        }),
        fc.record({ size: fc.nat(25_000) }),
      );
      let turn = 0;
      for (const [baseBytes, steps] of fc.sample(fc.tuple(fc.nat(12_000), fc.array(step, { maxLength: 6 })), 60)) {
        const path = `/f${turn++}`;
        const base = Buffer.alloc(baseBytes, 'base');
        await write(disk, path, base.toString());
        const overlay = new OverlayDisk(disk, () => 0);
        const overlaid = await overlay.open(path, 'r+');
        const real = await disk.open(path, 'r+');
        const shown: Buffer[] = [];
        for (const each of steps) await apply(overlaid, each);
        shown.push(await overlay.readFile(path));
        assert.ok((await disk.readFile(path)).equals(base), 'the disk is as it was');
        for (const each of steps) await apply(real, each);
        assert.ok(shown[0]?.equals(await disk.readFile(path)), JSON.stringify({ baseBytes, steps }));
        assert.equal(await overlaid.size(), await real.size());
        await Promise.all([overlaid.close(), real.close()]);
      }
    }));
});

type Step = { readonly position: number; readonly length: number; readonly byte: number } | { readonly size: number };

async function apply(file: DiskFile, step: Step): Promise<void> {
  if ('size' in step) await file.truncate(step.size);
  else await file.writev([Buffer.alloc(step.length, step.byte)], step.position);
  await file.datasync();
}
