import assert from 'node:assert/strict';
import type { PartitionLog, ReadRequest } from '../../src/log/partition-log.ts';
import { batchOf, splitBatches } from './batches.ts';
import { append, isError, newMachine, openDirectory, openLog, run } from './log-in-world.ts';

function readAt(log: PartitionLog, offset: number, more: Partial<ReadRequest> = {}) {
  const base = { maxBytes: 1000, minOneBatch: true, isolation: 'read_uncommitted', upTo: 'highWatermark' } as const;
  return log.read({ offset, ...base, ...more });
}

describe('log: read', () => {
  const SIZE = batchOf(['xxxx', 'yyyy']).length;

  async function withTenBatches(test: (log: PartitionLog) => Promise<void>): Promise<void> {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), { segmentBytes: SIZE * 4, indexIntervalBytes: SIZE });
      for (let index = 0; index < 10; index++) await (await append(log, batchOf(['xxxx', 'yyyy']))).committed;
      await test(log);
    });
  }

  it('returns whole batches within the budget', async () => {
    await withTenBatches(async (log) => {
      const read = await readAt(log, 0, { maxBytes: SIZE * 3 - 1 });
      assert.equal(read.byteCount, SIZE * 2);
      assert.equal(read.nextOffset, 4);
      assert.deepEqual([read.highWatermark, read.lastStableOffset, read.logStartOffset], [20, 20, 0]);
      read.release();
    });
  });

  it('says what memory it holds beside what counts', async () => {
    await withTenBatches(async (log) => {
      const read = await readAt(log, 0, { maxBytes: SIZE * 3 - 1 });
      assert.equal(read.heldBytes, SIZE * 3 - 1);
      read.release();
    });
  });

  it('an offset inside a batch returns that whole batch', async () => {
    await withTenBatches(async (log) => {
      for (let offset = 0; offset < 20; offset++) {
        const read = await readAt(log, offset, { maxBytes: SIZE });
        assert.equal(splitBatches(read.slices)[0]?.baseOffset, offset - (offset % 2), `offset ${offset}`);
        read.release();
      }
    });
  });

  it('a first batch over the budget is returned only when asked for', async () => {
    await withTenBatches(async (log) => {
      for (const maxBytes of [0, 1, 61, SIZE - 1]) {
        const without = await readAt(log, 4, { maxBytes, minOneBatch: false });
        assert.deepEqual([without.byteCount, without.slices.length, without.nextOffset], [0, 0, undefined]);
        without.release();
        const one = await readAt(log, 4, { maxBytes });
        assert.equal(one.byteCount, SIZE);
        one.release();
      }
    });
  });

  it('at the end there is nothing, beyond it and before the start is out of range', async () => {
    await withTenBatches(async (log) => {
      const read = await readAt(log, 20);
      assert.equal(read.byteCount, 0);
      read.release();
      for (const offset of [21, -1]) await assert.rejects(readAt(log, offset), isError('OFFSET_OUT_OF_RANGE'));
    });
  });

  it('read_committed answers with an abort list, read_uncommitted with none', async () => {
    await withTenBatches(async (log) => {
      const committed = await readAt(log, 0, { isolation: 'read_committed' });
      assert.deepEqual(committed.abortedTransactions, []);
      committed.release();
      const uncommitted = await readAt(log, 0);
      assert.equal(uncommitted.abortedTransactions, null);
      uncommitted.release();
    });
  });

  it('what is not committed is read only up to the log end', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['a']))).committed;
      await (await append(log, batchOf(['b']))).written;
      assert.equal(log.highWatermark, 1);
      const committed = await readAt(log, 0);
      assert.equal(committed.nextOffset, 1);
      committed.release();
      const all = await readAt(log, 0, { upTo: 'logEnd' });
      assert.equal(all.nextOffset, 2);
      all.release();
    });
  });

  it('a batch larger than any pooled block is read whole', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), { maxMessageBytes: 20_000_000 });
      const big = batchOf([Buffer.alloc(9_000_000, 'x')]);
      await (await append(log, batchOf(['a']))).committed;
      await (await append(log, big)).committed;
      const read = await readAt(log, 1, { maxBytes: 1 });
      assert.equal(read.byteCount, big.length);
      read.release();
    });
  });

  it('tells its listeners when the high watermark moves, and when it closes', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      let count = 0;
      const remove = log.onAdvanced(() => {
        count += 1;
      });
      await (await append(log, batchOf(['a']))).committed;
      assert.equal(count, 1);
      remove();
      await (await append(log, batchOf(['a']))).committed;
      assert.equal(count, 1);
      log.onAdvanced(() => {
        count += 1;
      });
      await logs.close();
      assert.equal(count, 2);
      await assert.rejects(append(log, batchOf(['a'])), isError('NOT_LEADER_OR_FOLLOWER'));
    });
  });
});
