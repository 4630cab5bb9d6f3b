/** What a log does when the disk is full or fails (D12, H-9, I-30). */
import assert from 'node:assert/strict';
import { KafkaError } from '../../src/protocol/errors.ts';
import type { DiskCall, DiskFault } from '../sim/disk-faults.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  contentOf,
  isError,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
} from './log-in-world.ts';

const LOG = `${PARTITION}/00000000000000000000.log`;

/** The calls of that kind on matching paths fail, until the result is called. */
function failing(machine: SimMachine, call: DiskCall, path: RegExp, fault: DiskFault): () => void {
  machine.hardware.faults = (name, at) => (name === call && path.test(at) ? fault : undefined);
  return () => {
    machine.hardware.faults = () => undefined;
  };
}

/** Leaves room for a few bytes, of which a write takes what fits, until the result is called. */
function fill(machine: SimMachine): () => void {
  machine.files.capacityBytes = machine.files.usedBytes() + 10;
  return () => {
    machine.files.capacityBytes = Number.POSITIVE_INFINITY;
  };
}

describe('log: a full disk', () => {
  it('what was queued is refused, the file is cut back, and the log goes on when there is room', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['a'], { producerId: 7n, sequence: 0 }))).committed;
      const size = contentOf(machine, LOG).length;
      const heal = fill(machine);
      const queued = [
        await append(log, batchOf(['b'], { producerId: 7n, sequence: 1 })),
        await append(log, batchOf(['c'], { producerId: 7n, sequence: 2 })),
        await append(log, batchOf(['d'], { producerId: 8n, sequence: 0 })),
      ];
      for (const { written, committed } of queued) {
        await assert.rejects(written, isError('KAFKA_STORAGE_ERROR'));
        await assert.rejects(committed, isError('KAFKA_STORAGE_ERROR'));
      }
      assert.equal(log.failed, undefined);
      assert.equal(log.logEndOffset, 1);
      await env.clock.sleep(100);
      assert.equal(contentOf(machine, LOG).length, size);
      await assert.rejects((await append(log, batchOf(['b'], { producerId: 7n, sequence: 1 }))).committed, KafkaError);
      heal();
      const again = await append(log, batchOf(['b'], { producerId: 7n, sequence: 1 }));
      assert.equal(again.baseOffset, 1);
      await again.committed;
      assert.equal((await append(log, batchOf(['d'], { producerId: 8n, sequence: 4 }))).duplicate, false);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [0, 1],
      );
    });
  });

  for (const end of ['close', 'roll'] as const) {
    it(`what was cut back is on the disk after a ${end}`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs, { segmentBytes: 400 });
        await (await append(log, batchOf(['a'.repeat(200)]))).committed;
        const heal = fill(machine);
        await assert.rejects((await append(log, batchOf(['b']))).committed, KafkaError);
        await env.clock.sleep(100);
        const { content } = machine.files.get(LOG, 'test');
        assert.ok(content.hasUnsynced);
        heal();
        if (end === 'close') await logs.close();
        else await (await append(log, batchOf(['c'.repeat(200)]))).committed;
        assert.ok(!content.hasUnsynced);
      });
    });
  }

  it('an append during the cut waits for it and goes through', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['a']))).committed;
      const heal = fill(machine);
      const refused = await append(log, batchOf(['b']));
      await assert.rejects(refused.committed, KafkaError);
      heal();
      const next = await append(log, batchOf(['c']));
      await next.committed;
      assert.equal(next.baseOffset, 1);
      assert.equal((await readAll(log)).length, 2);
    });
  });

  it('a roll that finds no room is taken back, and done later', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { segmentBytes: 200 }, 1);
      await (await append(log, batchOf(['x'.repeat(50)]), 1)).committed;
      const heal = failing(machine, 'open', /1\.(log|snapshot)$/, { kind: 'error', code: 'EDQUOT' });
      await assert.rejects((await append(log, batchOf(['y'.repeat(50)]), 2)).committed, isError('KAFKA_STORAGE_ERROR'));
      assert.equal(log.leaderEpoch, 1);
      heal();
      const next = await append(log, batchOf(['z'.repeat(50)]), 2);
      await next.committed;
      assert.equal(next.baseOffset, 1);
      assert.deepEqual(
        (await readAll(log)).map(({ baseOffset }) => baseOffset),
        [0, 1],
      );
      await logs.close();
    });
    assert.equal(contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString(), '0\n2\n1 0\n2 1\n');
  });

  it('a first append that finds no room leaves a log that can be begun', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      for (const path of [
        /brokers.1.log$/,
        /meta.properties/,
        /t-0$/,
        /partition.metadata/,
        /leader-epoch/,
        /\.log$/,
      ]) {
        const heal = failing(
          machine,
          path.source.endsWith('log$') || path.source.endsWith('0$') ? 'mkdir' : 'open',
          path,
          {
            kind: 'error',
            code: 'EDQUOT',
          },
        );
        const appended = await append(log, batchOf(['a']));
        if (path.source !== '\\.log$') await assert.rejects(appended.committed, isError('KAFKA_STORAGE_ERROR'));
        heal();
      }
      const appended = await append(log, batchOf(['b']));
      await appended.committed;
      await logs.close();
      const seen = await readAll(await openLog(await openDirectory(env)));
      assert.equal(seen[seen.length - 1]?.baseOffset, appended.baseOffset);
    });
  });
});

describe('log: a failing disk', () => {
  for (const [what, call, path] of [
    ['write', 'write', /\.log$/],
    ['sync', 'datasync', /\.log$/],
  ] as const) {
    it(`after a failed ${what} nothing is acked any more, and what was committed is still read`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs);
        await (await append(log, batchOf(['a']))).committed;
        const heal = failing(machine, call, path, { kind: 'error', code: 'EIO' });
        const lost = await append(log, batchOf(['b']));
        await assert.rejects(lost.committed, isError('KAFKA_STORAGE_ERROR'));
        heal();
        assert.ok(log.failed !== undefined);
        await assert.rejects(append(log, batchOf(['c'])), isError('KAFKA_STORAGE_ERROR'));
        assert.deepEqual(
          (await readAll(log)).map(({ baseOffset }) => baseOffset),
          [0],
        );
        await logs.close();
        assert.equal(machine.files.find('/d/brokers/1/log/.kafka_cleanshutdown'), undefined);
      });
    });
  }

  it('bytes that a failed sync left in the page cache are written again before they count', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['a']))).committed;
      const heal = failing(machine, 'datasync', /\.log$/, { kind: 'error', code: 'EIO' });
      await assert.rejects((await append(log, batchOf(['b']))).committed, KafkaError);
      heal();
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      assert.equal(log.highWatermark, 2);
      const { content } = machine.files.get(LOG, 'test');
      assert.ok(content.durableBytes().equals(content.bytes()));
    });
  });

  it('a write that fails while a sync is under way rejects everything that is not committed', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['a']))).committed;
      machine.hardware.faults = (name) => (name === 'datasync' ? { kind: 'slow', delayMs: 500 } : undefined);
      const first = await append(log, batchOf(['b']));
      await first.written;
      machine.hardware.faults = (name) => (name === 'write' ? { kind: 'error', code: 'EIO' } : undefined);
      const second = await append(log, batchOf(['c']));
      await assert.rejects(second.committed, isError('KAFKA_STORAGE_ERROR'));
      await assert.rejects(first.committed, isError('KAFKA_STORAGE_ERROR'));
      await env.clock.sleep(1000);
      assert.equal(log.highWatermark, 1);
    });
  });

  it('a batch that is being written when a sync fails is refused when the kernel is done with its bytes', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['a']))).committed;
      machine.hardware.faults = (call) => {
        if (call === 'datasync') return { kind: 'error', code: 'EIO' };
        return call === 'write' ? { kind: 'slow', delayMs: 900 } : undefined;
      };
      const first = await append(log, batchOf(['b']));
      await first.written;
      const second = await append(log, batchOf(['c']));
      let isWrittenSettled = false;
      void second.written.catch(() => {
        isWrittenSettled = true;
      });
      await assert.rejects(first.committed, isError('KAFKA_STORAGE_ERROR'));
      await assert.rejects(second.committed, isError('KAFKA_STORAGE_ERROR'));
      assert.equal(isWrittenSettled, false);
      await assert.rejects(second.written, isError('KAFKA_STORAGE_ERROR'));
      assert.equal(log.logEndOffset, 2);
    });
  });

  for (const durability of ['interval', 'os'] as const) {
    it(`a roll does not wait for the sync of the segment that is left, whose failure takes the log offline (${durability})`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env), { segmentBytes: 200, durability });
        await (await append(log, batchOf(['x'.repeat(50)]))).committed;
        failing(machine, 'datasync', /\.log$/, { kind: 'error', code: 'EIO' });
        await (await append(log, batchOf(['y'.repeat(50)]))).committed;
        assert.equal(log.failed, undefined);
        await env.clock.sleep(5000);
        assert.ok(log.failed !== undefined);
        assert.equal(log.durableEndOffset, 0);
        await assert.rejects(append(log, batchOf(['z'])), isError('KAFKA_STORAGE_ERROR'));
        assert.equal((await readAll(log)).length, 2);
      });
    });
  }
});

describe('log: index files that the disk does not take', () => {
  for (const call of ['open', 'write', 'datasync'] as const) {
    it(`at a roll (${call}) are built anew, and the log goes on`, async () => {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        const log = await openLog(logs, { segmentBytes: 200, indexIntervalBytes: 50 });
        await (await append(log, batchOf(['x'.repeat(50)]))).committed;
        const heal = failing(machine, call, /\.(time)?index$/, { kind: 'error', code: 'EIO' });
        await (await append(log, batchOf(['y'.repeat(50)]))).committed;
        heal();
        assert.equal(log.failed, undefined);
        await logs.close();
      });
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env));
        assert.equal((await readAll(log)).length, 2);
        assert.equal((await log.offsetForTimestamp(0n))?.offset, 0);
      });
    });
  }
});

describe('log: a batch that is sent again', () => {
  it('is committed already, whatever becomes of those above it', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      const batch = (sequence: number): Buffer => batchOf(['a'], { producerId: 7n, sequence });
      await (await append(log, batch(0))).committed;
      failing(machine, 'write', /\.log$/, { kind: 'error', code: 'EIO' });
      const above = await append(log, batch(1));
      const again = await append(log, batch(0));
      assert.equal(again.duplicate, true);
      await assert.rejects(above.committed, isError('KAFKA_STORAGE_ERROR'));
      await again.written;
      await again.committed;
    });
  });
});

describe('log: files that cannot be opened or read', () => {
  it('are told once, with the reason', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      await (await append(await openLog(logs), batchOf(['a']))).committed;
      await logs.close();
    });
    await run(machine, async (env) => {
      const said: string[] = [];
      const log = { ...env.log, error: (text: string) => void said.push(text) };
      const logs = await openDirectory({ ...env, log }, { brokerEpoch: 2 });
      const mend = failing(machine, 'list', /t-0$/, { kind: 'error', code: 'EIO' });
      for (let call = 0; call < 3; call += 1) await assert.rejects(openLog(logs), isError('KAFKA_STORAGE_ERROR'));
      mend();
      assert.equal(said.length, 1);
      assert.match(said[0] ?? '', /EIO/);
      const opened = await openLog(logs);
      const heal = failing(machine, 'read', /\.log$/, { kind: 'error', code: 'EDQUOT' });
      for (let call = 0; call < 3; call += 1) await assert.rejects(readAll(opened), isError('KAFKA_STORAGE_ERROR'));
      heal();
      assert.equal(said.length, 2);
      assert.match(said[1] ?? '', /EDQUOT/);
      assert.equal((await readAll(opened)).length, 1);
    });
  });
});
