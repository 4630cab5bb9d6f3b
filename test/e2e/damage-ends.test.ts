/** What the program says and answers where a partition's files are not what was written. */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { type Ended, startServe } from '../helpers/streamctl.ts';
import { type Shell, withShell } from './shell.ts';

/** Two batches of five lines each; the log is longer in all than what is left of it. */
async function tenLines(shell: Shell, folder: string): Promise<{ log: string; sizeBytes: number }> {
  const made = await shell('seq 1 5 | streamctl produce t -q --create && seq 6 10 | streamctl produce t -q');
  assert.equal(made.status, EXIT.ok, made.stderr);
  const log = `${folder}/dir/brokers/1/log/t-0/00000000000000000000.log`;
  copyFileSync(log, `${folder}/whole.log`);
  return { log, sizeBytes: readFileSync(log).length };
}

/** One byte of the last record's value. */
function flipLastValue(log: string): void {
  const bytes = readFileSync(log);
  bytes[bytes.length - 2] = 0x7a;
  writeFileSync(log, bytes);
}

/** The program's own words; a broker in the same process adds what it logs. */
function lastLine({ stderr }: Ended): string {
  return stderr.trimEnd().split('\n').at(-1) ?? '';
}

describe('e2e: a damaged partition', function () {
  this.timeout(120_000);

  for (const by of ['no broker', 'serve'] as const) {
    /** Commands go to a `serve` on the directory, or are the broker themselves. */
    const withDamaged = (damage: (log: string, sizeBytes: number) => void, look: (shell: Shell) => Promise<void>) =>
      withShell(async (shell, folder) => {
        const { log, sizeBytes } = await tenLines(shell, folder);
        damage(log, sizeBytes);
        const serving = by === 'serve' ? await startServe(`${folder}/dir`) : undefined;
        try {
          await look(shell);
        } finally {
          await serving?.stop();
        }
      });

    it(`by ${by}: consume -e ends with a data error where the end of the log is missing`, () =>
      withDamaged(
        (log, sizeBytes) => truncateSync(log, sizeBytes - 10),
        async (shell) => {
          const run = await shell('streamctl consume t -e');
          assert.equal(run.status, EXIT.data, run.stderr);
          assert.equal(run.stdout.toString(), '1\n2\n3\n4\n5\n');
          assert.match(lastLine(run), /^streamctl consume: topic 't' partition 0 is damaged: .* offset 5 /);
          for (const place of ['-o 7', '-o -1']) {
            const beyond = await shell(`streamctl consume t -e ${place}`);
            assert.equal(beyond.status, EXIT.data, `${place}: ${beyond.stderr}`);
            assert.equal(beyond.stdout.toString(), '');
          }
        },
      ));

    it(`by ${by}: consume -e ends with a data error at a flipped byte, and prints nothing of its batch`, () =>
      withDamaged(flipLastValue, async (shell) => {
        const run = await shell('streamctl consume t -e');
        assert.equal(run.status, EXIT.data, run.stderr);
        assert.equal(run.stdout.toString(), '1\n2\n3\n4\n5\n');
        assert.match(lastLine(run), /^streamctl consume: topic 't' partition 0[ ,].* offset 5/);
      }));

    it(`by ${by}: produce says why nothing is taken`, () =>
      withDamaged(
        (log) => truncateSync(log, 20),
        async (shell) => {
          const run = await shell('echo eleven | streamctl produce t --timeout 0');
          assert.equal(run.status, EXIT.data, run.stderr);
          assert.match(lastLine(run), /^streamctl produce: .* t-0 is damaged at offset 0 and takes no records/);
        },
      ));
  }

  it('leaves the others of its topic as they are', () =>
    withShell(async (shell, folder) => {
      const made = await shell(`
        streamctl topics create two --partitions 2 -q || exit
        for p in 0 1; do echo "first of $p" | streamctl produce two -q -p $p || exit; done`);
      assert.equal(made.status, EXIT.ok, made.stderr);
      truncateSync(`${folder}/dir/brokers/1/log/two-1/00000000000000000000.log`, 30);
      const served = await shell('echo more | streamctl produce two -q -p 0 && streamctl consume two -e -p 0');
      assert.equal(served.status, EXIT.ok, served.stderr);
      assert.equal(served.stdout.toString(), 'first of 0\nmore\n');
      const all = await shell('streamctl consume two -e');
      assert.equal(all.status, EXIT.data, all.stderr);
      assert.match(lastLine(all), / partition 1 is damaged: .* offset 0 /);
    }));

  it('stays refused from one start to the next, and is over when the bytes are as they were', () =>
    withShell(async (shell, folder) => {
      const { log } = await tenLines(shell, folder);
      flipLastValue(log);
      const damaged = readFileSync(log);
      // The clean close before this scanned nothing; the reader over a socket is served what the broker has checked.
      for (let start = 0; start < 2; start += 1) {
        const serving = await startServe(`${folder}/dir`);
        assert.equal((await shell('streamctl consume t -e')).status, EXIT.data);
        assert.equal(await serving.stop(), EXIT.ok);
      }
      const refused = await shell('echo eleven | streamctl produce t --timeout 0');
      assert.equal(refused.status, EXIT.data, refused.stderr);
      assert.match(lastLine(refused), /damaged at offset 5 /);
      assert.ok(readFileSync(log).equals(damaged));
      copyFileSync(`${folder}/whole.log`, log);
      const healed = await shell('echo 11 | streamctl produce t -q && streamctl consume t -e && streamctl log verify');
      assert.equal(healed.status, EXIT.ok, healed.stderr);
      assert.ok(healed.stdout.toString().startsWith('1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n'));
    }));

  it('a FIFO or a folder in place of a file of the directory is refused by its name', () =>
    withShell(async (shell, folder) => {
      await tenLines(shell, folder);
      const directory = `${folder}/dir`;
      const entries = readdirSync(`${directory}/cluster/log`);
      for (const name of [
        'brokers/1/close-record',
        'brokers/1/log/.kafka_cleanshutdown',
        'brokers/1/log/meta.properties',
        'cluster.json',
        `cluster/log/${entries.at(0)}`,
        `cluster/log/${entries.at(-1)}`,
      ]) {
        for (const make of ['mkfifo', 'mkdir']) {
          await shell(`cp -R $DIR $DIR.whole; rm $DIR/${name}; ${make} $DIR/${name}`);
          const run = await shell(
            'timeout 20 streamctl consume t -e; code=$?; rm -r $DIR; mv $DIR.whole $DIR; exit $code',
          );
          assert.equal(run.status, EXIT.data, `${make} ${name}: ${run.stderr}`);
          assert.ok(lastLine(run).includes(`${directory}/${name}`), `${make} ${name}: ${run.stderr}`);
        }
      }
      const emptied = await shell('cp -R $DIR $DIR.whole; rm $DIR/cluster/log/*; streamctl topics list');
      assert.equal(emptied.status, EXIT.data, emptied.stderr);
      const owner = await shell(
        'rm -r $DIR; mv $DIR.whole $DIR; rm $DIR/brokers/1/owner.json; mkdir $DIR/brokers/1/owner.json; streamctl consume t -e',
      );
      assert.equal(owner.status, EXIT.data, owner.stderr);
      assert.equal((await shell('rmdir $DIR/brokers/1/owner.json; streamctl consume t -e -q')).status, EXIT.ok);
    }));

  it('is refused where all logs were taken away, with what is known of them', () =>
    withShell(async (shell, folder) => {
      assert.equal((await shell('streamctl topics create t -q && streamctl consume t -e')).status, EXIT.ok, 'none yet');
      await tenLines(shell, folder);
      const run = await shell('rm -r $DIR/brokers/1/log $DIR/brokers/1/close-record; streamctl consume t -e');
      assert.equal(run.status, EXIT.data, run.stderr);
      assert.match(lastLine(run), /brokers\/1\/log is missing/);
    }));
});
