import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../../src/cli/cli-error.ts';
import { openDescriptorWriter } from '../../src/cli/fd-writer.ts';

function isUsageError(error: unknown): boolean {
  return error instanceof CliError && error.exitCode === 2;
}

describe('descriptors that the caller opened', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-fd-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('get lines: a file', async () => {
    const path = join(folder, 'file');
    const descriptor = openSync(path, 'a');
    const writer = openDescriptorWriter(descriptor, '--receipts');
    await writer.writeLine('one');
    await writer.writeLine('two');
    closeSync(descriptor);
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
  });

  it('get lines: a pipe, which stays as it is for the others', async function () {
    if (process.platform !== 'linux') this.skip();
    const path = join(folder, 'pipe');
    spawnSync('mkfifo', [path]);
    const descriptor = openSync(path, 'r+');
    const flags = () => readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
    const before = flags();
    await openDescriptorWriter(descriptor, '--receipts').writeLine('one');
    assert.equal(flags(), before);
    const target = Buffer.alloc(10);
    assert.equal(target.toString('utf8', 0, readSync(descriptor, target)), 'one\n');
    closeSync(descriptor);
  });

  it('are refused where they are not open, or for reading only', () => {
    const path = join(folder, 'readable');
    closeSync(openSync(path, 'w'));
    const descriptor = openSync(path, 'r');
    if (process.platform === 'linux') {
      assert.throws(() => openDescriptorWriter(descriptor, '--receipts'), isUsageError);
    }
    closeSync(descriptor);
    assert.throws(() => openDescriptorWriter(descriptor, '--receipts'), isUsageError);
  });

  it('are refused where they are those of the runtime', function () {
    if (process.platform !== 'linux') this.skip();
    const links = new Map<number, string>();
    for (const name of readdirSync('/proc/self/fd')) {
      try {
        links.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
      } catch {
        // The one by which the folder was read.
      }
    }
    const hasTwin = (link: string): boolean => [...links.values()].filter((other) => other === link).length > 1;
    const own = [...links]
      .filter(([descriptor]) => descriptor > 2)
      .filter(([, link]) => link.startsWith('anon_inode:') || (link.startsWith('pipe:') && hasTwin(link)));
    assert.ok(own.length > 4);
    for (const [descriptor] of own) {
      assert.throws(() => openDescriptorWriter(descriptor, '--receipts'), isUsageError, String(descriptor));
    }
  });
});
