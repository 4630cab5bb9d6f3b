import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkFileInput, openFileInput } from '../../src/cli/file-input.ts';

describe('files named on the command line', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-input-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('are found missing, folders, or unreadable before anything is sent', async () => {
    await assert.rejects(checkFileInput(join(folder, 'none')), { name: 'CliError', exitCode: 5 });
    mkdirSync(join(folder, 'folder'));
    await assert.rejects(checkFileInput(join(folder, 'folder')), { name: 'CliError', exitCode: 2 });
    await assert.rejects(openFileInput(join(folder, 'folder')), { name: 'CliError', exitCode: 2 });
    const path = join(folder, 'file');
    writeFileSync(path, 'text');
    await checkFileInput(path);
    chmodSync(path, 0);
    // Root may read everything.
    if (process.getuid?.() !== 0) await assert.rejects(checkFileInput(path), { name: 'CliError', exitCode: 1 });
  });

  it('cannot be sockets', async () => {
    const path = join(folder, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await assert.rejects(checkFileInput(path), { name: 'CliError', exitCode: 1 });
    server.close();
  });
});
