/** Thousands of one-line produces in a row: the last cost what the first did, and nothing piles up in the directory. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { streamctl, withFolder } from '../helpers/streamctl.ts';

const RUNS = Number(process.env['STREAMCTL_RUNS'] ?? 400);
const SAMPLE = Math.min(100, Math.floor(RUNS / 4));

describe(`${RUNS} brokerless one-line produces`, () => {
  it('leave few files and one leader epoch, and cost the same at the end', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      assert.equal((await streamctl(['topics', 'create', 't', '--dir', directory])).status, 0);
      const tookMs: number[] = [];
      for (let at = 1; at <= RUNS; at++) {
        const from = performance.now();
        const produced = await streamctl(['produce', 't', '--dir', directory], { input: `line ${at}\n` });
        tookMs.push(performance.now() - from);
        assert.equal(produced.status, 0, produced.stderr);
      }
      const log = await streamctl(['consume', 't', '-e', '--dir', directory]);
      assert.equal(log.stdout.toString().split('\n').length - 1, RUNS);

      const files = readdirSync(join(directory, 'cluster'), { recursive: true }).length;
      assert.ok(files <= 1200, `${files} files in cluster/`);
      const epochs = readFileSync(join(directory, 'brokers', '1', 'log', 't-0', 'leader-epoch-checkpoint'), 'utf8');
      assert.equal(epochs.trimEnd().split('\n').length - 2, 1, `one leader epoch: ${epochs}`);

      const [first, last] = [median(tookMs.slice(0, SAMPLE)), median(tookMs.slice(-SAMPLE))];
      process.stdout.write(
        `      median of the first ${SAMPLE}: ${first.toFixed(1)} ms, of the last: ${last.toFixed(1)} ms, ratio ` +
          `${(last / first).toFixed(2)}; ${files} files in cluster/\n`,
      );
    })).timeout(RUNS * 1000 + 60_000);
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
