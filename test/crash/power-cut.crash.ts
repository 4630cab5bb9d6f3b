/**
 * Power cuts: a broker over ext4 on a loop device, which is shut down under it (EXT4_IOC_SHUTDOWN) while batches come in. With
 * durability=ack nothing that was acked is lost; with interval at most what was acked within the time told; with os it is seen.
 * Nothing is there twice or out of order, ever. STREAMCTL_CUTS cuts with ack, a third of them with interval and with os.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Serving, startServe, streamctl } from '../helpers/streamctl.ts';
import { between, notRun, report, sizeOf, sleep } from './lanes.ts';
import { judge, NumberedLoad } from './numbered-load.ts';
import { DiskMissing, type LoopDisk, loopDisk } from './small-disk.ts';

const LANE = 'power-cut';
const CUTS = sizeOf('STREAMCTL_CUTS', 12);
const OTHER_CUTS = Math.max(2, Math.ceil(CUTS / 5));
/** durability=interval syncs each second; a sync that is under way at the cut, and the load's own turns, come on top. */
const INTERVAL_WINDOW_MS = 1000;
const SLACK_MS = 500;
const MOUNTS = ['data=ordered', 'data=writeback,noauto_da_alloc'];
const VALUE_BYTES = 1000;

interface Sum {
  cuts: number;
  acked: number;
  lost: number;
  lostInTime: number;
  cutsWithLoss: number;
  duplicated: number;
  reordered: number;
  strange: number;
}

describe('power cuts', () => {
  for (const [durability, cuts] of [
    ['ack', CUTS],
    ['interval', OTHER_CUTS],
    ['os', OTHER_CUTS],
  ] as const) {
    it(`${cuts} with durability=${durability}`, async function () {
      const sum: Sum = {
        cuts: 0,
        acked: 0,
        lost: 0,
        lostInTime: 0,
        cutsWithLoss: 0,
        duplicated: 0,
        reordered: 0,
        strange: 0,
      };
      const beganMs = performance.now();
      for (const [index, options] of MOUNTS.entries()) {
        const disk = diskOrSkip(this, options);
        try {
          const count = Math.floor((cuts + index) / MOUNTS.length);
          for (let cut = 0; cut < count; cut++) await cutOnce(disk, durability, `t${index}-${cut}`, sum);
        } finally {
          disk.dispose();
        }
      }
      const seconds = Math.round((performance.now() - beganMs) / 1000);
      report(LANE, { durability, ...sum, seconds });
      assert.equal(sum.duplicated + sum.reordered + sum.strange, 0);
      if (durability === 'ack') assert.equal(sum.lost, 0);
      if (durability === 'interval') assert.equal(sum.lostInTime, 0, 'lost although it was acked before the window');
      if (durability === 'os') assert.ok(sum.lost > 0, 'no loss was seen: the cuts cut nothing');
    }).timeout(30_000 + cuts * 30_000);
  }
});

function diskOrSkip(context: Mocha.Context, options: string): LoopDisk {
  try {
    return loopDisk(96, options);
  } catch (error) {
    if (!(error instanceof DiskMissing)) throw error;
    return notRun(
      context,
      LANE,
      `no ext4 on a loop device here (${error.message}); the simulation's power cuts stand alone`,
    );
  }
}

async function cutOnce(disk: LoopDisk, durability: string, topic: string, sum: Sum): Promise<void> {
  const directory = join(disk.path, 'data');
  const serving = await startServe(directory, '--durability', durability);
  const where = ['-b', serving.bootstrap];
  const made = await streamctl(['topics', 'create', topic, '--config', 'segment.bytes=1048576', ...where]);
  assert.equal(made.status, 0, made.stderr);
  const { bootstrap } = serving;
  const load = new NumberedLoad({
    bootstrap,
    topic,
    name: topic,
    batchRecords: 20,
    valueBytes: VALUE_BYTES,
    pauseMs: 2,
    resend: false,
  });
  await sleep(between(200, durability === 'ack' ? 1500 : 3500));
  const cutMs = performance.now();
  disk.cut(sum.cuts % 3 === 0 ? 1 : 2);
  const { acked } = load;
  const ackTimes = [...load.ackTimes];
  await serving.kill();
  load.stop();
  await load.done;
  disk.remount();
  const again = await startServe(directory, '--durability', durability);
  await check(
    again,
    topic,
    acked,
    sum,
    ackTimes.findLast(({ atMs }) => atMs < cutMs - INTERVAL_WINDOW_MS - SLACK_MS)?.last ?? 0,
  );
  assert.equal(await again.stop(), 0);
}

async function check(again: Serving, topic: string, acked: number, sum: Sum, ackedInTime: number): Promise<void> {
  const where = ['-b', again.bootstrap];
  const log = await streamctl(['consume', topic, '-e', ...where]);
  const gone = log.status === 5;
  assert.ok(log.status === 0 || gone, log.stderr);
  const lines = log.stdout.length === 0 ? [] : log.stdout.toString().trimEnd().split('\n');
  const verdict = judge(lines, topic, acked);
  sum.cuts += 1;
  sum.acked += acked;
  sum.lost += verdict.lost;
  sum.lostInTime += Math.max(0, ackedInTime - verdict.count);
  sum.cutsWithLoss += verdict.lost > 0 ? 1 : 0;
  sum.duplicated += verdict.duplicated;
  sum.reordered += verdict.reordered;
  sum.strange += verdict.strange;
  const more = await streamctl(['produce', topic, ...where, ...(gone ? ['--create'] : [])], { input: 'after\n' });
  assert.equal(more.status, 0, `the partition takes records after the cut: ${more.stderr}`);
  const deleted = await streamctl(['topics', 'delete', topic, ...where]);
  assert.equal(deleted.status, 0, deleted.stderr);
}
