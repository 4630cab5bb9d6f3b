import assert from 'node:assert/strict';
import { SyncQueue } from '../../src/disk/sync-queue.ts';
import { type Deferred, deferred } from '../../src/kernel/deferred.ts';
import type { Clock, DiskFile, Log } from '../../src/kernel/env.ts';

/** A file whose syncs end when the test says so. */
function slowFile(): { file: DiskFile; syncs: Deferred<void>[] } {
  const syncs: Deferred<void>[] = [];
  const datasync = (): Promise<void> => {
    const sync = deferred<void>();
    syncs.push(sync);
    return sync.promise;
  };
  return { file: { datasync } as DiskFile, syncs };
}

function queue() {
  const timers: (() => void)[] = [];
  const warnings: string[] = [];
  const clock = {
    timer: (_delayMs: number, action: () => void) => {
      timers.push(action);
      return { cancel: () => timers.splice(timers.indexOf(action), 1) };
    },
  } as unknown as Clock;
  const log = { warn: (message: string) => warnings.push(message) } as unknown as Log;
  return { queue: new SyncQueue({ clock, log }), timers, warnings };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('SyncQueue', () => {
  it('has two syncs in flight and begins the others in order', async () => {
    const { queue: syncs } = queue();
    const files = [slowFile(), slowFile(), slowFile(), slowFile()];
    const runs = files.map(({ file }) => syncs.run(file));
    const begun = (): number[] => files.map((each) => each.syncs.length);
    assert.deepEqual(begun(), [1, 1, 0, 0]);
    assert.equal(syncs.waitingCount, 2);
    files[1]!.syncs[0]!.resolve();
    await runs[1];
    assert.deepEqual(begun(), [1, 1, 1, 0]);
    files[0]!.syncs[0]!.resolve();
    await runs[0];
    assert.deepEqual(begun(), [1, 1, 1, 1]);
    files[2]!.syncs[0]!.resolve();
    files[3]!.syncs[0]!.resolve();
    await Promise.all(runs);
  });

  it('serves all who wait for one file by one sync, which begins after the last of them asked', async () => {
    const { queue: syncs } = queue();
    const [one, other, busy] = [slowFile(), slowFile(), slowFile()];
    const first = syncs.run(one.file);
    const second = syncs.run(other.file);
    const waiting = [syncs.run(busy.file), syncs.run(busy.file), syncs.run(one.file)];
    assert.equal(syncs.waitingCount, 2);
    one.syncs[0]!.resolve();
    other.syncs[0]!.resolve();
    await Promise.all([first, second]);
    assert.equal(busy.syncs.length, 1);
    assert.equal(one.syncs.length, 2, 'the sync that was in flight does not count for who came later');
    busy.syncs[0]!.resolve();
    one.syncs[1]!.resolve();
    await Promise.all(waiting);
  });

  it('rejects all who wait for a sync that fails, and goes on', async () => {
    const { queue: syncs } = queue();
    const [one, other] = [slowFile(), slowFile()];
    const failing = syncs.run(one.file);
    void syncs.run(other.file);
    const waiting = [syncs.run(one.file), syncs.run(one.file)];
    one.syncs[0]!.reject(Object.assign(new Error('lost'), { code: 'EIO' }));
    await assert.rejects(failing, { code: 'EIO' });
    await turn();
    one.syncs[1]!.reject(Object.assign(new Error('lost'), { code: 'EIO' }));
    for (const each of waiting) await assert.rejects(each, { code: 'EIO' });
    other.syncs[0]!.resolve();
  });

  it('warns of a slow sync while it lasts', async () => {
    const { queue: syncs, timers, warnings } = queue();
    const { file, syncs: begun } = slowFile();
    const run = syncs.run(file);
    timers[0]?.();
    assert.equal(warnings.length, 1);
    begun[0]!.resolve();
    await run;
    assert.equal(timers.length, 0);
  });
});
