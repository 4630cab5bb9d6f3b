import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../src/cli/real-clock.ts';
import { nodeDisk } from '../../src/disk/node-disk.ts';
import { IOV_MAX, type WritevOnce, writeAll } from '../../src/disk/node-file.ts';

const clock = realClock();

describe('nodeDisk', () => {
  const disk = nodeDisk({ clock, onWatchError: (_path, error) => assert.fail(error) });
  let folder = '';
  const at = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-disk-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function put(name: string, content: string): Promise<void> {
    const file = await disk.open(at(name), 'w+');
    await file.writev([Buffer.from(content)], 0);
    await file.close();
  }

  it('takes no memory for a file that is larger than its reader bears', async () => {
    await put('f', 'seven by');
    await assert.rejects(disk.readFile(at('f'), 7), { code: 'EFBIG' });
    assert.equal((await disk.readFile(at('f'), 8)).toString(), 'seven by');
  });

  it('makes files for this user only, and reads back what it wrote', async () => {
    const file = await disk.open(at('f'), 'wx+');
    await file.writev([Buffer.from('one '), Buffer.alloc(0), Buffer.from('two')], 0);
    await file.writev([Buffer.from('T')], 4);
    await file.datasync();
    assert.equal(await file.size(), 7);
    const target = Buffer.alloc(10, '.');
    assert.equal(await file.read(target, 2, 8, 3), 4);
    assert.equal(target.toString(), '.. Two....');
    assert.equal(await file.read(target, 0, 10, 7), 0);
    await file.truncate(3);
    assert.equal((await disk.readFile(at('f'))).toString(), 'one');
    await file.close();
    assert.equal(statSync(at('f')).mode & 0o777, 0o600);
  });

  it('opens as the mode says', async () => {
    await assert.rejects(disk.open(at('f'), 'r'), { code: 'ENOENT' });
    await assert.rejects(disk.open(at('f'), 'r+'), { code: 'ENOENT' });
    await put('f', 'content');
    await put('f', 'C');
    assert.equal((await disk.readFile(at('f'))).toString(), 'Content');
    await assert.rejects(disk.open(at('f'), 'wx+'), { code: 'EEXIST' });
    const file = await disk.open(at('f'), 'r');
    await assert.rejects(file.writev([Buffer.from('x')], 0), { code: 'EBADF' });
    await file.close();
  });

  it('follows no symbolic link to a file', async () => {
    await put('f', 'content');
    symlinkSync(at('f'), at('link'));
    for (const mode of ['r', 'r+', 'w+'] as const) await assert.rejects(disk.open(at('link'), mode), { code: 'ELOOP' });
    await assert.rejects(disk.open(at('link'), 'wx+'), { code: 'EEXIST' });
    await assert.rejects(disk.readFile(at('link')), { code: 'ELOOP' });
    assert.equal((await disk.stat(at('link')))?.kind, 'other');
    symlinkSync(at('none'), at('dangling'));
    for (const link of ['link', 'dangling']) {
      await assert.rejects(disk.makeDirectory(at(link)), { code: 'EEXIST' });
    }
  });

  it('takes a symbolic link to a directory for the directory, but for removing', async () => {
    await put('f', 'content');
    symlinkSync(folder, at('folder'));
    assert.equal(await disk.makeDirectory(at('folder')), false);
    assert.equal(await disk.makeDirectory(at('folder/new')), true);
    await disk.syncDirectory(at('folder'));
    assert.deepEqual(await disk.list(at('folder')), ['f', 'folder', 'new']);
    await disk.removeTree(at('folder'));
    assert.ok(existsSync(at('f')));
  });

  it('is not held up by a FIFO where a file should be', async () => {
    assert.equal(spawnSync('mkfifo', [at('fifo')]).status, 0);
    const file = await disk.open(at('fifo'), 'r');
    await file.close();
  });

  it('names the file that it cannot read, and takes no memory for one that is far too large', async () => {
    await disk.makeDirectory(at('d'));
    await assert.rejects(disk.readFile(at('d')), { code: 'EISDIR', path: at('d') });
    const file = await disk.open(at('sparse'), 'w+');
    await file.truncate(2 ** 40);
    await file.close();
    await assert.rejects(disk.readFile(at('sparse')), { code: 'EFBIG', path: at('sparse') });
  });

  it('says what is there', async () => {
    await put('f', '12345');
    const stat = await disk.stat(at('f'));
    assert.equal(stat?.kind, 'file');
    assert.equal(stat?.size, 5);
    assert.equal(stat?.mode, 0o600);
    assert.equal(stat?.inode, statSync(at('f')).ino);
    assert.ok(Math.abs((stat?.modifiedMs ?? 0) - Date.now()) < 60_000);
    assert.equal((await disk.stat(folder))?.kind, 'directory');
    assert.equal(await disk.stat(at('none')), undefined);
    assert.equal(await disk.stat(at('f/below a file')), undefined);
  });

  it('makes directories with their parents, and says whether the last one is new', async () => {
    assert.equal(await disk.makeDirectory(at('a/b/c')), true);
    assert.equal(await disk.makeDirectory(at('a/b/c')), false);
    assert.equal(statSync(at('a/b')).mode & 0o777, 0o700);
    await put('f', '');
    await assert.rejects(disk.makeDirectory(at('f')), { code: 'EEXIST' });
    await assert.rejects(disk.makeDirectory(at('f/g')), { code: 'ENOTDIR' });
    assert.deepEqual(await disk.list(folder), ['a', 'f']);
    await assert.rejects(disk.list(at('none')), { code: 'ENOENT' });
  });

  it('gives up where no folder can be made, though the parent is there', async () => {
    const parent = process.platform === 'linux' ? '/proc' : at('f');
    await assert.rejects(disk.makeDirectory(`${parent}/streamctl-test`));
  });

  it('links only where nothing is, renames over what is there, and removes what may be absent', async () => {
    await put('f', 'f');
    await put('g', 'g');
    await assert.rejects(disk.link(at('f'), at('g')), { code: 'EEXIST' });
    await disk.link(at('f'), at('h'));
    assert.equal(statSync(at('h')).nlink, 2);
    await disk.rename(at('g'), at('f'));
    assert.equal(readFileSync(at('f'), 'utf8'), 'g');
    await disk.remove(at('h'));
    await disk.remove(at('h'));
    await disk.makeDirectory(at('a/b'));
    await put('a/b/f', '');
    await disk.removeTree(at('a'));
    await disk.removeTree(at('a'));
    assert.deepEqual(await disk.list(folder), ['f']);
    await disk.syncDirectory(folder);
    await assert.rejects(disk.syncDirectory(at('none')), { code: 'ENOENT' });
  });

  it('reads a file of the kernel, whose size is not known before', async function () {
    if (process.platform !== 'linux') this.skip();
    assert.match((await disk.readFile('/proc/self/status')).toString(), /^Name:[\s\S]+Threads:/);
  });

  it('writes vectors longer than the kernel takes', async () => {
    const buffers = Array.from({ length: 3 * IOV_MAX + 5 }, (_, index) => Buffer.from(`${index},`));
    const file = await disk.open(at('f'), 'wx+');
    await file.writev(buffers, 0);
    await file.close();
    assert.equal(readFileSync(at('f'), 'utf8'), buffers.join(''));
  });

  it('goes on where the kernel stopped', async () => {
    const written: string[] = [];
    const positions: number[] = [];
    const onlySeven: WritevOnce = async (_descriptor, buffers, position) => {
      const part = Buffer.concat(buffers).subarray(0, 7);
      written.push(part.toString());
      positions.push(position);
      return part.length;
    };
    const buffers = ['abc', '', 'defghijklmn', 'o', 'pqrstuvwxyz'].map((text) => Buffer.from(text));
    await writeAll(onlySeven, 0, buffers, 100);
    assert.deepEqual(written, ['abcdefg', 'hijklmn', 'opqrstu', 'vwxyz']);
    assert.deepEqual(positions, [100, 107, 114, 121]);
    await assert.rejects(
      writeAll(async () => 0, 0, buffers, 0),
      { code: 'EIO' },
    );
  });

  it('hints at changes in a directory, the last one of a burst included', async () => {
    const seen: string[] = [];
    const watch = disk.watch(folder, () => seen.push(readFileSync(at('f'), { encoding: 'utf8', flag: 'a+' })));
    await clock.sleep(150);
    for (let index = 0; index < 20; index += 1) {
      writeFileSync(at('f'), String(index));
      await clock.sleep(3);
    }
    await clock.sleep(150);
    assert.equal(seen.at(-1), '19');
    const hintCount = seen.length;
    assert.ok(hintCount >= 2);
    await watch.close();
    writeFileSync(at('f'), 'after');
    await clock.sleep(100);
    assert.equal(seen.length, hintCount);
  });

  it('tells once that a watch cannot work', async () => {
    const errors: string[] = [];
    const other = nodeDisk({ clock, onWatchError: (path) => errors.push(path) });
    await put('f', '');
    const watch = other.watch(at('f/below'), () => undefined);
    await watch.close();
    assert.ok(errors.length <= 1);
  });
});
