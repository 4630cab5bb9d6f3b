import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { withShell } from './shell.ts';

/** What ARCHITECTURE section 6 lists. One in 100 registrations adds two, so a new directory has none of them. */
const SYNCS = { append: 10, noAppend: 5 };

describe('e2e: sync calls of brokerless commands', function () {
  this.timeout(60_000);

  before(function () {
    if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).error === undefined) return;
    console.log('      NOT RUN: THERE IS NO strace ON THIS MACHINE');
    this.skip();
  });

  it(`a one-line produce makes ${SYNCS.append}, one that appends nothing ${SYNCS.noAppend}`, () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        count() { strace -f -qq -e trace=fsync,fdatasync,sync,syncfs,sync_file_range -o trace "$@" > out; grep -cE 'sync\\(|syncfs\\(|sync_file_range\\(' trace; }
        streamctl topics create t -q
        echo a | streamctl produce t -q
        echo b | count streamctl produce t -q
        count streamctl consume t -o beginning -e -q
        count streamctl topics list
        echo c | count streamctl produce t -q
        streamctl log verify -q`);
      assert.equal(run.status, 0, run.stderr);
      const { append, noAppend } = SYNCS;
      assert.deepEqual(run.stdout.toString().trim().split('\n').map(Number), [append, noAppend, noAppend, append]);
    }));
});
