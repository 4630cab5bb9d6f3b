/** One pass over a log on the simulated machine: what stays, under which offsets, and what the log tells afterwards. */
import assert from 'node:assert/strict';
import type { LogConfig } from '../../../src/log/log-config.ts';
import type { LogDirectory } from '../../../src/log/log-directory.ts';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import { append, namesIn, newMachine, openDirectory, openLog, PARTITION, run } from '../log-in-world.ts';
import { type KeyedRecord, keyedBatch, type ReadBatch, readBatches } from './keyed-batches.ts';

const COMPACTED: Partial<LogConfig> = {
  cleanupPolicy: 'compact',
  segmentBytes: 400,
  indexIntervalBytes: 100,
  minCleanableDirtyRatio: 0,
};

const ORDER = {
  mapBytes: 1 << 20,
  mapLoadFactor: 0.9,
  chunkBytes: 4096,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  isStopped: () => false,
};

async function batchesOf(log: PartitionLog, offset = log.logStartOffset): Promise<ReadBatch[]> {
  const seen: ReadBatch[] = [];
  for (let next: number | undefined = offset; next !== undefined && next < log.highWatermark; ) {
    const read = await log.read({
      offset: next,
      maxBytes: 1000,
      minOneBatch: true,
      isolation: 'read_uncommitted',
      upTo: 'highWatermark',
    });
    seen.push(...readBatches(Buffer.concat(read.slices)));
    next = read.nextOffset;
    read.release();
  }
  return seen;
}

async function fill(log: PartitionLog, batches: readonly (readonly KeyedRecord[])[]): Promise<void> {
  for (const records of batches) await (await append(log, keyedBatch(records))).committed;
}

const texts = (batches: readonly ReadBatch[]): string[] =>
  batches.flatMap(({ records }) => records.map(({ offset, key, value }) => `${offset} ${key}=${value}`));

const pad = 'x'.repeat(60);

function compact(logs: LogDirectory): ReturnType<LogDirectory['compact']> {
  return logs.compact(ORDER);
}

describe('log: a pass of compaction', () => {
  it('keeps the newest record of each key, under its offset, and the active segment whole', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      await fill(
        log,
        Array.from(
          { length: 12 },
          (_, i) =>
            [
              [`k${i % 3}`, `${i}${pad}`],
              [`only-${i}`, pad],
            ] as KeyedRecord[],
        ),
      );
      const names = namesIn(machine, PARTITION).filter((name) => name.endsWith('.log'));
      assert.ok(names.length > 3, names.join());
      assert.equal(await compact(logs), 'done');
      console.log(
        namesIn(machine, PARTITION),
        texts(await batchesOf(log)).map((s) => s.slice(0, 14)),
      );
      assert.equal(await compact(logs), undefined);
      await logs.close();
    });
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      const log = await openLog(logs, COMPACTED);
      console.log(
        namesIn(machine, PARTITION),
        texts(await batchesOf(log)).map((s) => s.slice(0, 14)),
        log.damagedAt,
      );
    });
  });
});
