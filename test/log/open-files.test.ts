import assert from 'node:assert/strict';
import type { Disk, DiskFile, Env } from '../../src/kernel/env.ts';
import { OpenFiles } from '../../src/log/open-files.ts';
import { newMachine, run } from './log-in-world.ts';

const PATH = '/d/brokers/1';

/** Counts how many files are open. */
function counting(env: Env): { disk: Disk; open: () => number } {
  let open = 0;
  const disk: Disk = Object.create(env.disk);
  disk.open = async (path, mode) => {
    const file = await env.disk.open(path, mode);
    open += 1;
    const wrapped: DiskFile = Object.create(file);
    Object.assign(wrapped, {
      size: () => file.size(),
      read: file.read.bind(file),
      writev: file.writev.bind(file),
      close: async () => {
        await file.close();
        open -= 1;
      },
    });
    return wrapped;
  };
  return { disk, open: () => open };
}

async function makeFiles(env: Env, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await (await env.disk.open(`${PATH}/${index}`, 'w+')).close();
}

describe('log: open files', () => {
  it('keeps as many open as it may, the least recently used go first', async () => {
    await run(newMachine(), async (env) => {
      await makeFiles(env, 5);
      const { disk, open } = counting(env);
      const files = new OpenFiles(disk, 2, 512);
      for (const index of [0, 1, 2, 1, 3, 4]) await files.use(`${PATH}/${index}`, (file) => file.size());
      await env.clock.sleep(1);
      assert.equal(open(), 2);
      await files.close();
      assert.equal(open(), 0);
    });
  });

  it('does not close a file under its user', async () => {
    await run(newMachine(), async (env) => {
      await makeFiles(env, 3);
      const { disk, open } = counting(env);
      const files = new OpenFiles(disk, 1, 512);
      await files.use(`${PATH}/0`, async (file) => {
        await files.use(`${PATH}/1`, (other) => other.size());
        const dropped = files.drop(`${PATH}/0`);
        await files.use(`${PATH}/2`, (other) => other.size());
        assert.equal(await file.size(), 0);
        void dropped;
      });
      await files.close();
      assert.equal(open(), 0);
    });
  });

  it('a pinned file stays, and does not count', async () => {
    await run(newMachine(), async (env) => {
      await makeFiles(env, 4);
      const { disk, open } = counting(env);
      const files = new OpenFiles(disk, 1, 512);
      const pinned = await files.pin(`${PATH}/0`, 'open', () => false);
      for (const index of [1, 2, 3]) await files.use(`${PATH}/${index}`, (file) => file.size());
      await env.clock.sleep(1);
      assert.equal(open(), 2);
      await pinned.writev([Buffer.from('x')], 0);
      assert.equal(await files.use(`${PATH}/0`, (file) => file.size()), 1);
      files.unpin(`${PATH}/0`);
      await env.clock.sleep(1);
      assert.equal(open(), 1);
      await files.close();
      assert.equal(open(), 0);
    });
  });

  it('of pinned files beyond the bound the oldest that may go are closed, and only those', async () => {
    await run(newMachine(), async (env) => {
      await makeFiles(env, 5);
      const { disk, open } = counting(env);
      const files = new OpenFiles(disk, 1, 2);
      const asked: number[] = [];
      const pin = (index: number, mayGo: boolean): Promise<DiskFile> =>
        files.pin(`${PATH}/${index}`, 'open', () => {
          asked.push(index);
          return mayGo;
        });
      const kept = await pin(0, false);
      for (const index of [1, 2, 3]) await pin(index, true);
      await env.clock.sleep(1);
      assert.equal(open(), 2);
      assert.deepEqual(asked, [0, 1, 0, 2]);
      await kept.writev([Buffer.from('x')], 0);
      await files.closeUnused();
      assert.equal(open(), 1);
      await files.close();
      assert.equal(open(), 0);
    });
  });

  it('a file that cannot be opened leaves nothing behind', async () => {
    await run(newMachine(), async (env) => {
      const files = new OpenFiles(env.disk, 1, 512);
      await assert.rejects(
        files.use(`${PATH}/none`, (file) => file.size()),
        { code: 'ENOENT' },
      );
      await assert.rejects(
        files.pin(`${PATH}/none`, 'open', () => false),
        { code: 'ENOENT' },
      );
      await files.pin(`${PATH}/none`, 'create', () => false);
      await files.close();
    });
  });
});
