/** Retention of a real server over partitions that nobody asks for. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';

const KEPT_MS = 2000;
const OFTEN = ['-X', 'log.retention.check.interval.ms=300'];
const FIRST = '00000000000000000000.log';

function logsOf(directory: string, partition: string): string[] {
  return readdirSync(join(directory, 'brokers/1/log', partition)).filter((name) => name.endsWith('.log'));
}

describe('e2e: retention', function () {
  this.timeout(60_000);

  for (const end of ['stop', 'kill'] as const) {
    it(`reaches partitions that nobody opened since the start, after a ${end}`, () =>
      withFolder(async (directory) => {
        const filling = await startServe(directory);
        try {
          for (const [topic, retentionMs] of [
            ['old', KEPT_MS],
            ['kept', -1],
          ] as const) {
            const flags = ['--config', `retention.ms=${retentionMs}`, '--config', 'segment.bytes=1048576', '-q'];
            const made = await streamctl(['topics', 'create', topic, ...flags, '--dir', directory]);
            assert.equal(made.status, EXIT.ok, made.stderr);
            const input = `${'x'.repeat(999)}\n`.repeat(3000);
            const done = await streamctl(['produce', topic, '-q', '--dir', directory], { input });
            assert.equal(done.status, EXIT.ok, done.stderr);
          }
        } finally {
          await filling[end]();
        }
        const keptBefore = logsOf(directory, 'kept-0');
        assert.ok(logsOf(directory, 'old-0').length > 1 && logsOf(directory, 'old-0').includes(FIRST));

        const server = await startServe(directory, ...OFTEN);
        try {
          const until = Date.now() + 20_000;
          while (logsOf(directory, 'old-0').length > 1 && Date.now() < until) {
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
          assert.equal(logsOf(directory, 'old-0').length, 1);
          assert.ok(!logsOf(directory, 'old-0').includes(FIRST));
          assert.deepEqual(logsOf(directory, 'kept-0'), keptBefore);
          const read = await streamctl(['consume', 'old', '-e', '--dir', directory]);
          assert.deepEqual([read.status, read.stdout.length], [EXIT.ok, 0]);
          const again = await streamctl(['produce', 'old', '-q', '--dir', directory], { input: 'new\n' });
          assert.equal(again.status, EXIT.ok, again.stderr);
          assert.equal(await server.stop(), EXIT.ok);
          const verified = await streamctl(['log', 'verify', directory]);
          assert.equal(verified.status, EXIT.ok, verified.stdout.toString() + verified.stderr);
        } finally {
          await server.kill();
        }
      }));
  }
});
