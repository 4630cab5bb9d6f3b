/** A recovery whose disk fails or is full (T8, C-4): nothing is decided by what could not be read, nothing cut that could not be kept. */
import assert from 'node:assert/strict';
import type { DiskCall, DiskFault } from '../sim/disk-faults.ts';
import type { Inode } from '../sim/file-system.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  BROKER,
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

const SIZE = batchOf(['x'.repeat(40)]).length;
const CONFIG = { segmentBytes: SIZE * 2 };
const EIO = { kind: 'error', code: 'EIO' } as const;
const LAST = `${PARTITION}/00000000000000000008.log`;

/** Nine batches in five segments, the first `durable` of them checkpointed; their process was killed. */
async function killedLog(durable: number): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const log = await openLog(await openDirectory(env), CONFIG);
    for (let index = 0; index < 9; index++) {
      await (await append(log, batchOf(['x'.repeat(40)]))).committed;
      if (index === durable - 1) await env.clock.sleep(6500);
    }
  });
  return machine;
}

/** Paths and contents of all that is below the partition's directory and `cut`. */
function everything(machine: SimMachine): Map<string, string> {
  const files = new Map<string, string>();
  const add = (path: string): void => {
    const inode: Inode | undefined = machine.files.find(path);
    if (inode?.kind === 'file') files.set(path, contentOf(machine, path).toString('latin1'));
    else for (const name of namesIn(machine, path)) add(`${path}/${name}`);
  };
  add(PARTITION);
  add(`${BROKER}/cut`);
  return files;
}

/** An open that must be refused while `fault` is in force, after which everything is as it was; then one that is not. */
async function refusedThenOpened(
  machine: SimMachine,
  fault: (call: DiskCall, path: string) => DiskFault | undefined,
  expected: { readonly end: number; readonly damagedAt?: number },
): Promise<void> {
  const before = everything(machine);
  machine.hardware.faults = fault;
  await run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch: 2 });
    await assert.rejects(openLog(logs, CONFIG), isError('KAFKA_STORAGE_ERROR'));
    assert.deepEqual(everything(machine), before);
    // The same process tries again when somebody asks for the partition the next time.
    await assert.rejects(openLog(logs, CONFIG), isError('KAFKA_STORAGE_ERROR'));
    assert.deepEqual(everything(machine), before);
    machine.hardware.faults = () => undefined;
    const log = await openLog(logs, CONFIG);
    assert.deepEqual([log.damagedAt, (await readAll(log)).length], [expected.damagedAt, expected.end]);
  });
}

describe('log: a recovery on a disk that fails', () => {
  for (const [what, durable] of [
    ['past the durable point', 2],
    ['before it', 9],
  ] as const) {
    it(`a segment ${what} that cannot be read is neither a torn tail nor damage`, async () => {
      const machine = await killedLog(durable);
      await refusedThenOpened(machine, (call, path) => (call === 'read' && path === LAST ? EIO : undefined), {
        end: 9,
      });
    });
  }

  it('nor is what cannot be searched behind the first bad batch, and nothing is cut', async () => {
    const machine = await killedLog(2);
    machine.files.get(`${PARTITION}/00000000000000000006.log`, 'test').content.damage(SIZE + 70, 0);
    await refusedThenOpened(machine, (call, path) => (call === 'read' && path === LAST ? EIO : undefined), { end: 7 });
    assert.equal(namesIn(machine, `${BROKER}/cut`).length, 2);
  });

  for (const call of ['list', 'stat', 'openToRead', 'readFile'] as const) {
    it(`${call} that fails leaves everything as it was`, async () => {
      const machine = await killedLog(2);
      const fault = (name: DiskCall, path: string) => (name === call && path.startsWith(PARTITION) ? EIO : undefined);
      await refusedThenOpened(machine, fault, { end: 9 });
    });
  }
});

describe('log: a recovery on a full disk', () => {
  /** A bad batch past the durable point, and whole ones behind it in the same segment and the next one. */
  async function withBatchesBehind(): Promise<SimMachine> {
    const machine = await killedLog(2);
    machine.files.get(`${PARTITION}/00000000000000000006.log`, 'test').content.damage(70, 0);
    return machine;
  }

  it('cuts nothing that it cannot copy aside, and does both when there is room', async () => {
    const machine = await withBatchesBehind();
    const before = everything(machine);
    machine.files.capacityBytes = machine.files.usedBytes() + SIZE / 2;
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      for (let attempt = 0; attempt < 2; attempt++) {
        await assert.rejects(openLog(logs, CONFIG), isError('KAFKA_STORAGE_ERROR'));
        for (const [path, content] of before) assert.equal(everything(machine).get(path), content, path);
      }
      machine.files.capacityBytes = Number.POSITIVE_INFINITY;
      const log = await openLog(logs, CONFIG);
      assert.deepEqual([log.damagedAt, (await readAll(log)).length], [undefined, 6]);
      assert.equal((await append(log, batchOf(['y']))).baseOffset, 6);
    });
    // The rest of the segment with the bad batch, and the whole of the next one; nothing half-made beside them.
    const copies = namesIn(machine, `${BROKER}/cut`);
    assert.deepEqual(
      copies.map((name) => name.replace(/\.[0-9a-f]{8}$/, '')),
      [`t-0.${'6'.padStart(20, '0')}.0-${2 * SIZE}`, `t-0.${'8'.padStart(20, '0')}.0-${SIZE}`],
    );
  });

  for (const call of ['datasync', 'syncDirectory', 'rename'] as const) {
    it(`cuts nothing where the copy's ${call} fails`, async () => {
      const machine = await withBatchesBehind();
      const before = everything(machine);
      machine.hardware.faults = (name, path) => (name === call && path.includes('/cut') ? EIO : undefined);
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 2 });
        await assert.rejects(openLog(logs, CONFIG), isError('KAFKA_STORAGE_ERROR'));
        for (const [path, content] of before) assert.equal(everything(machine).get(path), content, path);
      });
      machine.hardware.faults = () => undefined;
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env, { brokerEpoch: 3 }), CONFIG);
        assert.deepEqual([log.damagedAt, (await readAll(log)).length], [undefined, 6]);
      });
      assert.equal(namesIn(machine, `${BROKER}/cut`).length, 2);
    });
  }
});
