import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { DirectorySize, rollBytesWithin } from '../../src/log/directory-size.ts';
import { batchOf } from './batches.ts';
import { append, BROKER, isError, newMachine, openDirectory, openLog, run } from './log-in-world.ts';

const MIB = 1 << 20;
const CAP_BYTES = 64 * MIB;
/** What is counted for the files beside the broker's folder. */
const FLAT_BYTES = 8 * MIB;
const MARK_BYTES = CAP_BYTES - 4 * MIB - FLAT_BYTES;

function atHand(folderBytes: number): { size: DirectorySize; asked: () => readonly boolean[] } {
  const disk = { list: () => Promise.reject(new Error('walked')) } as unknown as Env['disk'];
  const size = new DirectorySize(disk, BROKER);
  const asked: boolean[] = [];
  size.onRoomWanted((isRefused) => asked.push(isRefused));
  size.setCap(CAP_BYTES);
  size.found(folderBytes);
  return { size, asked: () => asked };
}

describe('log: size of a directory', () => {
  it('counts every file below the folder, what is set aside and what waits to be removed too', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      let expectedBytes = 0;
      for (const [at, path] of ['x', 'cut/t-0.1', 'log/y', 'log/t-0/1.log', 'log/t-0/0.log.deleted'].entries()) {
        await env.disk.makeDirectory(`${BROKER}/${path.split('/').slice(0, -1).join('/')}`.replace(/\/$/, ''));
        const file = await env.disk.open(`${BROKER}/${path}`, 'w+');
        await file.writev([Buffer.alloc(10 ** at)], 0);
        await file.close();
        expectedBytes += 10 ** at;
      }
      const size = new DirectorySize(env.disk, BROKER);
      await size.ready();
      assert.equal(size.folderBytes, undefined, 'without a cap nobody counts');
      size.setCap(CAP_BYTES);
      await size.ready();
      assert.equal(size.folderBytes, expectedBytes);
      size.grew(5);
      assert.equal(size.folderBytes, expectedBytes + 5);
      await size.count();
      assert.equal(size.folderBytes, expectedBytes);
    });
  });

  it('a folder that is not there is empty', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const size = new DirectorySize(env.disk, `${BROKER}/gone`);
      await size.count();
      assert.equal(size.folderBytes, 0);
    });
  });

  it('what a clean close counted spares the walk', async () => {
    const { size } = atHand(1000);
    await size.ready();
    assert.equal(size.folderBytes, 1000);
  });

  it('asks for room from the mark on, and refuses what would reach past the cap', () => {
    const { size, asked } = atHand(MARK_BYTES - 1);
    size.admit(1);
    assert.equal(size.wantedBytes, 0);
    assert.deepEqual(asked(), []);
    size.grew(1);
    size.admit(1);
    assert.equal(size.wantedBytes, 1);
    assert.deepEqual(asked(), [false]);
    size.grew(2 * MIB - 1);
    assert.equal(size.isCrowded, false);
    size.grew(1);
    assert.equal(size.isCrowded, true);
    size.admit(2 * MIB);
    assert.throws(() => size.admit(2 * MIB + 1), isError('KAFKA_STORAGE_ERROR'));
    assert.deepEqual(asked(), [false, false, true]);
    size.setCap(Number.POSITIVE_INFINITY);
    size.admit(CAP_BYTES);
    assert.deepEqual([size.isCrowded, size.wantedBytes], [false, 0]);
  });

  it('what is queued counts until it is written or given up', () => {
    const { size } = atHand(CAP_BYTES - FLAT_BYTES - 2);
    size.queued(1);
    size.admit(1);
    size.queued(1);
    assert.throws(() => size.admit(1), isError('KAFKA_STORAGE_ERROR'));
    size.queued(-1);
    size.admit(1);
    size.queued(-1);
    size.grew(1);
    assert.equal(size.folderBytes, CAP_BYTES - FLAT_BYTES - 1);
  });

  it('what is queued at a cap is what was admitted: all of it is let go when it is written or refused', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const size = new DirectorySize(env.disk, BROKER);
      const log = await openLog(await openDirectory(env, { size }), { segmentBytes: 600 });
      const batch = (): Buffer => batchOf(['x'.repeat(300)]);
      for (let index = 0; index < 5; index++) await (await append(log, batch())).committed;
      size.setCap(CAP_BYTES);
      await size.ready();
      const folderBytes = size.folderBytes ?? 0;
      assert.equal(size.usedBytes, folderBytes + FLAT_BYTES);
      const refused = Array.from({ length: 3 }, () => append(log, batch()));
      assert.ok(size.usedBytes > folderBytes + FLAT_BYTES, 'what is queued counts');
      machine.files.capacityBytes = machine.files.usedBytes();
      for (const one of refused) await assert.rejects((await one).committed, isError('KAFKA_STORAGE_ERROR'));
      assert.equal(size.usedBytes, folderBytes + FLAT_BYTES);
    });
  });

  it('what the broker writes for itself goes on where clients are refused', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const size = new DirectorySize(env.disk, BROKER);
      const log = await openLog(await openDirectory(env, { size }));
      size.setCap(CAP_BYTES);
      size.found(CAP_BYTES);
      await assert.rejects(append(log, batchOf(['x'])), isError('KAFKA_STORAGE_ERROR'));
      const own = { records: [batchOf(['x'])], origin: 'coordinator', leaderEpoch: 0, apiVersion: 9 } as const;
      await (await log.append(own)).committed;
      assert.equal(log.highWatermark, 1);
    });
  });

  it('segments roll early enough to be deleted', () => {
    assert.equal(rollBytesWithin(CAP_BYTES, 1), 4 * MIB);
    assert.equal(rollBytesWithin(CAP_BYTES, 8), 4 * MIB);
    assert.equal(rollBytesWithin(CAP_BYTES, 16), 2 * MIB);
    assert.equal(rollBytesWithin(CAP_BYTES, 100_000), 64 << 10);
  });
});
