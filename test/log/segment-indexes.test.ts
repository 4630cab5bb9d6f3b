import assert from 'node:assert/strict';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
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

const CONFIG = { segmentBytes: 3000, indexIntervalBytes: 150 };
const COUNT = 80;

/** A log of several segments that was closed cleanly, with what its index files held. */
async function closedLog(): Promise<{ machine: SimMachine; indexes: Map<string, Buffer> }> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, CONFIG);
    for (let index = 0; index < COUNT; index++) {
      const batch = batchOf(['x'.repeat(20), 'y'.repeat(20)], {
        timestamp: BigInt(1000 + index),
        timestampDeltas: [0, 0],
      });
      await (await append(log, batch)).committed;
    }
    await logs.close();
  });
  const names = namesIn(machine, PARTITION).filter((name) => /index$/.test(name));
  return { machine, indexes: new Map(names.map((name) => [name, contentOf(machine, `${PARTITION}/${name}`)])) };
}

/** Reads and looks up everything, appends, closes. */
async function use(machine: SimMachine): Promise<void> {
  await run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch: 2 });
    const log = await openLog(logs, CONFIG);
    for (let offset = 0; offset < COUNT * 2; offset += 7) {
      assert.equal((await readAll(log, offset))[0]?.baseOffset, offset - (offset % 2));
    }
    for (let index = 0; index < COUNT; index += 9) {
      assert.equal((await log.offsetForTimestamp(BigInt(1000 + index)))?.offset, index * 2);
    }
    await (await append(log, batchOf(['z']))).committed;
    await logs.close();
  });
}

describe('log: index files', () => {
  for (const [what, change] of [
    ['gone', (machine: SimMachine, path: string) => machine.files.unlink(path)],
    ['empty', (machine: SimMachine, path: string) => machine.files.get(path, 'test').content.truncate(0)],
    [
      'cut',
      (machine: SimMachine, path: string) => {
        const { content } = machine.files.get(path, 'test');
        content.truncate(Math.floor(content.size / 2));
      },
    ],
    [
      'full of zeros',
      (machine: SimMachine, path: string) => {
        const { content } = machine.files.get(path, 'test');
        content.write(Buffer.alloc(content.size), 0);
      },
    ],
    [
      'followed by zeros',
      (machine: SimMachine, path: string) => {
        const { content } = machine.files.get(path, 'test');
        content.truncate(content.size + 4096);
      },
    ],
  ] as const) {
    it(`that are ${what} are built anew, the same bytes`, async () => {
      const { machine, indexes } = await closedLog();
      const active = [...indexes.keys()].slice(-2);
      for (const name of indexes.keys()) change(machine, `${PARTITION}/${name}`);
      await use(machine);
      for (const [name, before] of indexes) {
        const after = contentOf(machine, `${PARTITION}/${name}`);
        const same = active.includes(name) ? after.subarray(0, before.length) : after;
        // Zeros behind sealed indexes are what Kafka leaves there too: they are not read.
        if (what === 'followed by zeros') assert.ok(after.subarray(0, before.length).equals(before), name);
        else assert.ok(same.equals(before), name);
      }
    });
  }

  it('whose positions are wrong, though they increase, lead no reader astray', async () => {
    for (const shift of [1, 61, 400, -1, -30]) {
      const { machine, indexes } = await closedLog();
      for (const [name, bytes] of indexes) {
        if (!name.endsWith('.index')) continue;
        const wrong = Buffer.from(bytes);
        for (let at = 4; at < wrong.length; at += 8)
          wrong.writeInt32BE(Math.max(1 + at, wrong.readInt32BE(at) + shift), at);
        machine.files.get(`${PARTITION}/${name}`, 'test').content.write(wrong, 0);
      }
      await use(machine);
    }
  });

  it('are written whole by a writer that never read them', async () => {
    const { machine, indexes } = await closedLog();
    for (const name of indexes.keys()) machine.files.unlink(`${PARTITION}/${name}`);
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      await (await append(await openLog(logs, CONFIG), batchOf(['z']))).committed;
      await logs.close();
    });
    for (const name of [...indexes.keys()].slice(-2)) {
      const after = contentOf(machine, `${PARTITION}/${name}`);
      assert.ok(after.subarray(0, indexes.get(name)?.length).equals(indexes.get(name) ?? Buffer.alloc(0)), name);
    }
  });

  for (const count of [1, COUNT]) {
    it(`of ${count} batches without timestamps are sound without a time entry`, async () => {
      const machine = newMachine();
      const told: string[] = [];
      const life = (brokerEpoch: number, action: (log: PartitionLog) => Promise<void>): Promise<void> =>
        run(machine, async (env) => {
          const info = (message: string): number => told.push(message);
          const logs = await openDirectory({ ...env, log: { ...env.log, info } }, { brokerEpoch });
          await action(await openLog(logs, CONFIG));
          await logs.close();
        });
      await life(1, async (log) => {
        for (let index = 0; index < count; index++) {
          await (await append(log, batchOf(['x'.repeat(40)], { timestamp: -1n }))).committed;
        }
      });
      const readsAll = async (log: PartitionLog): Promise<void> => {
        for (let offset = 0; offset < count; offset += 3) {
          assert.equal((await readAll(log, offset))[0]?.baseOffset, offset);
        }
        assert.equal(await log.offsetForTimestamp(0n), undefined);
      };
      await life(2, readsAll);
      assert.deepEqual(told, []);
      const index = namesIn(machine, PARTITION).find((name) => name.endsWith('.index')) ?? '';
      if (count === 1) return;
      machine.files.get(`${PARTITION}/${index}`, 'test').content.truncate(0);
      await life(3, readsAll);
      assert.equal(told.length, 1, 'an offset index that was lost is found out all the same');
    });
  }

  it('of a short segment that was closed many times are sound', async () => {
    const machine = newMachine();
    const told: string[] = [];
    for (let brokerEpoch = 1; brokerEpoch <= 4; brokerEpoch++) {
      await run(machine, async (env) => {
        const info = (message: string): number => told.push(message);
        const logs = await openDirectory({ ...env, log: { ...env.log, info } }, { brokerEpoch });
        const log = await openLog(logs);
        assert.equal((await readAll(log, 0)).length, brokerEpoch - 1);
        const batch = batchOf(['x'], { timestamp: BigInt(1000 * brokerEpoch), timestampDeltas: [0] });
        await (await append(log, batch)).committed;
        assert.equal((await log.offsetForTimestamp(BigInt(1000 * brokerEpoch)))?.offset, brokerEpoch - 1);
        await logs.close();
      });
    }
    assert.deepEqual(told, []);
  });
});
