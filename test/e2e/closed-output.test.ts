/** A standard output that the caller closed, by the program as it is on the PATH: nothing is taken for written. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { STREAMCTL } from '../helpers/streamctl.ts';
import { type Shell, withShell } from './shell.ts';

/** As `npm link` does it. */
function withLink(use: (shell: Shell) => Promise<void>): Promise<void> {
  return withShell(async (shell, folder) => {
    mkdirSync(join(folder, 'linked'));
    symlinkSync(join(dirname(STREAMCTL), 'streamctl'), join(folder, 'linked', 'streamctl'));
    await use((script, input) => shell(`PATH="$PWD/linked:${dirname(process.execPath)}:$PATH"\n${script}`, input));
  });
}

describe('e2e: a closed standard output', function () {
  this.timeout(60_000);

  it('consume --group fails and commits nothing', () =>
    withLink(async (shell) => {
      const run = await shell(`seq 1 100 | streamctl produce t --create -q
        streamctl consume t -g g -e >&-; echo $?; streamctl consume t -g g -e | wc -l`);
      assert.equal(run.stdout.toString(), `${EXIT.runtime}\n100\n`);
      assert.match(run.stderr, /^streamctl consume: .*standard output is closed\n$/);
    }));

  it('other commands fail too; those that print nothing do not', () =>
    withLink(async (shell) => {
      const run = await shell(`seq 1 100 | streamctl produce t --create -q >&-; echo $?
        streamctl topics list >&-; echo $?; streamctl --version >&-; echo $?; streamctl --help >&-; echo $?`);
      assert.equal(run.stdout.toString(), '0\n1\n1\n1\n', run.stderr);
    }));

  it('one that throws all away is none that is closed', () =>
    withLink(async (shell) => {
      const run = await shell(`seq 1 100 | streamctl produce t --create -q
        streamctl consume t -g a -e > /dev/null; echo $?; streamctl consume t -g b -e <> /dev/null >&0; echo $?
        streamctl consume t -g a -e | wc -l; streamctl consume t -g b -e | wc -l`);
      assert.equal(run.stdout.toString(), '0\n0\n0\n0\n', run.stderr);
    }));

  it('arguments, standard input, descriptors and the exit status are passed on', () =>
    withLink(async (shell) => {
      const run = await shell(`echo 'a b' | streamctl produce t --create -q --receipts 3 3> receipts; cat receipts
        streamctl consume t -e -f '<%s>  $x "y"'; streamctl consume nosuch -e 2> /dev/null; echo "|$?"`);
      assert.equal(run.stdout.toString(), `{"lines":1,"bytes":4}\n<a b>  $x "y"|${EXIT.notFound}\n`, run.stderr);
    }));
});
