/** Compacted topics on the built program: old values go while a server serves, and at the end of commands that need none. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';

const TOPIC = 'users';
const KEYS = 20;
const VALUE_BYTES = 1000;
const CONFIGS = ['cleanup.policy=compact', 'segment.bytes=1048576', 'min.cleanable.dirty.ratio=0.01'];
const EAGER = ['-X', 'log.cleaner.backoff.ms=50'];

/** Lines `user-<n>:<number> ...`, each key in turn. */
function lines(from: number, count: number): string {
  return Array.from({ length: count }, (_, at) => {
    return `user-${(from + at) % KEYS}:${`${from + at} `.padEnd(VALUE_BYTES, '.')}\n`;
  }).join('');
}

async function create(directory: string, ...configs: readonly string[]): Promise<void> {
  const flags = [...CONFIGS, ...configs].flatMap((config) => ['--config', config]);
  const created = await streamctl(['topics', 'create', TOPIC, '--dir', directory, ...flags]);
  assert.equal(created.status, EXIT.ok, created.stderr);
}

async function produce(directory: string, input: string): Promise<void> {
  const produced = await streamctl(['produce', TOPIC, '-K', ':', '-q', '--dir', directory], { input });
  assert.equal(produced.status, EXIT.ok, produced.stderr);
}

/**
 * Reads all and checks that no record moved and that the newest of each key, up to `count` records, is there; answers the offsets
 * that are left.
 */
async function offsetsLeft(directory: string, count: number): Promise<number[]> {
  const read = await streamctl(['consume', TOPIC, '-e', '-f', '%o %k %s\\n', '--dir', directory]);
  assert.equal(read.status, EXIT.ok, read.stderr);
  const offsets: number[] = [];
  for (const line of read.stdout.toString().trimEnd().split('\n')) {
    const offset = Number.parseInt(line, 10);
    assert.ok(line.startsWith(`${offset} user-${offset % KEYS} ${offset} `), line.slice(0, 60));
    offsets.push(offset);
  }
  assert.deepEqual(
    offsets.slice(-KEYS),
    Array.from({ length: KEYS }, (_, at) => count - KEYS + at),
  );
  return offsets;
}

function logBases(directory: string): number[] {
  const names = readdirSync(join(directory, 'brokers/1/log', `${TOPIC}-0`)).filter((name) => name.endsWith('.log'));
  return names.map((name) => Number(name.slice(0, 20)));
}

describe('e2e: compacted topics', function () {
  this.timeout(120_000);

  it('under serve old values go while all is readable, and it is so after kill -9, restarts and brokerless reads', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const serving = await startServe(directory, ...EAGER);
      await create(directory);
      await produce(directory, lines(0, 5000));
      const active = Math.max(...logBases(directory));
      assert.ok(active > 2000, `the last segment begins at ${active}`);
      let left = await offsetsLeft(directory, 5000);
      for (let tries = 0; left.length > 5000 - active + KEYS; tries++) {
        assert.ok(tries < 200, `${left.length} records are left`);
        left = await offsetsLeft(directory, 5000);
      }
      assert.ok(left.every((offset) => offset >= active - KEYS));
      const checkpoint = readFileSync(join(directory, 'brokers/1/log/cleaner-offset-checkpoint'), 'latin1');
      assert.equal(checkpoint, `0\n1\n${TOPIC} 0 ${active}\n`);
      await serving.kill();
      assert.deepEqual(await offsetsLeft(directory, 5000), left, 'after a kill');
      assert.deepEqual(await offsetsLeft(directory, 5000), left, 'after a close');
      const verified = await streamctl(['log', 'verify', directory]);
      assert.equal(verified.status, EXIT.ok, verified.stdout.toString() + verified.stderr);
      const described = await streamctl(['topics', 'describe', TOPIC, '--dir', directory]);
      assert.doesNotMatch(described.stdout.toString(), /cleanup\.policy.*none here|dirty.*none here/);
    }));

  it('a command that needs no server compacts what is small when it ends', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      await create(directory);
      await produce(directory, lines(0, 1500));
      await produce(directory, lines(1500, 1000));
      const active = Math.max(...logBases(directory));
      const left = await offsetsLeft(directory, 2500);
      assert.ok(
        left.length <= 2500 - active + KEYS,
        `${left.length} records are left, the last segment begins at ${active}`,
      );
    }));

  it('a line without a key is refused with the reason, and nothing is appended', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      await create(directory);
      const refused = await streamctl(['produce', TOPIC, '--dir', directory], { input: 'no key\n' });
      assert.notEqual(refused.status, EXIT.ok);
      assert.match(refused.stderr, /key/);
      await produce(directory, lines(0, KEYS));
      assert.equal((await offsetsLeft(directory, KEYS)).length, KEYS);
    }));
});
