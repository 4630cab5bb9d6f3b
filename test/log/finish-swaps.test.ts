/** What an open does with the files that a compaction left in the middle of a swap (contract 4.4.2). */
import assert from 'node:assert/strict';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
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

const CONFIG = { segmentBytes: 150, cleanupPolicy: 'compact,delete' } as const;
const KEYLESS = { segmentBytes: 150 };

function at(base: number, suffix: string): string {
  return `${PARTITION}/${String(base).padStart(20, '0')}${suffix}`;
}

/** Three segments of a batch each, at 0, 1 and 2, and the process killed. */
async function threeSegments(): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const log = await openLog(await openDirectory(env), KEYLESS);
    for (const value of ['a', 'b', 'c']) await (await append(log, batchOf([value.repeat(40)]))).committed;
  });
  return machine;
}

/** Writes a file as a compaction would have. */
async function put(machine: SimMachine, path: string, bytes: Buffer): Promise<void> {
  await run(machine, async ({ disk }) => {
    const file = await disk.open(path, 'w+');
    await file.writev([bytes], 0);
    await file.datasync();
    await file.close();
    await disk.syncDirectory(PARTITION);
  });
}

/** The batches of both segments as one file, the first of them left out. */
function swapOfTwo(machine: SimMachine): Buffer {
  return contentOf(machine, at(1, '.log'));
}

async function basesAfterOpen(machine: SimMachine): Promise<number[]> {
  return await run(machine, async (env) => {
    const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), CONFIG);
    assert.equal(log.damagedAt, undefined);
    return (await readAll(log)).map(({ baseOffset }) => baseOffset);
  });
}

describe('log: a swap that was not finished', () => {
  it('takes the place of what it covers, and of nothing else; the producers at its base stay', async () => {
    const machine = await threeSegments();
    await put(machine, at(0, '.snapshot'), contentOf(machine, at(1, '.snapshot')));
    await put(machine, at(0, '.log.swap'), swapOfTwo(machine));
    await put(machine, at(0, '.index.swap'), Buffer.alloc(0));
    assert.deepEqual(await basesAfterOpen(machine), [1, 2]);
    const names = namesIn(machine, PARTITION).filter((name) => /^\d/.test(name) && !name.includes('index'));
    const expected = ['0.log', '0.snapshot', '2.log', '2.snapshot'];
    assert.deepEqual(
      names.map((name) => name.replace(/^0*(?=\d\.)/, '')),
      expected,
    );
  });

  it('counts without its indexes, which are built anew', async () => {
    const machine = await threeSegments();
    await put(machine, at(0, '.log.swap'), swapOfTwo(machine));
    assert.deepEqual(await basesAfterOpen(machine), [1, 2]);
  });

  it('is gone when its indexes alone are left: nobody knows whether they are of the log that is there', async () => {
    const machine = await threeSegments();
    await put(machine, at(0, '.index.swap'), Buffer.alloc(8, 1));
    assert.deepEqual(await basesAfterOpen(machine), [0, 1, 2]);
    assert.deepEqual(
      namesIn(machine, PARTITION).filter((name) => name.endsWith('.swap')),
      [],
    );
    assert.ok(!contentOf(machine, at(0, '.index')).equals(Buffer.alloc(8, 1)));
  });

  it('does not count beside what is not finished of the same segment or of one before', async () => {
    const machine = await threeSegments();
    await put(machine, at(1, '.log.swap'), swapOfTwo(machine));
    await put(machine, at(0, '.index.cleaned'), Buffer.alloc(0));
    assert.deepEqual(await basesAfterOpen(machine), [0, 1, 2]);
    assert.deepEqual(
      namesIn(machine, PARTITION).filter((name) => /swap|cleaned/.test(name)),
      [],
    );
  });

  it('is no reason to remove anything when a byte of it changed: the log does not open', async () => {
    const machine = await threeSegments();
    const broken = Buffer.from(swapOfTwo(machine));
    broken[80]! ^= 1;
    await put(machine, at(0, '.log.swap'), broken);
    const before = namesIn(machine, PARTITION);
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      await assert.rejects(openLog(logs, CONFIG), isError('KAFKA_STORAGE_ERROR'));
    });
    assert.deepEqual(namesIn(machine, PARTITION), before);
  });

  for (const [what, change] of [
    ['a base offset of it changed, which no CRC covers', (bytes: Buffer) => bytes.fill(0x73, 5, 6)],
    ['it was cut short', (bytes: Buffer) => bytes.subarray(0, 0)],
  ] as const) {
    it(`is no reason to remove what it does not cover when ${what}`, async () => {
      const machine = await threeSegments();
      await put(machine, at(0, '.log.swap'), change(Buffer.from(swapOfTwo(machine))));
      const before = namesIn(machine, PARTITION);
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 2 });
        await assert.rejects(openLog(logs, CONFIG), isError('KAFKA_STORAGE_ERROR'));
      });
      assert.deepEqual(namesIn(machine, PARTITION), before);
    });
  }

  it('counts where nothing follows what it covers, also when that is out of the way', async () => {
    for (const isAway of [false, true]) {
      const machine = await threeSegments();
      await put(machine, at(0, '.log.swap'), contentOf(machine, at(2, '.log')));
      if (isAway) await run(machine, ({ disk }) => disk.rename(at(2, '.log'), at(2, '.log.deleted')));
      assert.deepEqual(await basesAfterOpen(machine), [2]);
    }
  });
});
