import assert from 'node:assert/strict';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import { batchOf } from './batches.ts';
import {
  append,
  contentOf,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
} from './log-in-world.ts';

/** Three batches of two records fill a segment. */
const CONFIG = { segmentBytes: 400, indexIntervalBytes: 100 };

describe('log: truncation', () => {
  it('cuts at the batch that holds the offset, with segments, indexes, snapshots, epochs and producers', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      for (let index = 0; index < 12; index++) {
        const batch = batchOf(['x'.repeat(20), 'y'.repeat(20)], { producerId: 7n, sequence: index * 2 });
        await (await append(log, batch, Math.floor(index / 4))).committed;
      }
      await log.truncateTo(17);
      assert.equal(log.logEndOffset, 16);
      assert.equal(log.highWatermark, 16);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [0, 2, 4, 6, 8, 10, 12, 14],
      );
      assert.deepEqual(log.endOffsetFor(2), { leaderEpoch: -1, endOffset: -1 });
      assert.deepEqual(log.endOffsetFor(1), { leaderEpoch: 1, endOffset: 16 });
      const next = await append(log, batchOf(['z'], { producerId: 7n, sequence: 16 }), 5);
      assert.equal(next.baseOffset, 16);
      await next.committed;
      await logs.close();
    });
    assert.equal(contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString(), '0\n3\n0 0\n1 8\n5 16\n');
    assert.ok(namesIn(machine, PARTITION).every((name) => !/0000(18|24)\./.test(name)));
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), CONFIG);
      assert.equal((await readAll(log)).length, 9);
      assert.equal((await append(log, batchOf(['z'], { producerId: 7n, sequence: 16 }), 5)).duplicate, true);
    });
  });

  it('to the end or beyond changes nothing, to the start leaves an empty log', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      for (let index = 0; index < 5; index++) await (await append(log, batchOf(['x'.repeat(100)]))).committed;
      await log.truncateTo(9);
      await log.truncateTo(5);
      assert.equal(log.logEndOffset, 5);
      await log.truncateTo(0);
      assert.equal(log.logEndOffset, 0);
      assert.deepEqual(await readAll(log), []);
      const next = await append(log, batchOf(['a']));
      assert.equal(next.baseOffset, 0);
      await next.committed;
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), CONFIG);
      assert.equal(log.damagedAt, undefined);
      assert.equal((await readAll(log)).length, 1);
    });
  });

  it('below the first segment begins anew at the offset, for good', async () => {
    const machine = newMachine();
    const follow = (log: PartitionLog, baseOffset: number) => {
      const records = [batchOf(['x'], { baseOffset, leaderEpoch: 0 })];
      return log.append({ records, origin: 'follower', leaderEpoch: 0 });
    };
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await log.truncateTo(0);
      await (await follow(log, 0)).committed;
      await log.truncateTo(0);
      await (await follow(log, 0)).committed;
      assert.equal((await readAll(log))[0]?.baseOffset, 0);
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      assert.deepEqual([log.damagedAt, log.logEndOffset], [undefined, 1]);
    });
  });

  it('a power cut anywhere in it leaves a log that is no damage', async () => {
    for (let cut = 1; cut < 45; cut++) {
      const machine = newMachine(cut);
      let left = Number.POSITIVE_INFINITY;
      machine.spawn('cutter', async ({ env }) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs, CONFIG);
        for (let index = 0; index < 12; index++) {
          await (await append(log, batchOf(['x'.repeat(50), 'y'.repeat(50)]))).committed;
        }
        await env.clock.sleep(7000);
        left = cut;
        await log.truncateTo(11);
        return 0;
      });
      machine.onDiskCall = () => {
        left -= 1;
        if (left === 0) machine.cutPower();
      };
      await machine.world.run(() => machine.alive().length === 0, 60_000);
      machine.onDiskCall = () => undefined;
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env), CONFIG);
        assert.equal(log.damagedAt, undefined, `cut at call ${cut}`);
        const seen = await readAll(log);
        assert.ok(seen.length >= 5 && seen.length <= 12);
        assert.equal((await append(log, batchOf(['a']))).baseOffset, seen.length * 2);
      });
    }
  });
});
