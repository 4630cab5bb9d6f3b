import assert from 'node:assert/strict';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { batchOf, DEFAULT_TIMESTAMP } from './batches.ts';
import {
  append,
  contentOf,
  isError,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
} from './log-in-world.ts';

describe('log: append', () => {
  it('gives offsets, patches base offset and leader epoch, and keeps every other byte', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), {}, 3);
      const sent = [batchOf(['a', 'b']), batchOf(['c'])];
      const copies = sent.map((batch) => Buffer.from(batch.subarray(16)));
      const appended = await Promise.all(sent.map((batch) => append(log, batch, 3)));
      await Promise.all(appended.map(({ committed }) => committed));
      assert.deepEqual(
        appended.map(({ baseOffset, lastOffset, duplicate, logAppendTimeMs, logStartOffset }) => ({
          baseOffset,
          lastOffset,
          duplicate,
          logAppendTimeMs,
          logStartOffset,
        })),
        [
          { baseOffset: 0, lastOffset: 1, duplicate: false, logAppendTimeMs: -1n, logStartOffset: 0 },
          { baseOffset: 2, lastOffset: 2, duplicate: false, logAppendTimeMs: -1n, logStartOffset: 0 },
        ],
      );
      const seen = await readAll(log);
      assert.deepEqual(
        seen.map(({ baseOffset, leaderEpoch, body }) => ({ baseOffset, leaderEpoch, body })),
        [
          { baseOffset: 0, leaderEpoch: 3, body: copies[0] },
          { baseOffset: 2, leaderEpoch: 3, body: copies[1] },
        ],
      );
    });
    assert.equal(contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString(), '0\n1\n3 0\n');
  });

  it('a batch that must get another offset than the next is refused, and changes nothing', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      const at = (expectedBaseOffset: number) =>
        log.append({ records: [batchOf(['a', 'b'])], origin: 'coordinator', leaderEpoch: 0, expectedBaseOffset });
      const first = at(0);
      assert.throws(() => at(1), isError('NOT_LEADER_OR_FOLLOWER'));
      assert.throws(() => at(3), isError('NOT_LEADER_OR_FOLLOWER'));
      await Promise.all([(await first).committed, (await at(2)).committed]);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [0, 2],
      );
    });
  });

  it('a batch in several pieces is one batch', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      const bytes = batchOf(['a', 'b']);
      const records = [bytes.subarray(0, 61), bytes.subarray(61)];
      await (await log.append({ records, origin: 'client', leaderEpoch: 0 })).committed;
      assert.equal((await readAll(log))[0]?.lastOffset, 1);
    });
  });

  it("makes nothing on the disk before the first append, and then the files in Kafka's names", async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      assert.deepEqual(namesIn(machine, '/d/brokers/1'), []);
      await (await append(log, batchOf(['a']))).committed;
      assert.deepEqual(namesIn(machine, PARTITION), [
        '00000000000000000000.log',
        'leader-epoch-checkpoint',
        'partition.metadata',
      ]);
      await logs.close();
    });
    assert.deepEqual(namesIn(machine, PARTITION), [
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      '00000000000000000001.snapshot',
      'leader-epoch-checkpoint',
      'partition.metadata',
    ]);
  });

  it('committed follows the sync, written does not wait for it', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      const events: string[] = [];
      const appended = await append(log, batchOf(['a']));
      void appended.written.then(() => events.push(`written ${log.highWatermark} ${log.durableEndOffset}`));
      void appended.committed.then(() => events.push(`committed ${log.highWatermark} ${log.durableEndOffset}`));
      await appended.committed;
      assert.deepEqual(events, ['written 0 0', 'committed 1 1']);
      assert.equal(machine.files.get(`${PARTITION}/00000000000000000000.log`, 'test').content.hasUnsynced, false);
    });
  });

  it('what is queued meanwhile goes out in one write and one sync', async () => {
    const machine = newMachine();
    let calls: string[] = [];
    machine.onDiskDone = (call, path) => {
      if (path.endsWith('.log')) calls.push(call);
    };
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['first']))).committed;
      calls = [];
      const appended = await Promise.all(Array.from({ length: 50 }, () => append(log, batchOf(['x']))));
      await Promise.all(appended.map(({ committed }) => committed));
      assert.deepEqual(calls, ['write', 'datasync']);
    });
  });

  for (const [durability, flushMs, syncs] of [
    ['interval', Number.POSITIVE_INFINITY, 1],
    ['interval', 300, 1],
    ['os', Number.POSITIVE_INFINITY, 0],
    ['os', 300, 1],
  ] as const) {
    it(`durability=${durability}, flush.ms=${flushMs}: committed when written, ${syncs} sync within a second`, async () => {
      const machine = newMachine();
      let count = 0;
      machine.onDiskDone = (call, path) => {
        if (call === 'datasync' && path.endsWith('.log')) count += 1;
      };
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env), { durability, flushMs });
        await (await append(log, batchOf(['a']))).committed;
        assert.equal(log.highWatermark, 1);
        assert.equal(log.durableEndOffset, 0);
        await env.clock.sleep(200);
        assert.equal(count, 0);
        await env.clock.sleep(1900);
        assert.equal(count, syncs);
        assert.equal(log.durableEndOffset, syncs);
      });
    });
  }

  it('flush.messages asks for a sync in any mode', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), { durability: 'os', flushMessages: 4 });
      await (await append(log, batchOf(['a', 'b', 'c']))).committed;
      await env.clock.sleep(100);
      assert.equal(log.durableEndOffset, 0);
      await (await append(log, batchOf(['d']))).committed;
      await env.clock.sleep(900);
      assert.equal(log.durableEndOffset, 4);
    });
  });

  it('a change to durability=ack makes what is written durable', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { durability: 'os' });
      await (await append(log, batchOf(['a']))).committed;
      log.setConfig(DEFAULT_LOG_CONFIG);
      await env.clock.sleep(900);
      assert.equal(log.durableEndOffset, 1);
      assert.equal(log.highWatermark, 1);
    });
  });

  it('compressed records are checked, large ones off the main loop', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      const small = log.append({
        records: [batchOf(['a'.repeat(500)], { gzip: true })],
        origin: 'client',
        leaderEpoch: 0,
      });
      assert.ok(!(small instanceof Promise));
      const noise = env.random.bytes(100_000);
      const large = log.append({ records: [batchOf([noise], { gzip: true })], origin: 'client', leaderEpoch: 0 });
      assert.ok(large instanceof Promise);
      const after = log.append({ records: [batchOf(['b'])], origin: 'client', leaderEpoch: 0 });
      assert.ok(!(after instanceof Promise));
      assert.deepEqual([small.baseOffset, after.baseOffset, (await large).baseOffset], [0, 1, 2]);
      await (await large).committed;
      assert.equal((await readAll(log, 0, 1_000_000)).length, 3);
      const broken = batchOf(['a', 'b'], { gzip: true, recordCount: 3, lastOffsetDelta: 2 });
      await assert.rejects(append(log, broken), isError('INVALID_RECORD'));
      assert.equal(log.logEndOffset, 3);
    });
  });

  it('a bomb is refused', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      const bomb = batchOf([Buffer.alloc(9 * 1024 * 1024)], { gzip: true });
      await assert.rejects(append(log, bomb), isError('INVALID_RECORD'));
    });
  });

  it('a refused batch leaves no trace', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), { timestampAfterMaxMs: 1000n });
      const ahead = batchOf(['a'], { timestamp: 1n << 60n, producerId: 7n, sequence: 0 });
      await assert.rejects(append(log, ahead), isError('INVALID_TIMESTAMP'));
      await assert.rejects(append(log, batchOf(['a'], { baseOffset: 4 })), isError('INVALID_RECORD'));
      assert.equal((await append(log, batchOf(['a'], { producerId: 7n, sequence: 5 }))).baseOffset, 0);
    });
  });

  it("a leader epoch that is older than the log's is refused", async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), {}, 4);
      assert.equal(log.leaderEpoch, 4);
      await assert.rejects(append(log, batchOf(['a']), 3), isError('NOT_LEADER_OR_FOLLOWER'));
      await append(log, batchOf(['a']), 5);
      assert.equal(log.leaderEpoch, 5);
    });
  });

  it('a process that may not write refuses, and writes nothing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      let may = true;
      const log = await openLog(await openDirectory(env, { canWrite: () => may }));
      await (await append(log, batchOf(['a']))).committed;
      const size = contentOf(machine, `${PARTITION}/00000000000000000000.log`).length;
      const queued = await append(log, batchOf(['b'], { producerId: 7n, sequence: 0 }));
      may = false;
      await assert.rejects(queued.committed, isError('NOT_LEADER_OR_FOLLOWER'));
      await assert.rejects(queued.written, isError('NOT_LEADER_OR_FOLLOWER'));
      await assert.rejects(append(log, batchOf(['c'])), isError('NOT_LEADER_OR_FOLLOWER'));
      assert.equal(contentOf(machine, `${PARTITION}/00000000000000000000.log`).length, size);
      assert.equal(log.logEndOffset, 1);
    });
  });

  it('LogAppendTime is answered and stored, also for a duplicate', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env), { timestampType: 'LogAppendTime' });
      const batch = batchOf(['a'], { producerId: 7n, sequence: 0 });
      const copy = Buffer.from(batch);
      const first = await append(log, batch);
      await first.committed;
      assert.ok(first.logAppendTimeMs >= DEFAULT_TIMESTAMP);
      assert.equal((await readAll(log))[0]?.maxTimestamp, first.logAppendTimeMs);
      await env.clock.sleep(50);
      const again = await append(log, copy);
      assert.equal(again.duplicate, true);
      assert.equal(again.logAppendTimeMs, first.logAppendTimeMs);
    });
  });

  it('a duplicate of a batch that is still under way is committed with it', async () => {
    await run(newMachine(), async (env) => {
      const log = await openLog(await openDirectory(env));
      const make = () => batchOf(['a'], { producerId: 7n, sequence: 0 });
      const first = await append(log, make());
      const again = await append(log, make());
      assert.equal(again.duplicate, true);
      let isCommitted = false;
      void again.committed.then(() => {
        isCommitted = true;
      });
      await again.written;
      assert.equal(isCommitted, false);
      await first.committed;
      await again.committed;
      assert.equal(log.logEndOffset, 1);
    });
  });

  it("a follower keeps its leader's offsets, gaps included, and epochs", async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      const batches = [
        batchOf(['a'], { baseOffset: 0, leaderEpoch: 1 }),
        batchOf(['b', 'c'], { baseOffset: 5, leaderEpoch: 2 }),
      ];
      for (const records of batches) {
        await (await log.append({ records: [records], origin: 'follower', leaderEpoch: 2 })).committed;
      }
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset, leaderEpoch }) => [baseOffset, leaderEpoch]),
        [
          [0, 1],
          [5, 2],
        ],
      );
      assert.deepEqual(log.endOffsetFor(1), { leaderEpoch: 1, endOffset: 5 });
      const back = batchOf(['x'], { baseOffset: 3, leaderEpoch: 2 });
      await assert.rejects(
        async () => log.append({ records: [back], origin: 'follower', leaderEpoch: 2 }),
        isError('INVALID_RECORD'),
      );
      await logs.close();
    });
    assert.equal(contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString(), '0\n2\n1 0\n2 5\n');
  });
});
