import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import { batchOf } from './batches.ts';
import { append, newMachine, openDirectory, openLog, run } from './log-in-world.ts';

const BASE = 1_767_225_600_000n;

async function offsetAt(log: PartitionLog, timestamp: bigint): Promise<number | undefined> {
  return (await log.offsetForTimestamp(BASE + timestamp))?.offset;
}

describe('log: offsets by time', () => {
  it('an empty log has none', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      assert.equal(await log.offsetForTimestamp(0n), undefined);
      assert.equal(await log.offsetOfMaxTimestamp(), undefined);
    });
  });

  for (const gzip of [false, true]) {
    it(`finds the record inside a batch${gzip ? ' that is compressed' : ''}, with the batch's leader epoch`, async () => {
      await run(newMachine(), async (env) => {
        const log = await openLog(await openDirectory(env), {}, 4);
        await append(log, batchOf(['a', 'b', 'c'], { timestamp: BASE, timestampDeltas: [0, 10, 5], gzip }), 4);
        await (await append(log, batchOf(['d'], { timestamp: BASE + 20n, gzip }), 6)).committed;
        assert.deepEqual(await log.offsetForTimestamp(BASE + 1n), { offset: 1, timestamp: BASE + 10n, leaderEpoch: 4 });
        assert.deepEqual(await log.offsetForTimestamp(BASE + 11n), {
          offset: 3,
          timestamp: BASE + 20n,
          leaderEpoch: 6,
        });
        assert.equal(await log.offsetForTimestamp(BASE + 21n), undefined);
        assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 3, timestamp: BASE + 20n, leaderEpoch: 6 });
      });
    });
  }

  it('the largest timestamp is that of its first record', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      await append(log, batchOf(['a', 'b', 'c'], { timestamp: BASE, timestampDeltas: [0, 10, 10] }));
      await (await append(log, batchOf(['d'], { timestamp: BASE + 10n }))).committed;
      assert.equal((await log.offsetOfMaxTimestamp())?.offset, 1);
    });
  });

  it('with LogAppendTime the whole batch has the time of its append', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), { timestampType: 'LogAppendTime' });
      const appended = await append(log, batchOf(['a', 'b']));
      await appended.committed;
      assert.equal((await log.offsetForTimestamp(appended.logAppendTimeMs))?.offset, 0);
      assert.equal(await log.offsetForTimestamp(appended.logAppendTimeMs + 1n), undefined);
    });
  });

  it('answers as a search of all records does, over segments, opens and closes', async () => {
    const batches = fc.array(fc.array(fc.integer({ min: -50, max: 400 }), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(batches, fc.boolean(), async (wanted, gzip) => {
        const machine = newMachine();
        const config = { segmentBytes: 600, indexIntervalBytes: 150 };
        const records = wanted.flat();
        await run(machine, async (env) => {
          const logs = await openDirectory(env);
          const log = await openLog(logs, config);
          for (const timestampDeltas of wanted) {
            const batch = batchOf(
              timestampDeltas.map(() => 'x'),
              { timestamp: BASE, timestampDeltas, gzip },
            );
            await (await append(log, batch)).committed;
          }
          await logs.close();
        });
        await run(machine, async (env) => {
          const log = await openLog(await openDirectory(env), config);
          for (const timestamp of [-51, -50, 0, 17, 200, 399, 400, 401]) {
            const index = records.findIndex((each) => each >= timestamp);
            assert.equal(await offsetAt(log, BigInt(timestamp)), index === -1 ? undefined : index);
          }
          const max = Math.max(...records);
          assert.equal((await log.offsetOfMaxTimestamp())?.timestamp, BASE + BigInt(max));
        });
      }),
      { numRuns: 60 },
    );
  });
});
