import assert from 'node:assert/strict';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import { batchOf } from './batches.ts';
import { append, BROKER, contentOf, newMachine, openDirectory, openLog, readAll, run } from './log-in-world.ts';

const NAMES: ReadonlySet<string> = new Set(['t-0']);

async function add(log: PartitionLog, value: string): Promise<void> {
  await (await append(log, batchOf([value]))).committed;
}

async function countIn(log: PartitionLog): Promise<number> {
  return (await readAll(log)).length;
}

describe('log: one that is closed while its directory is open', () => {
  it('is opened again as it was left, without a recovery, also after an unclean end before', async () => {
    for (const wasClean of [true, false]) {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        await add(await openLog(logs), 'a');
        if (wasClean) await logs.close();
      });
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 2, lastCloseWasClean: wasClean });
        const first = await openLog(logs);
        await add(first, 'b');
        await logs.closePartitions(NAMES);
        assert.equal(logs.opened('t', 0), undefined);
        assert.equal(first.closed, true);
        assert.deepEqual(await logs.unrecovered(), []);
        assert.match(contentOf(machine, `${BROKER}/log/recovery-point-offset-checkpoint`).toString(), /^t 0 2$/m);
        const reads: string[] = [];
        machine.onDiskDone = (call, path) => {
          if (call === 'read' && path.endsWith('.log')) reads.push(path);
        };
        const again = await openLog(logs);
        assert.deepEqual(reads, []);
        assert.equal(await countIn(again), 2);
        await add(again, 'c');
        await logs.close();
      });
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 3 });
        assert.equal(logs.closedCleanly, true);
        assert.equal(await countIn(await openLog(logs)), 3);
      });
    }
  });

  it('loses nothing of what is appended after that when the process is killed or the power cut', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const machine = newMachine(seed);
      await run(machine, async (env) => {
        const logs = await openDirectory(env);
        for (let turn = 0; turn < 3; turn++) {
          await add(await openLog(logs), `value ${turn}`);
          await logs.closePartitions(NAMES);
        }
        await add(await openLog(logs), 'last');
        if (seed % 2 === 0) machine.cutPower();
      }).catch(() => undefined);
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 2 });
        const log = await openLog(logs);
        assert.deepEqual([log.damagedAt, await countIn(log)], [undefined, 4], `seed ${seed}`);
      });
    }
  });

  it('stays open where it is damaged', () =>
    run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      await add(log, 'a');
      log.markDamaged(0);
      await logs.closePartitions(NAMES);
      assert.equal(logs.opened('t', 0), log);
    }));
});
