import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { OpenFiles } from '../../src/log/open-files.ts';
import { Segment } from '../../src/log/segment.ts';
import { contentOf, newMachine, run } from './log-in-world.ts';

const head = Buffer.alloc(21);
const DIRECTORY = '/d/brokers/1';
const BASE_TIMESTAMP = 0x18bcfe56800n;

/** Kafka's golden segment: base offset 100, batches of 3 records and 115 bytes, a second apart, index.interval.bytes 100. */
async function goldenSegment(env: Env): Promise<Segment> {
  const context = { env, files: new OpenFiles(env.disk, 4, 4), directory: DIRECTORY };
  const segment = Segment.planned(context, 100);
  for (let batch = 0; batch < 7; batch++) {
    const maxTimestamp = BASE_TIMESTAMP + 1000n * BigInt(batch) + 2n;
    segment.noteWritten({ head, lastOffset: 102 + 3 * batch, sizeBytes: 115, maxTimestamp }, 100);
  }
  await segment.sealIndexes();
  return segment;
}

describe('log: segment', () => {
  it('writes the index that Kafka writes', async () => {
    const machine = newMachine();
    await run(machine, goldenSegment);
    const index = contentOf(machine, `${DIRECTORY}/00000000000000000100.index`).toString('hex');
    assert.ok(index.startsWith('000000050000007300000008000000e6'), index);
    assert.equal(index.length, 6 * 16);
  });

  it('writes the time index that Kafka writes', async () => {
    const machine = newMachine();
    await run(machine, goldenSegment);
    const index = contentOf(machine, `${DIRECTORY}/00000000000000000100.timeindex`).toString('hex');
    assert.ok(index.startsWith('0000018bcfe56bea00000005'), index);
    assert.equal(index.length, 6 * 24);
  });

  it('never enters the first batch, and the largest timestamp only when it grew', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const context = { env, files: new OpenFiles(env.disk, 4, 4), directory: DIRECTORY };
      const segment = Segment.planned(context, 0);
      const timestamps = [50n, 40n, 30n, 60n];
      for (const [offset, maxTimestamp] of timestamps.entries()) {
        segment.noteWritten({ head, lastOffset: offset, sizeBytes: 200, maxTimestamp }, 100);
      }
      assert.equal(segment.offsetIndex.entries.count, 3);
      assert.deepEqual(segment.timeIndex.lookupBelow(60n), { timestamp: 50n, offset: 0 });
      assert.deepEqual(segment.timeIndex.last(), { timestamp: 60n, offset: 3 });
      assert.equal(segment.timeIndex.entries.count, 2);
    });
  });

  it('sealing adds the largest timestamp once, and an empty index is an empty file', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const context = { env, files: new OpenFiles(env.disk, 4, 4), directory: DIRECTORY };
      const segment = Segment.planned(context, 0);
      segment.noteWritten({ head, lastOffset: 4, sizeBytes: 200, maxTimestamp: 7n }, 4096);
      await segment.sealIndexes();
      await segment.sealIndexes();
    });
    assert.equal(contentOf(machine, `${DIRECTORY}/00000000000000000000.index`).length, 0);
    const timeIndex = contentOf(machine, `${DIRECTORY}/00000000000000000000.timeindex`);
    assert.equal(timeIndex.toString('hex'), '000000000000000700000004');
  });

  it('a seal that fails has nothing under way any more: its caller may give the log to another process', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const context = { env, files: new OpenFiles(env.disk, 4, 4), directory: DIRECTORY };
      const segment = Segment.planned(context, 0);
      const timestamps = [50n, 60n];
      for (const [offset, maxTimestamp] of timestamps.entries()) {
        segment.noteWritten({ head, lastOffset: offset, sizeBytes: 200, maxTimestamp }, 100);
      }
      let running = 0;
      const flush = (ms: number, fails: boolean) => async (): Promise<boolean> => {
        running += 1;
        await env.clock.sleep(ms);
        running -= 1;
        if (fails) throw new Error('ENOSPC');
        return true;
      };
      segment.timeIndex.entries.flush = flush(1, true);
      segment.offsetIndex.entries.flush = flush(10, false);
      await assert.rejects(segment.sealIndexes(), /ENOSPC/);
      assert.equal(running, 0);
    });
  });
});
