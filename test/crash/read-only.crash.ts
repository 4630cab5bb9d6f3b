/**
 * A file system that turns read-only under serve, as ext4 does after an error: what is there is read for more than a minute,
 * nothing is acked, and after a repair and a restart all goes on. STREAMCTL_READ_ONLY rounds.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Serving, startServe, streamctl } from '../helpers/streamctl.ts';
import { notRun, report, sizeOf, sleep } from './lanes.ts';
import { DiskMissing, type LoopDisk, loopDisk } from './small-disk.ts';

const LANE = 'read-only';
const ROUNDS = sizeOf('STREAMCTL_READ_ONLY', 1);
const READS_MS = sizeOf('STREAMCTL_READ_ONLY_MS', 65_000);

describe('a file system that turns read-only', () => {
  it(`${ROUNDS} rounds of ${READS_MS / 1000} s`, async function () {
    for (let round = 0; round < ROUNDS; round++) {
      const disk = diskOrSkip(this);
      try {
        report(LANE, { round, ...(await turnReadOnly(this, disk)) });
      } finally {
        disk.dispose();
      }
    }
  }).timeout(ROUNDS * (READS_MS + 120_000));
});

function diskOrSkip(context: Mocha.Context): LoopDisk {
  try {
    return loopDisk(64, 'errors=remount-ro');
  } catch (error) {
    if (!(error instanceof DiskMissing)) throw error;
    return notRun(context, LANE, `no ext4 on a loop device here (${error.message})`);
  }
}

async function turnReadOnly(context: Mocha.Context, disk: LoopDisk): Promise<Record<string, unknown>> {
  const directory = join(disk.path, 'data');
  const serving = await startServe(directory);
  const said: string[] = [];
  serving.process.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  for (const topic of ['written', 'quiet']) {
    const made = await streamctl(['produce', topic, '--create', '-b', serving.bootstrap], { input: 'a\nb\n' });
    assert.equal(made.status, 0, made.stderr);
  }
  try {
    writeFileSync(`/sys/fs/ext4/${disk.deviceName}/trigger_fs_error`, 'a test');
  } catch (error) {
    await serving.kill();
    notRun(context, LANE, `an error of the file system cannot be set off (${String(error)})`);
  }
  const beganMs = performance.now();
  let reads = 0;
  let slowestMs = 0;
  let refused = 0;
  while (performance.now() - beganMs < READS_MS) {
    const readMs = performance.now();
    assert.equal(await read(serving, 'quiet'), 'a\nb\n');
    assert.equal(await read(serving, 'written'), 'a\nb\n');
    slowestMs = Math.max(slowestMs, performance.now() - readMs);
    reads += 2;
    if (reads % 20 === 2) {
      const produced = await streamctl(['produce', 'written', '-b', serving.bootstrap, '--timeout', '1s'], {
        input: 'c\n',
      });
      assert.notEqual(produced.status, 0, 'nothing is acked that cannot be written');
      refused += 1;
    }
    await sleep(500);
  }
  await serving.kill();
  disk.remount();
  const again = await startServe(directory);
  assert.equal((await read(again, 'quiet')).slice(0, 4), 'a\nb\n');
  const more = await streamctl(['produce', 'written', '-b', again.bootstrap], { input: 'd\n' });
  assert.equal(more.status, 0, more.stderr);
  assert.match(await read(again, 'written'), /^a\nb\n(c\n)*d\n$/);
  assert.equal(await again.stop(), 0);
  const lines = said.join('').split('\n').length - 1;
  assert.ok(lines < 40, `why is said once, not ${lines} times:\n${said.join('').slice(0, 4000)}`);
  return { reads, refused, slowestMs: Math.round(slowestMs), linesSaid: lines };
}

async function read(serving: Serving, topic: string): Promise<string> {
  const log = await streamctl(['consume', topic, '-e', '-b', serving.bootstrap]);
  assert.equal(log.status, 0, log.stderr);
  return log.stdout.toString();
}
