import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { verify } from '../../src/cli/log-verify.ts';
import { realEnv } from '../../src/cli/real-env.ts';
import type { Finding } from '../../src/kernel/finding.ts';
import { Prng } from '../sim/prng.ts';
import { withShell } from './shell.ts';

/** STREAMCTL_FLIPS; more are a matter of patience. */
const FLIPS = Number(process.env['STREAMCTL_FLIPS'] ?? 60);

const FILL = `
  set -e
  streamctl topics create t --partitions 2 --config segment.bytes=1048576
  seq 1 200000 | streamctl produce t -q
  seq 1 5000 | streamctl produce t -q -z gzip
  echo one | streamctl produce t -q
  streamctl topics create empty`;

async function findingsOf(directory: string): Promise<Finding[]> {
  const all: Finding[] = [];
  for await (const finding of verify(realEnv(), directory, {})) all.push(finding);
  return all;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() && statSync(path).size > 0 ? [path] : [];
  });
}

describe('e2e: log verify', function () {
  this.timeout(240_000);

  it(`finds each of ${FLIPS} flipped bytes of a directory that was closed cleanly, and the file`, () =>
    withShell(async (shell, folder) => {
      const filled = await shell(FILL);
      assert.equal(filled.status, EXIT.ok, filled.stderr);
      const directory = `${folder}/dir`;
      assert.deepEqual(await findingsOf(directory), []);
      const files = filesBelow(directory);
      const chance = new Prng(4711);
      const missed: string[] = [];
      for (let flip = 0; flip < FLIPS; flip += 1) {
        // Each kind of file in turn: by bytes alone nearly all flips would be in the large ones.
        const path = files[flip % files.length] ?? '';
        const whole = readFileSync(path);
        const position = chance.between(0, whole.length - 1);
        const flipped = Buffer.from(whole);
        flipped[position] = (flipped[position] ?? 0) ^ chance.between(1, 255);
        writeFileSync(path, flipped);
        const found = await findingsOf(directory);
        if (!found.some(({ file, severity }) => file === path && severity !== 'unchecked')) {
          missed.push(`${path} at ${position}: ${JSON.stringify(found)}`);
        }
        writeFileSync(path, whole);
      }
      assert.deepEqual(missed, []);
      assert.deepEqual(await findingsOf(directory), []);
    }));

  it('exits 9 with what it found on stdout, 0 when there is nothing, 5 when nothing is there', () =>
    withShell(async (shell) => {
      const run = await shell(`
        ${FILL}
        streamctl log verify -q || exit 1
        log=$(ls $STREAMCTL_DIR/brokers/1/log/t-0/*.log | head -1)
        printf X | dd of=$log bs=1 seek=100 conv=notrunc status=none
        streamctl log verify --json -q || echo "status $?"
        streamctl log verify /nowhere -q || echo "status $?"`);
      const lines = run.stdout.toString().trim().split('\n');
      const finding = JSON.parse(lines[0] ?? '');
      assert.equal(finding.severity, 'damage');
      assert.equal(finding.rule, 'crc');
      assert.equal(finding.position, 0);
      assert.deepEqual(lines.slice(-2), ['status 9', 'status 5']);
    }));

  it('tells what is missing as a whole, or is no regular file, and goes on', () =>
    withShell(async (shell, folder) => {
      const filled = await shell(FILL);
      assert.equal(filled.status, EXIT.ok, filled.stderr);
      const directory = `${folder}/dir`;
      const broker = `${directory}/brokers/1`;
      const log = `${broker}/log`;
      const index = readdirSync(`${log}/t-0`).find((name) => name.endsWith('.index'));
      const damageAfter = async (change: string): Promise<string[]> => {
        const run = await shell(`set -e; cp -R $DIR $DIR.whole; ${change}`);
        assert.equal(run.status, EXIT.ok, run.stderr);
        const found = await findingsOf(directory);
        await shell('rm -rf $DIR; mv $DIR.whole $DIR');
        return found.filter(({ severity }) => severity === 'damage').map(({ file, rule }) => `${rule} ${file}`);
      };
      assert.deepEqual(await damageAfter('rm -r $DIR/brokers/1/log'), [`missing ${log}`]);
      assert.deepEqual(await damageAfter('rm -r $DIR/brokers/1'), [`missing ${broker}`]);
      assert.deepEqual(await damageAfter('rm -r $DIR/brokers/1/log $DIR/brokers/1/close-record'), [`missing ${log}`]);
      for (const name of [
        `log/t-0/${index}`,
        'log/t-0/leader-epoch-checkpoint',
        'close-record',
        'log/meta.properties',
      ]) {
        const found = await damageAfter(`rm $DIR/brokers/1/${name}; mkfifo $DIR/brokers/1/${name}`);
        assert.ok(found.includes(`kind ${broker}/${name}`), `${name}: ${found.join(', ')}`);
      }
      assert.deepEqual(await damageAfter('true'), []);
    }));
});
