import assert from 'node:assert/strict';
import type { Disk } from '../../src/kernel/env.ts';
import { IndexEntries } from '../../src/log/index-entries.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';

const PATH = `${DIRECTORY}/0.index`;
const ENTRY_BYTES = 8;

async function write(disk: Disk, bytes: Buffer): Promise<void> {
  await disk.makeDirectory(DIRECTORY);
  const file = await disk.open(PATH, 'w+');
  await file.writev([bytes], 0);
  await file.close();
}

describe('log: index entries', () => {
  it('more than its segment can have are not read: the index is to be rebuilt', () =>
    inWorld(1, async ({ disk }) => {
      await write(disk, Buffer.alloc(3 * ENTRY_BYTES, 1));
      const opened: string[] = [];
      const watched = new Proxy(disk, {
        get: (target, name) => {
          opened.push(String(name));
          return Reflect.get(target, name);
        },
      });
      assert.equal(await new IndexEntries(watched, PATH, ENTRY_BYTES, 3).load(2), false);
      assert.deepEqual(opened, []);
      assert.equal(await new IndexEntries(disk, PATH, ENTRY_BYTES, 3).load(3), true);
    }));

  it('of a file that is longer only what belongs to it takes memory', () =>
    inWorld(1, async ({ disk }) => {
      await write(disk, Buffer.alloc(1 << 20, 7));
      const watched: Disk = Object.assign(Object.create(disk) as Disk, {
        readFile: () => Promise.reject(new Error('the whole file is read')),
        open: disk.open.bind(disk),
        stat: disk.stat.bind(disk),
      });
      const entries = new IndexEntries(watched, PATH, ENTRY_BYTES, 3);
      assert.equal(await entries.load(100), true);
      assert.deepEqual(entries.inMemory(), Buffer.alloc(3 * ENTRY_BYTES, 7));
    }));
});
