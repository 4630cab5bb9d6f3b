import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileSystemOf, kindOf, mountOf } from '../../src/disk/file-system-kind.ts';

const FUSE = 0x65735546;

describe('disk: kind of file system', () => {
  it('knows the file systems of networks by their numbers', () => {
    for (const [type, kind] of [
      [0x6969, 'nfs'],
      [0xfe534d42, 'smb2'],
      [0xff534d42, 'cifs'],
      [0x01021997, '9p'],
      [0x00c36400, 'ceph'],
      [0x0bd00bd0, 'lustre'],
      [0x47504653, 'gpfs'],
      [0x786f4256, 'vboxsf'],
    ] as const) {
      assert.deepEqual(kindOf(type, undefined), { kind, isNetwork: true, isUncertain: false });
    }
    assert.deepEqual(kindOf(0xef53, undefined), { kind: 'ext4', isNetwork: false, isUncertain: false });
    assert.deepEqual(kindOf(1, undefined), { kind: 'unknown', isNetwork: false, isUncertain: false });
  });

  it('tells FUSE by the type of the mount, and says where it cannot', () => {
    assert.equal(kindOf(FUSE, 'sshfs').isNetwork, true);
    assert.equal(kindOf(FUSE, 'glusterfs').isNetwork, true);
    assert.deepEqual(kindOf(FUSE, 'ntfs-3g'), { kind: 'fuse.ntfs-3g', isNetwork: false, isUncertain: false });
    assert.deepEqual(kindOf(FUSE, 'something'), { kind: 'fuse.something', isNetwork: false, isUncertain: true });
    assert.equal(kindOf(FUSE, undefined).isUncertain, true);
  });

  it('finds the mount that holds a path: the longest, and of those on one point the last', () => {
    const text = [
      '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
      '30 27 0:50 / /mnt/my\\040share rw shared:1 - fuse.sshfs me@host:/x rw',
      '31 27 0:51 / /mnt rw - tmpfs none rw',
      '32 27 0:52 / /mnt rw - xfs /dev/vdb rw',
      '',
    ].join('\n');
    assert.equal(mountOf(text, '/mnt/my share/d')?.type, 'fuse.sshfs');
    assert.equal(mountOf(text, '/mnt/my sharer')?.type, 'xfs');
    assert.equal(mountOf(text, '/mntx')?.type, 'ext4');
    assert.equal(mountOf('', '/x'), undefined);
  });

  it('answers room and kind of a folder that is there', async () => {
    const folder = mkdtempSync(`${tmpdir()}/fs-kind-`);
    try {
      const facts = await fileSystemOf(folder);
      assert.ok(facts.totalBytes > 0 && facts.freeBytes <= facts.totalBytes);
    } finally {
      rmSync(folder, { recursive: true });
    }
    await assert.rejects(fileSystemOf(folder), { code: 'ENOENT' });
  });
});
