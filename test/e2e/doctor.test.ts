import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startServe, streamctl } from '../helpers/streamctl.ts';
import { withShell } from './shell.ts';

interface Row {
  readonly check: string;
  readonly status: string;
  readonly text: string;
}

async function diagnose(directory: string, ...flags: string[]): Promise<{ status: number | null; rows: Row[] }> {
  const listen = flags.length === 0 ? ['--listen', '127.0.0.1:0'] : flags;
  const run = await streamctl(['doctor', '--dir', directory, '--json', ...listen]);
  return { status: run.status, rows: JSON.parse(run.stdout.toString()).items };
}

function row(rows: readonly Row[], check: string, text = /./): Row | undefined {
  return rows.find((one) => one.check === check && text.test(one.text));
}

describe('e2e: doctor', function () {
  this.timeout(60_000);

  it('tells what a sync costs and how the directory was left, and leaves nothing itself', () =>
    withShell(async (shell, folder) => {
      const directory = `${folder}/dir`;
      const before = await diagnose(directory);
      assert.equal(row(before.rows, 'place')?.status, 'ok');
      assert.equal((await shell('test -e $DIR')).status, 1);
      await shell('streamctl topics create t -q; echo a | streamctl produce t -q');
      const { status, rows } = await diagnose(directory);
      assert.equal(status, EXIT.ok);
      assert.match(row(rows, 'sync cost')?.text ?? '', /p50 [\d.]+ ms, p99 [\d.]+ ms; about \d+ acks/);
      assert.match(row(rows, 'logs')?.text ?? '', /1 partitions, closed cleanly/);
      assert.equal((await shell('find $DIR -name ".tmp-*" | wc -l')).stdout.toString().trim(), '0');
    }));

  it('sees a server, one that was killed, other users’ rights and listener mistakes', () =>
    withShell(async (shell, folder) => {
      const directory = `${folder}/dir`;
      const serving = await startServe(directory);
      const live = await diagnose(directory);
      assert.match(row(live.rows, 'place')?.text ?? '', /taken: process \d+ \(serve/);
      assert.equal(row(live.rows, 'listeners', /answers/)?.status, 'ok');
      await serving.kill();
      await shell('chmod 755 $DIR; mkdir -p $DIR/brokers/1/cut; touch $DIR/brokers/1/cut/x');
      const { status, rows } = await diagnose(directory, '--listen', '0.0.0.0:0', '--advertise', 'localhost:1');
      assert.equal(status, EXIT.unmet);
      assert.equal(row(rows, 'place', /ended without/)?.status, 'warn');
      assert.equal(row(rows, 'modes')?.status, 'warn');
      assert.equal(row(rows, 'leftovers', /1 pieces/)?.status, 'warn');
      assert.equal(row(rows, 'listeners', /their own machine/)?.status, 'fail');
      assert.equal(row(rows, 'listeners', /no authentication/)?.status, 'warn');
    }));

  it('sees that the metadata is damaged, or that the records of its topics are gone', () =>
    withShell(async (shell, folder) => {
      const directory = `${folder}/dir`;
      await shell('streamctl topics create t -q; echo a | streamctl produce t -q');
      assert.equal(row((await diagnose(directory)).rows, 'metadata', /1 topics/)?.status, 'ok');
      await shell('cp -R $DIR $DIR.whole; rm -r $DIR/brokers/1');
      assert.equal(row((await diagnose(directory)).rows, 'metadata', /is missing/)?.status, 'fail');
      await shell('rm -r $DIR; mv $DIR.whole $DIR; rm $DIR/cluster/log/*1.json');
      const { status, rows } = await diagnose(directory);
      assert.equal(row(rows, 'metadata')?.status, 'fail');
      assert.equal(status, EXIT.unmet);
    }));

  it('a port that is taken fails', () =>
    withShell(async (_, folder) => {
      const serving = await startServe(`${folder}/other`);
      const { status, rows } = await diagnose(`${folder}/dir`, '--listen', serving.bootstrap);
      await serving.stop();
      assert.equal(status, EXIT.unmet);
      assert.equal(row(rows, 'listeners', /taken/)?.status, 'fail');
    }));
});
