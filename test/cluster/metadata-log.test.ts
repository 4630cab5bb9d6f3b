import assert from 'node:assert/strict';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { compact, ENTRIES_KEPT, SNAPSHOT_EVERY, SNAPSHOTS_KEPT, snapshotIsDue } from '../../src/cluster/compaction.ts';
import { encodeEntry, entryHead } from '../../src/cluster/entries.ts';
import {
  clusterFolder,
  entryFile,
  entryFolder,
  reserveFile,
  snapshotFile,
  temporaryFile,
} from '../../src/cluster/layout.ts';
import type { MetadataLog } from '../../src/cluster/metadata-log.ts';
import type { Env } from '../../src/kernel/env.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { registration } from './images.ts';
import { DIRECTORY, inWorld, openLog, runToEnd } from './in-world.ts';

/** Appends `count` registrations. */
async function fill(log: MetadataLog, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await log.append((image) => registration(image));
}

async function rejectsWith(kind: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof ClusterError && error.kind === kind);
}

async function overwrite(env: Env, path: string, bytes: Buffer): Promise<void> {
  const file = await env.disk.open(path, 'w+');
  await file.truncate(0);
  await file.writev([bytes], 0);
  await file.close();
}

describe('cluster: metadata log', () => {
  it('of all who try for a number exactly one wins it, and all read the same', async () => {
    const world = new World({ seed: 11 });
    const machine = new SimMachine(world, 'm');
    const won = new Map<number, string>();
    const writers = 8;
    const each = 20;
    for (let at = 0; at < writers; at++) {
      machine.spawn(`w${at}`, async ({ env }) => {
        const log = await openLog(env);
        for (let turn = 0; turn < each; turn++) {
          const uuid = env.random.uuid();
          let number = 0;
          await log.append((image) => {
            number = image.lastNumber + 1;
            return { ...entryHead(uuid, at, 0), type: 'producer-id-block' };
          });
          if (won.has(number)) world.violate('two winners', `${number}`);
          won.set(number, uuid);
        }
        return 0;
      });
    }
    await runToEnd(machine, 600_000);
    assert.deepEqual(
      [...won.keys()].sort((a, b) => a - b),
      Array.from({ length: writers * each }, (_, at) => at + 1),
    );
    machine.spawn('reader', async ({ env }) => {
      assert.equal((await openLog(env)).image.lastNumber, writers * each);
      for (const [number, uuid] of won) {
        const text = (await env.disk.readFile(entryFile(DIRECTORY, number))).toString();
        assert.ok(text.includes(uuid));
      }
      return 0;
    });
    await runToEnd(machine, 600_000);
  });

  it('an entry costs two sync calls', () =>
    inWorld(12, async (env, machine) => {
      const log = await openLog(env);
      const calls: string[] = [];
      machine.hardware.faults = (call) => {
        if (call === 'datasync' || call === 'syncDirectory') calls.push(call);
        return undefined;
      };
      await fill(log, 1);
      assert.deepEqual(calls, ['datasync', 'syncDirectory']);
    }));

  it('what was appended is there after any power cut', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World({ seed });
      const machine = new SimMachine(world, 'm');
      let appended = 0;
      machine.spawn('writer', async ({ env }) => {
        const log = await openLog(env);
        for (;;) {
          await fill(log, 1);
          appended++;
          if (snapshotIsDue(log.image.lastNumber, log.newestSnapshot) || appended % 7 === 0) {
            await compact(env, DIRECTORY, log.image);
          }
        }
      });
      await world.run(() => false, 60 + (seed % 10) * 20);
      machine.cutPower();
      machine.spawn('reader', async ({ env }) => {
        const { image } = await openLog(env);
        assert.ok(image.lastNumber >= appended, `seed ${seed}: ${image.lastNumber} of ${appended}`);
        return 0;
      });
      await runToEnd(machine, 60_000);
    }
  });

  it('a reader begins at the newest snapshot that is whole, and misses nothing', () =>
    inWorld(13, async (env) => {
      const log = await openLog(env);
      await fill(log, 5);
      await compact(env, DIRECTORY, log.image);
      await fill(log, 5);
      await compact(env, DIRECTORY, log.image);
      await fill(log, 3);
      assert.deepEqual((await openLog(env)).image, log.image);
      await overwrite(env, snapshotFile(DIRECTORY, 10), Buffer.from('{"crc":'));
      assert.deepEqual((await openLog(env)).image, log.image);
      await env.disk.remove(entryFile(DIRECTORY, 8));
      await rejectsWith('damaged', openLog(env));
    }));

  it('a damaged entry, and one of a newer streamctl, are refused, not skipped', () =>
    inWorld(14, async (env) => {
      await fill(await openLog(env), 2);
      const path = entryFile(DIRECTORY, 2);
      const bytes = await env.disk.readFile(path);
      await overwrite(env, path, bytes.subarray(0, -5));
      await rejectsWith('damaged', openLog(env));
      await overwrite(env, path, Buffer.from('{"crc":"00000000","entry":{"v":2}}\n'));
      await rejectsWith('damaged', openLog(env));
    }));

  for (const missing of [1, 3]) {
    it(`entry ${missing} missing below others is damage, not the end of the log`, () =>
      inWorld(22, async (env) => {
        await fill(await openLog(env), 5);
        await env.disk.remove(entryFile(DIRECTORY, missing));
        await rejectsWith('damaged', openLog(env));
      }));
  }

  it('entries that are appended while a log is opened are no holes', () =>
    inWorld(24, async (env, machine) => {
      await fill(await openLog(env), 3);
      machine.spawn('other', async (other) => {
        await fill(await openLog(other.env), 60);
        return 0;
      });
      for (let at = 0; at < 40; at++) await openLog(env);
    }));

  for (const [what, pathOf] of [
    ['the folder of the entries', entryFolder],
    ['the folder above it', clusterFolder],
  ] as const) {
    it(`a cluster without ${what} is damaged`, () =>
      inWorld(23, async (env) => {
        await fill(await openLog(env), 2);
        await env.disk.removeTree(pathOf(DIRECTORY));
        await rejectsWith('damaged', openLog(env));
      }));
  }

  it('compaction keeps a thousand entries behind the newest snapshot and few files in all', () =>
    inWorld(15, async (env) => {
      const log = await openLog(env);
      const stale = temporaryFile(entryFolder(DIRECTORY), 'left');
      await overwrite(env, stale, Buffer.from('x'));
      await env.clock.sleep(7_200_000);
      let most = 0;
      for (let turn = 0; turn < 14; turn++) {
        await fill(log, SNAPSHOT_EVERY);
        assert.equal(snapshotIsDue(log.image.lastNumber, turn * SNAPSHOT_EVERY), true);
        most = Math.max(most, await fileCount(env));
        await compact(env, DIRECTORY, log.image);
      }
      assert.ok(most <= 1200, `${most} files`);
      const { lastNumber } = log.image;
      const names = await env.disk.list(entryFolder(DIRECTORY));
      assert.equal(names.length, ENTRIES_KEPT);
      assert.equal(
        names[0],
        entryFile('', lastNumber - ENTRIES_KEPT + 1)
          .split('/')
          .at(-1),
      );
      const snapshots = (await env.disk.list(clusterFolder(DIRECTORY))).filter((name) => name.startsWith('snapshot'));
      assert.equal(snapshots.length, SNAPSHOTS_KEPT);
      assert.deepEqual((await openLog(env)).image, log.image);
    })).timeout(60_000);

  it('a writer that slept until its number was compacted away counts as lost, although its link succeeds', () =>
    inWorld(16, async (env) => {
      const zombie = await openLog(env);
      await fill(zombie, 3);
      const log = await openLog(env);
      await fill(log, ENTRIES_KEPT + 50);
      await compact(env, DIRECTORY, log.image);
      assert.equal(await env.disk.stat(entryFile(DIRECTORY, 4)), undefined);
      const seen: number[] = [];
      await zombie.append((image) => {
        seen.push(image.lastNumber);
        return seen.length === 1 ? { ...entryHead('z', 9, 9), type: 'producer-id-block' } : undefined;
      });
      assert.deepEqual(seen, [3, ENTRIES_KEPT + 53], 'it was asked again, with all that it had missed');
      assert.deepEqual(zombie.image, log.image);
      assert.deepEqual((await openLog(env)).image, log.image, 'readers never look at the file');
    })).timeout(60_000);

  it('a link whose answer was lost is known by its uuid', () =>
    inWorld(17, async (env) => {
      const log = await openLog(env);
      const entry = registration(log.image);
      // What the first attempt left behind, as a network file system may.
      const link = env.disk.link.bind(env.disk);
      let lost = true;
      env.disk.link = async (from, to) => {
        await link(from, to);
        if (lost) {
          lost = false;
          throw Object.assign(new Error('lost answer'), { code: 'EEXIST' });
        }
      };
      const image = await log.append(() => entry);
      assert.equal(image.lastNumber, 1);
      assert.equal(image.brokers.get(1)?.incarnation, entry.uuid);
    }));

  it('a full disk costs the reserve, once', () =>
    inWorld(18, async (env, machine) => {
      const log = await openLog(env);
      assert.ok(await env.disk.stat(reserveFile(DIRECTORY)));
      machine.hardware.faults = (call, path) =>
        call === 'write' && path.includes('.tmp-') && machine.files.find(reserveFile(DIRECTORY)) !== undefined
          ? { kind: 'error', code: 'EDQUOT' }
          : undefined;
      await fill(log, 1);
      assert.equal(await env.disk.stat(reserveFile(DIRECTORY)), undefined);
      machine.hardware.faults = (call) => (call === 'write' ? { kind: 'error', code: 'EDQUOT' } : undefined);
      await assert.rejects(
        fill(log, 1),
        (error) => error instanceof Error && 'code' in error && error.code === 'EDQUOT',
      );
      machine.hardware.faults = () => undefined;
      await fill(log, 1);
      assert.equal((await openLog(env)).image.lastNumber, 2);
    }));

  it('after a sync of the folder that failed nothing more is appended', () =>
    inWorld(21, async (env, machine) => {
      const log = await openLog(env);
      const isEio = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EIO';
      machine.hardware.faults = (call) => (call === 'syncDirectory' ? { kind: 'error', code: 'EIO' } : undefined);
      await assert.rejects(fill(log, 1), isEio);
      machine.hardware.faults = () => undefined;
      await assert.rejects(fill(log, 1), isEio);
      assert.equal((await env.disk.list(entryFolder(DIRECTORY))).length, 1);
      assert.equal((await log.catchUp()).lastNumber, 1, 'reading goes on');
    }));

  it('a file system without hard links is refused', () =>
    inWorld(19, async (env) => {
      const log = await openLog(env);
      env.disk.link = async () => {
        throw Object.assign(new Error('no links'), { code: 'ENOTSUP' });
      };
      await rejectsWith('unsupported', fill(log, 1));
      assert.equal((await env.disk.list(entryFolder(DIRECTORY))).length, 0, 'no temporary file is left');
    }));

  it('listeners hear of every change until they leave', () =>
    inWorld(20, async (env) => {
      const log = await openLog(env);
      const seen: number[] = [];
      const leave = log.onChange(() => seen.push(log.image.lastNumber));
      await fill(log, 1);
      const other = await openLog(env);
      await fill(other, 2);
      await log.catchUp();
      leave();
      await fill(log, 1);
      assert.deepEqual(seen, [1, 3]);
      assert.equal(log.image.lastNumber, 4);
      assert.ok(encodeEntry(registration(log.image)).length > 0);
    }));
});

async function fileCount(env: Env): Promise<number> {
  return (await env.disk.list(clusterFolder(DIRECTORY))).length + (await env.disk.list(entryFolder(DIRECTORY))).length;
}
