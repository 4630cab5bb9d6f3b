import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanEnvironment, type Ended, ended, STREAMCTL, withFolder } from '../helpers/streamctl.ts';

describe("the program's code cache", () => {
  it('stands beside the bundle, for every user to read', () =>
    withFolder(async (folder) => {
      const installed = install(folder);
      assert.equal((await help(installed, folder)).status, 0);
      const [file] = readdirSync(join(installed, 'dist/cache'));
      assert.match(file ?? '', /^help\..*\.cache$/);
      assert.equal(statSync(join(installed, 'dist/cache')).mode & 0o777, 0o755);
      assert.equal(statSync(join(installed, 'dist/cache', file ?? '')).mode & 0o777, 0o644);
    }));

  it("goes into the user's own folder where that beside the bundle takes no file, and the exit status stays", () =>
    withFolder(async (folder) => {
      const installed = install(folder);
      // In place of a folder of another user: no permission holds back a superuser.
      writeFileSync(join(installed, 'dist/cache'), '');
      const run = await help(installed, folder);
      assert.equal(run.stderr, '');
      assert.equal(run.status, 0);
      assert.match(readdirSync(join(folder, 'streamctl')).join(), /^help\..*\.cache$/);
    }));

  it('costs no exit status where no folder takes it', () =>
    withFolder(async (folder) => {
      const installed = install(folder);
      writeFileSync(join(installed, 'dist/cache'), '');
      writeFileSync(join(folder, 'streamctl'), '');
      const run = await help(installed, folder);
      assert.equal(run.stderr, '');
      assert.equal(run.status, 0);
    }));
});

/** A copy of what is installed. Answers its root. */
function install(folder: string): string {
  const source = dirname(dirname(STREAMCTL));
  const root = join(folder, 'installed');
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (const name of ['bin', 'package.json', 'dist/cli.cjs', 'dist/oclif.manifest.json']) {
    cpSync(join(source, name), join(root, name), { recursive: true });
  }
  return root;
}

function help(installed: string, cacheHome: string): Promise<Ended> {
  const command = 'umask 022; exec "$0" "$1" --help';
  const program = join(installed, 'bin/streamctl.js');
  const environment = cleanEnvironment({ XDG_CACHE_HOME: cacheHome });
  return ended(spawn('sh', ['-c', command, process.execPath, program], { env: environment }));
}
