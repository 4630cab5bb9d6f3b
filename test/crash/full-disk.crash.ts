/**
 * A full disk: a tmpfs of 8 MiB under serve is filled, refuses, starts while it is full, is told to delete, and goes on without
 * a restart. STREAMCTL_FULL_DISKS rounds.
 */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Serving, startServe, streamctl } from '../helpers/streamctl.ts';
import { notRun, report, sizeOf } from './lanes.ts';
import { DiskMissing, memoryDisk, type SmallDisk } from './small-disk.ts';

const LANE = 'full-disk';
const ROUNDS = sizeOf('STREAMCTL_FULL_DISKS', 3);

describe('a full disk', () => {
  it(`${ROUNDS} rounds`, async function () {
    for (let round = 0; round < ROUNDS; round++) {
      const disk = diskOrSkip(this);
      try {
        report(LANE, { round, ...(await fillAndGoOn(disk)) });
      } finally {
        disk.dispose();
      }
    }
  }).timeout(ROUNDS * 120_000);
});

function diskOrSkip(context: Mocha.Context): SmallDisk {
  try {
    return memoryDisk(8);
  } catch (error) {
    if (!(error instanceof DiskMissing)) throw error;
    return notRun(context, LANE, `no tmpfs can be mounted (${error.message})`);
  }
}

async function fillAndGoOn(disk: SmallDisk): Promise<Record<string, unknown>> {
  const directory = join(disk.path, 'data');
  const serving = await startServe(directory);
  const first = await lines(serving, 'kept', 1, 100);
  assert.equal(first.status, 0, first.stderr);
  const filled = await fill(serving);
  assert.deepEqual(await read(serving, 'kept'), numbers(1, 100));
  // Whatever is left of the disk goes too: not a byte is free.
  stuff(disk.path);
  const refused = await lines(serving, 'kept', 101, 5000, '2s');
  assert.notEqual(refused.status, 0, 'a full disk takes no records');
  assert.equal(await serving.stop(), 0);
  stuff(disk.path);
  const again = await startServe(directory);
  const before = await read(again, 'kept');
  assert.deepEqual(before.slice(0, 100), numbers(1, 100));
  assert.deepEqual(before, numbers(1, before.length), 'what is there is a beginning of what was sent');
  rmSync(join(disk.path, 'stuffing'));
  const deleted = await streamctl(['topics', 'delete', 'big', '-b', again.bootstrap]);
  assert.equal(deleted.status, 0, deleted.stderr);
  const more = await lines(again, 'kept', before.length + 1, 100);
  assert.equal(more.status, 0, `there is room again: ${more.stderr}`);
  assert.deepEqual(await read(again, 'kept'), numbers(1, before.length + 100));
  assert.equal(await again.stop(), 0);
  return { filledLines: filled, keptAtStart: before.length };
}

/** Produces until the disk is full; answers how many lines are in the log. */
async function fill(serving: Serving): Promise<number> {
  const input = Array.from({ length: 20_000 }, (_, at) => `${at + 1} ${'.'.repeat(1000)}\n`).join('');
  const done = await streamctl(['produce', 'big', '--create', '-b', serving.bootstrap, '--timeout', '2s'], { input });
  assert.notEqual(done.status, 0, '20 MB do not fit on a disk of 8');
  assert.match(done.stderr, /storage|KAFKA_STORAGE_ERROR|disk|written/i);
  const log = await streamctl(['consume', 'big', '-e', '-b', serving.bootstrap]);
  assert.equal(log.status, 0, log.stderr);
  return log.stdout.toString().trimEnd().split('\n').length;
}

/** Fills what is left of the disk with a file of somebody else's. */
function stuff(path: string): void {
  const names = readdirSync(path);
  let bytes = 4096;
  for (const chunk of [1024 * 1024, 65_536, 4096]) {
    for (;;) {
      try {
        writeFileSync(join(path, 'stuffing'), Buffer.alloc(chunk), { flag: 'a' });
        bytes += chunk;
      } catch {
        break;
      }
    }
  }
  assert.ok(names.length > 0 && bytes > 0);
}

function lines(serving: Serving, topic: string, from: number, count: number, timeout = '10s') {
  const input = numbers(from, count).map((line) => `${line}\n`);
  const args = ['produce', topic, '--create', '-b', serving.bootstrap, '--timeout', timeout];
  return streamctl(args, { input: input.join('') });
}

async function read(serving: Serving, topic: string): Promise<string[]> {
  const log = await streamctl(['consume', topic, '-e', '-b', serving.bootstrap]);
  assert.equal(log.status, 0, log.stderr);
  return log.stdout.toString().trimEnd().split('\n');
}

function numbers(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${from + at}`);
}
