import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockFolder } from '../../src/disk/lock-folder.ts';
import { acquireProperLock } from '../../src/disk/proper-lock.ts';

describe('acquireProperLock', () => {
  let parent = '';

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'streamctl-lock-'));
  });

  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  function folderAt(beforeBeat: () => void): LockFolder {
    return new LockFolder({
      monotonicMs: () => performance.now(),
      uuid: () => 'test',
      isStale: () => false,
      mayBeat: () => {
        beforeBeat();
        return true;
      },
      onBeat: () => undefined,
    });
  }

  it('is lost to somebody who takes the folder away between its making and its first heartbeat', async () => {
    const path = join(parent, 'alive.lock');
    const lock = await acquireProperLock(
      path,
      folderAt(() => rmdirSync(path)),
      6000,
      () => assert.fail('nothing was held'),
    );
    assert.equal(lock, undefined);
  });

  it('throws where the folder cannot be made', async () => {
    const path = join(parent, 'nowhere', 'alive.lock');
    const folder = folderAt(() => undefined);
    await assert.rejects(
      acquireProperLock(path, folder, 6000, () => undefined),
      { code: 'ENOENT' },
    );
  });
});
