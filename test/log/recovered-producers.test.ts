import assert from 'node:assert/strict';
import type { LoadOptions } from '../../src/log/loaded-log.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { formatProducerSnapshot } from '../../src/log/producer-snapshot.ts';
import type { ProducerEntry } from '../../src/log/producer-state.ts';
import { ProducerTable } from '../../src/log/producer-table.ts';
import { producersAtBase } from '../../src/log/recovered-producers.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import { append, contentOf, namesIn, newMachine, openDirectory, openLog, PARTITION, run } from './log-in-world.ts';

const SIZE = batchAt(1n, 0).length;
const CONFIG = { segmentBytes: SIZE * 2 };
const FOUND = [0, 100, 200, 300].map((baseOffset) => ({ baseOffset, logBytes: 1000 }));

function batchAt(producerId: bigint, sequence: number): Buffer {
  return batchOf(['x'.repeat(40)], { producerId, sequence });
}

function snapshotOf(producerId: bigint): Buffer {
  const newest = { lastSequence: 3, lastOffset: 50, offsetDelta: 0, timestamp: 5n };
  const entry: ProducerEntry = {
    producerId,
    epoch: 0,
    coordinatorEpoch: -1,
    lastTimestamp: 5n,
    seenMs: 0,
    transactionFirstOffset: -1,
    batches: [newest],
  };
  return formatProducerSnapshot(ProducerTable.of([entry]));
}

/** Where a partition's snapshots say what they say, from which one the producers come. */
async function chosen(
  snapshots: Readonly<Record<number, Buffer>>,
  index: number,
): Promise<{ index: number; producers: bigint[]; broken: number[] }> {
  return await run(newMachine(), async (env) => {
    await env.disk.makeDirectory(PARTITION);
    for (const [offset, bytes] of Object.entries(snapshots)) {
      const file = await env.disk.open(`${PARTITION}/${offset.padStart(20, '0')}.snapshot`, 'w+');
      await file.writev([bytes], 0);
      await file.close();
    }
    const options = { env, directory: PARTITION, config: DEFAULT_LOG_CONFIG } as unknown as LoadOptions;
    const broken = new Set<number>();
    const offsets = Object.keys(snapshots).map(Number);
    const at = await producersAtBase(options, { offsets, broken }, FOUND, index);
    return { index: at.index, producers: at.producers.all().map(({ producerId }) => producerId), broken: [...broken] };
  });
}

describe('log: producers of a recovery', () => {
  const bad = Buffer.from(snapshotOf(9n));
  bad.writeUInt8(bad.readUInt8(12) ^ 1, 12);

  for (const [what, snapshots, index, expected] of [
    [
      'the snapshot at the segment',
      { 100: snapshotOf(1n), 200: snapshotOf(2n) },
      2,
      { index: 2, producers: [2n], broken: [] },
    ],
    [
      'an older one where that is broken',
      { 100: snapshotOf(1n), 200: bad },
      2,
      { index: 1, producers: [1n], broken: [200] },
    ],
    ['an older one where there is none', { 100: snapshotOf(1n) }, 3, { index: 1, producers: [1n], broken: [] }],
    [
      'nothing, where all are broken: all batches',
      { 100: bad, 200: bad.subarray(0, 5) },
      2,
      { index: 0, producers: [], broken: [200, 100] },
    ],
    ['no younger one', { 300: snapshotOf(1n) }, 2, { index: 0, producers: [], broken: [] }],
  ] as const) {
    it(`begin with ${what}`, async () => assert.deepEqual(await chosen(snapshots, index), expected));
  }

  it('are known where the newest snapshot is broken, which is removed', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, CONFIG);
      for (let index = 0; index < 4; index++) await (await append(log, batchAt(1n, index))).committed;
      await logs.close();
      const next = await openDirectory(env, { brokerEpoch: 2 });
      const again = await openLog(next, CONFIG);
      for (let index = 0; index < 5; index++) await (await append(again, batchAt(2n, index))).committed;
      await env.clock.sleep(6500);
    });
    const broken = snapshots(machine).at(-1) ?? '';
    machine.files.get(`${PARTITION}/${broken}`, 'test').content.damage(12, 0);
    for (const brokerEpoch of [3, 4]) {
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env, { brokerEpoch }), CONFIG);
        assert.equal(log.damagedAt, undefined);
        for (const [producerId, sequence] of [
          [1n, 3],
          [2n, 0],
          [2n, 4],
        ] as const) {
          assert.equal((await append(log, batchAt(producerId, sequence))).duplicate, true, `${producerId}`);
        }
      });
      assert.ok(!snapshots(machine).includes(broken));
    }
  });

  it('the snapshot of an empty segment stays, broken or not: a roll made the segment', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env), CONFIG);
      for (let index = 0; index < 3; index++) await (await append(log, batchAt(1n, index))).committed;
    });
    const [name = ''] = snapshots(machine);
    assert.equal(name, `${'2'.padStart(20, '0')}.snapshot`);
    machine.files.get(`${PARTITION}/${name.replace('snapshot', 'log')}`, 'test').content.truncate(0);
    machine.files.get(`${PARTITION}/${name}`, 'test').content.damage(12, 0);
    for (const brokerEpoch of [2, 3]) {
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env, { brokerEpoch }), CONFIG);
        assert.deepEqual([log.damagedAt, log.logEndOffset], [undefined, 2]);
        assert.equal((await append(log, batchAt(1n, 1))).duplicate, true);
      });
      assert.ok(snapshots(machine).includes(name));
    }
  });
});

function snapshots(machine: SimMachine): string[] {
  const names = namesIn(machine, PARTITION).filter((name) => name.endsWith('.snapshot'));
  for (const name of names) assert.ok(contentOf(machine, `${PARTITION}/${name}`).length >= 10);
  return names;
}
