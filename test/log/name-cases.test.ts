import assert from 'node:assert/strict';
import { coveredNames, planNames } from '../../src/log/name-cases.ts';
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

const SIZE = batchOf(['x'.repeat(40)]).length;

function name(offset: number | string, ending: string): string {
  return `${String(offset).padStart(20, '0')}${ending}`;
}

function plan(names: readonly string[], provenLogStart?: number): ReturnType<typeof planNames> {
  return planNames([...names].sort(), provenLogStart);
}

describe('log: names in a partition directory', () => {
  it('N1: what a deletion renamed goes', () => {
    const names = [name(0, '.log.deleted'), name(0, '.index.deleted'), name(5, '.log')];
    assert.deepEqual(plan(names).remove, [name(0, '.index.deleted'), name(0, '.log.deleted')]);
    assert.deepEqual(plan(names).bases, [5]);
  });

  it('N2, N3, N4: of a compaction, what is below the first segment that was not finished takes its place', () => {
    const names = [name(0, '.log.swap'), name(0, '.index.swap'), name(5, '.log.swap'), name(5, '.log.cleaned')];
    const { remove, swaps } = plan([...names, name(0, '.log')]);
    assert.deepEqual(remove, [name(5, '.log.cleaned'), name(5, '.log.swap')]);
    assert.deepEqual(swaps, [name(0, '.index.swap'), name(0, '.log.swap')]);
    assert.deepEqual(plan([name(7, '.log.swap')]).swaps, [name(7, '.log.swap')]);
  });

  it('N5: index files without a log are orphans, snapshots are not', () => {
    const names = [
      name(0, '.log'),
      name(3, '.index'),
      name(3, '.timeindex'),
      name(3, '.txnindex'),
      name(3, '.snapshot'),
    ];
    const { orphans, snapshots, remove } = plan(names);
    assert.deepEqual(orphans, [name(3, '.index'), name(3, '.timeindex'), name(3, '.txnindex')]);
    assert.deepEqual([snapshots, remove], [[3], []]);
  });

  it('N6: segments wholly below a proven log start go, never the last one', () => {
    const names = [0, 10, 20].flatMap((base) => [name(base, '.log'), name(base, '.index'), name(base, '.snapshot')]);
    const first = [name(0, '.index'), name(0, '.log'), name(0, '.snapshot')];
    for (const [start, bases] of [
      [undefined, [0, 10, 20]],
      [9, [0, 10, 20]],
      [10, [10, 20]],
      [19, [10, 20]],
      [500, [20]],
    ] as const) {
      assert.deepEqual(plan(names, start).bases, bases, `from ${start}`);
    }
    assert.deepEqual(plan(names, 10).remove, first);
    assert.deepEqual(plan(names, 10).snapshots, [10, 20]);
  });

  it('N8: an offset that no safe integer holds is told', () => {
    const far = name('99999999999999999999', '.log');
    assert.equal(plan([name(0, '.log'), far]).unreadableLog, far);
    assert.deepEqual(plan([name(0, '.log'), far]).bases, [0]);
  });

  it('N11: what is no part of a log is left alone', () => {
    const ours = ['partition.metadata', 'leader-epoch-checkpoint', 'leader-epoch-checkpoint.tmp', name(0, '.log')];
    assert.deepEqual(plan([...ours, 'notes.txt', '5.log']).strangers, ['5.log', 'notes.txt']);
    assert.deepEqual(plan([...ours, 'notes.txt']).remove, []);
  });

  it('what new files cover is found by the offsets in the names', () => {
    const names = [name(0, '.log'), name(10, '.log'), name(10, '.snapshot'), name(20, '.log'), 'partition.metadata'];
    assert.deepEqual(coveredNames(names, 10, 20), [name(10, '.log'), name(10, '.snapshot')]);
  });
});

/** Segments at 0, 2, 4, 6 and 8; the process was killed. */
async function nineBatches(): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    const log = await openLog(await openDirectory(env), { segmentBytes: SIZE * 2 });
    for (let index = 0; index < 9; index++) await (await append(log, batchOf(['x'.repeat(40)]))).committed;
    await env.clock.sleep(6500);
  });
  return machine;
}

async function write(machine: SimMachine, path: string, bytes: Buffer): Promise<void> {
  await run(machine, async (env) => {
    const file = await env.disk.open(path, 'w+');
    await file.writev([bytes], 0);
    await file.close();
  });
}

describe('log: names in a partition directory, carried out', () => {
  it('a finished compaction takes the place of what it covers', async () => {
    const machine = await nineBatches();
    const merged = Buffer.concat([0, 2].map((base) => contentOf(machine, `${PARTITION}/${name(base, '.log')}`)));
    await write(machine, `${PARTITION}/${name(0, '.log.swap')}`, merged);
    await write(machine, `${PARTITION}/${name(0, '.index.deleted')}`, Buffer.from('x'));
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      assert.deepEqual([log.damagedAt, (await readAll(log)).length], [undefined, 9]);
    });
    const logs = namesIn(machine, PARTITION).filter((each) => !each.endsWith('index') && /^\d/.test(each));
    assert.deepEqual(
      logs.filter((each) => each.includes('.log')),
      [0, 4, 6, 8].map((base) => name(base, '.log')),
    );
    assert.ok(contentOf(machine, `${PARTITION}/${name(0, '.log')}`).equals(merged));
  });

  for (const [what, make] of [
    ['a folder', (machine: SimMachine, path: string) => run(machine, (env) => env.disk.makeDirectory(path))],
    [
      'an offset beyond all',
      (machine: SimMachine) => write(machine, `${PARTITION}/${'9'.repeat(20)}.log`, Buffer.from('x')),
    ],
  ] as const) {
    it(`${what} in the place of a segment is damage at the end of what precedes it, and is left alone`, async () => {
      const machine = await nineBatches();
      await make(machine, `${PARTITION}/${name(9, '.log')}`);
      const before = namesIn(machine, PARTITION);
      await run(machine, async (env) => {
        const log = await openLog(await openDirectory(env));
        assert.deepEqual([log.damagedAt, (await readAll(log)).length], [9, 9]);
      });
      assert.deepEqual(namesIn(machine, PARTITION), before);
    });
  }
});
