/** The five batches that a producer may have in flight are known after every kind of end (I-5, H-17). */
import assert from 'node:assert/strict';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import { append, BROKER, namesIn, newMachine, openDirectory, openLog, PARTITION, run } from './log-in-world.ts';

/** Six batches fill a segment. */
const CONFIG = { segmentBytes: 900 };
const PRODUCERS = [7n, 8n];

function batch(producerId: bigint, sequence: number): Buffer {
  return batchOf(['x'.repeat(60)], { producerId, sequence });
}

async function send(log: PartitionLog, from: number, to: number): Promise<void> {
  for (let sequence = from; sequence < to; sequence++) {
    for (const producerId of PRODUCERS) await (await append(log, batch(producerId, sequence))).committed;
  }
}

/** The last five of each are duplicates at their offsets, the sixth is not known any more, the next one is new. */
async function checkWindow(log: PartitionLog, next: number): Promise<void> {
  for (const [index, producerId] of PRODUCERS.entries()) {
    for (let sequence = Math.max(0, next - 5); sequence < next; sequence++) {
      const again = await append(log, batch(producerId, sequence));
      assert.deepEqual([again.duplicate, again.baseOffset], [true, sequence * 2 + index], `${producerId}/${sequence}`);
      await again.committed;
    }
  }
  assert.equal(log.logEndOffset, next * 2);
}

function forget(machine: SimMachine, ...paths: string[]): void {
  for (const path of paths) machine.files.unlink(path);
}

describe('log: producer window', () => {
  for (const how of ['close', 'kill'] as const) {
    for (const count of [1, 3, 5, 6, 7, 12, 30]) {
      it(`is known after ${count} batches and a ${how}`, async () => {
        const machine = newMachine();
        await run(machine, async (env) => {
          const logs = await openDirectory(env);
          await send(await openLog(logs, CONFIG), 0, count);
          if (how === 'close') await logs.close();
        });
        await run(machine, async (env) => {
          await checkWindow(await openLog(await openDirectory(env, { brokerEpoch: 2 }), CONFIG), count);
        });
      });
    }
  }

  it('is known after a close, more batches and a kill', async () => {
    const machine = newMachine();
    for (const [from, to, close] of [
      [0, 4, true],
      [4, 6, false],
      [6, 7, true],
      [7, 8, false],
    ] as const) {
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: from + 1 });
        const log = await openLog(logs, CONFIG);
        await checkWindow(log, from);
        await send(log, from, to);
        if (close) await logs.close();
      });
    }
    await run(machine, async (env) => checkWindow(await openLog(await openDirectory(env), CONFIG), 8));
  });

  it('is found in the batches where the close record is missing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      await send(await openLog(logs, CONFIG), 0, 20);
      await logs.close();
    });
    forget(machine, `${BROKER}/close-record`);
    await run(machine, async (env) => checkWindow(await openLog(await openDirectory(env), CONFIG), 20));
  });

  it('is found in the batches where every snapshot is missing too', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      await send(await openLog(await openDirectory(env), CONFIG), 0, 20);
    });
    const snapshots = namesIn(machine, PARTITION).filter((name) => name.endsWith('.snapshot'));
    assert.notEqual(snapshots.length, 0);
    forget(machine, ...snapshots.map((name) => `${PARTITION}/${name}`));
    await run(machine, async (env) => checkWindow(await openLog(await openDirectory(env), CONFIG), 20));
  });

  it('a producer that is fenced stays fenced', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs);
      await append(log, batchOf(['a'], { producerId: 7n, epoch: 3, sequence: 0 }));
      await logs.close();
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await assert.rejects(append(log, batchOf(['a'], { producerId: 7n, epoch: 2, sequence: 0 })), {
        errorName: 'INVALID_PRODUCER_EPOCH',
      });
    });
  });
});
