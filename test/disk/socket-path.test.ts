import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SOCKET_PATH_BYTES_MAX, shortSocketPath } from '../../src/disk/socket-path.ts';

describe('shortSocketPath', () => {
  let folder = '';
  let long = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-path-'));
    long = join(folder, 'ü'.repeat(60), 's-1');
    mkdirSync(dirname(long));
    writeFileSync(long, 'found');
  });
  after(() => rmSync(folder, { recursive: true }));

  const uuid = (): string => '01234567-89ab-4def-8123-456789abcdef';

  it('leaves a path that is short enough', () => {
    const path = `/${'x'.repeat(SOCKET_PATH_BYTES_MAX - 1)}`;
    assert.equal(shortSocketPath(path, uuid).path, path);
  });

  for (const platform of process.platform === 'linux' ? (['linux', 'darwin'] as const) : (['darwin'] as const)) {
    it(`leads to the same file on ${platform}, and leaves nothing behind`, () => {
      const short = shortSocketPath(long, uuid, platform);
      assert.ok(Buffer.byteLength(short.path) <= SOCKET_PATH_BYTES_MAX);
      assert.equal(statSync(short.path).ino, statSync(long).ino);
      short.close();
      assert.throws(() => lstatSync(dirname(short.path)), { code: 'ENOENT' });
    });

    it(`refuses a last component that is too long on ${platform}`, () => {
      assert.throws(() => shortSocketPath(join(folder, 's'.repeat(101)), uuid, platform), { code: 'ENAMETOOLONG' });
    });
  }

  it('keeps aliases in a folder that only this user can enter', () => {
    const short = shortSocketPath(long, uuid, 'darwin');
    const alias = dirname(short.path);
    assert.equal(readlinkSync(alias), dirname(long));
    assert.equal(statSync(dirname(alias)).mode & 0o777, 0o700);
    short.close();
  });
});
