import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { UnknownFormatError } from '../../src/log/close-record.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { ForeignLogDirectoryError, lastCloseWasClean } from '../../src/log/log-directory.ts';
import type { DiskCall } from '../sim/disk-faults.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  BROKER,
  contentOf,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
  TOPIC_ID,
} from './log-in-world.ts';

const LOG_DIRECTORY = `${BROKER}/log`;
const SYNCS: ReadonlySet<DiskCall> = new Set<DiskCall>(['datasync', 'syncDirectory']);

/** Collects the calls of a kind that take effect from now on. */
function recordCalls(machine: SimMachine, wanted: (call: DiskCall, path: string) => boolean): string[] {
  const calls: string[] = [];
  machine.onDiskDone = (call, path) => {
    if (wanted(call, path)) calls.push(`${call} ${path.slice(BROKER.length + 1)}`);
  };
  return calls;
}

/** One process that opens, appends `values` as batches of one record, and closes. */
function life(machine: SimMachine, epoch: number, values: readonly string[] = ['x']): Promise<void> {
  return run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch: epoch });
    const log = await openLog(logs);
    for (const value of values) await (await append(log, batchOf([value]))).committed;
    await logs.close();
  });
}

async function write(env: Env, path: string, text: string): Promise<void> {
  const file = await env.disk.open(path, 'w+');
  await file.writev([Buffer.from(text)], 0);
  await file.truncate(Buffer.byteLength(text));
  await file.close();
}

/** The same object with its methods as its own, so that some can be replaced. */
function boundTo<T extends object>(object: T): T {
  return new Proxy({} as T, {
    get: (own, name) => {
      const value = Reflect.get(own, name) ?? Reflect.get(object, name, object);
      return typeof value === 'function' ? value.bind(object) : value;
    },
  });
}

describe('log: directory', () => {
  it('one open, append and close takes the eight sync calls of the table, and no more', async () => {
    const machine = newMachine();
    await life(machine, 1);
    const calls = recordCalls(machine, (call) => SYNCS.has(call));
    await life(machine, 2);
    assert.deepEqual(calls, [
      'syncDirectory log',
      'datasync log/t-0/00000000000000000000.log',
      'datasync close-record.tmp',
      'syncDirectory ',
      'datasync log/recovery-point-offset-checkpoint.tmp',
      'datasync log/replication-offset-checkpoint.tmp',
      'datasync log/.kafka_cleanshutdown.tmp',
      'syncDirectory log',
    ]);
  });

  it('without an append a close writes the marker alone', async () => {
    const machine = newMachine();
    await life(machine, 1);
    const calls = recordCalls(machine, (call) => SYNCS.has(call) || call === 'write');
    await life(machine, 2, []);
    assert.deepEqual(calls, [
      'syncDirectory log',
      'write log/.kafka_cleanshutdown.tmp',
      'datasync log/.kafka_cleanshutdown.tmp',
      'syncDirectory log',
    ]);
    assert.equal(
      contentOf(machine, `${LOG_DIRECTORY}/.kafka_cleanshutdown`).toString(),
      '{"version":0,"brokerEpoch":2}',
    );
  });

  it('after a clean close nothing is scanned, and the indexes are not read', async () => {
    const machine = newMachine();
    await life(
      machine,
      1,
      Array.from({ length: 200 }, () => 'x'.repeat(200)),
    );
    const calls = recordCalls(machine, (call, path) => /read/i.test(call) && /\d{20}/.test(path));
    await life(machine, 2);
    assert.deepEqual(calls, []);
  });

  it('the 500th open, append and close does what the second did', async () => {
    const machine = newMachine();
    await life(machine, 1);
    let calls = recordCalls(machine, () => true);
    await life(machine, 2);
    const second = calls.length;
    for (let epoch = 3; epoch < 500; epoch++) await life(machine, epoch);
    calls = recordCalls(machine, () => true);
    await life(machine, 500);
    assert.equal(calls.length, second);
    assert.equal(contentOf(machine, `${PARTITION}/leader-epoch-checkpoint`).toString(), '0\n1\n0 0\n');
    assert.equal(namesIn(machine, PARTITION).length, 6);
  });

  it('the index grows over many short lives as in one long one', async () => {
    const machine = newMachine();
    for (let epoch = 1; epoch <= 60; epoch++) await life(machine, epoch, ['x'.repeat(800)]);
    const index = contentOf(machine, `${PARTITION}/00000000000000000000.index`);
    assert.equal(index.length / 8, 11);
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      assert.equal((await readAll(log, 57)).length, 3);
    });
  });

  it('the marker is gone, durably, before anything is written', async () => {
    const machine = newMachine();
    await life(machine, 1);
    const calls = recordCalls(machine, (call) => call !== 'stat' && !/read|list/i.test(call));
    await run(machine, async (env) => {
      await openDirectory(env, { brokerEpoch: 2 });
    });
    assert.deepEqual(calls, ['unlink log/.kafka_cleanshutdown', 'syncDirectory log']);
  });

  it('says whether the last close was clean, without writing', async () => {
    const machine = newMachine();
    const clean = (previous?: number) => run(machine, (env) => lastCloseWasClean(env, BROKER, previous));
    assert.equal(await clean(), true);
    await life(machine, 4);
    assert.equal(await clean(), true);
    assert.equal(await clean(4), true);
    assert.equal(await clean(5), false);
    await run(machine, (env) => openDirectory(env));
    assert.equal(await clean(), false);
  });

  it('a caller that knows better than the marker is believed', async () => {
    const machine = newMachine();
    await life(machine, 1);
    const calls = recordCalls(machine, (call, path) => call === 'read' && path.endsWith('.log'));
    await run(machine, async (env) => {
      await openLog(await openDirectory(env, { lastCloseWasClean: false }));
    });
    assert.notEqual(calls.length, 0);
  });

  it('partitions that nobody opened keep their records, and cost nothing at the close', async () => {
    const machine = newMachine();
    const config = DEFAULT_LOG_CONFIG;
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      for (let partition = 0; partition < 5; partition++) {
        const log = await logs.openPartition({ topic: 't', partition, topicId: TOPIC_ID, config, leaderEpoch: 0 });
        await (await append(log, batchOf(['x'], { producerId: 7n, sequence: partition }))).committed;
      }
      await logs.close();
    });
    const calls = recordCalls(machine, (_, path) => /t-[1-4]/.test(path));
    await life(machine, 2);
    assert.deepEqual(calls, []);
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 3 });
      const log = await logs.openPartition({ topic: 't', partition: 3, topicId: TOPIC_ID, config, leaderEpoch: 0 });
      assert.equal((await append(log, batchOf(['x'], { producerId: 7n, sequence: 3 }))).duplicate, true);
    });
    const lines = contentOf(machine, `${LOG_DIRECTORY}/recovery-point-offset-checkpoint`).toString();
    assert.equal(lines, '0\n5\nt 0 2\nt 1 1\nt 2 1\nt 3 1\nt 4 1\n');
  });

  it('checkpoints are written five seconds after a log grew, and not while nothing happens', async () => {
    const machine = newMachine();
    const calls = recordCalls(machine, (call, path) => call === 'rename' && path.endsWith('-checkpoint'));
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      await (await append(log, batchOf(['x']))).committed;
      calls.length = 0;
      await env.clock.sleep(4900);
      assert.deepEqual(calls, []);
      await env.clock.sleep(1500);
      assert.deepEqual(calls, [
        'rename log/recovery-point-offset-checkpoint',
        'rename log/replication-offset-checkpoint',
      ]);
      await env.clock.sleep(60_000);
      assert.equal(calls.length, 2);
    });
  });

  it('after a crash only what lies past the recovery point is checked byte by byte', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env));
      for (let index = 0; index < 20; index++) await (await append(log, batchOf([Buffer.alloc(300_000)]))).committed;
      await env.clock.sleep(6000);
      await (await append(log, batchOf(['x']))).committed;
    });
    let bytes = 0;
    const calls = recordCalls(machine, (call, path) => call === 'write' && path.endsWith('.log'));
    await run(machine, async (env) => {
      const disk = boundTo(env.disk);
      disk.open = async (path, mode) => {
        const file = boundTo(await env.disk.open(path, mode));
        const { read } = file;
        file.read = async (...wanted) => {
          const count = await read(...wanted);
          bytes += count;
          return count;
        };
        return file;
      };
      const log = await openLog(await openDirectory({ ...env, disk }));
      assert.equal(log.highWatermark, 21);
    });
    assert.ok(bytes < 600_000, `${bytes} bytes read`);
    assert.equal(calls.length, 1);
  });

  it('a directory of another cluster or broker is refused, nothing in it changed', async () => {
    const machine = newMachine();
    await life(machine, 1);
    const calls = recordCalls(machine, (call) => ['unlink', 'write', 'rename', 'mkdir'].includes(call));
    await run(machine, async (env) => {
      await assert.rejects(openDirectory(env, { clusterId: 'other' }), ForeignLogDirectoryError);
      await assert.rejects(openDirectory(env, { brokerId: 2 }), ForeignLogDirectoryError);
    });
    assert.deepEqual(calls, []);
  });

  it('a close record of a later version is refused before anything is written', async () => {
    const machine = newMachine();
    await life(machine, 1);
    await run(machine, (env) => write(env, `${BROKER}/close-record`, 'streamctl-close-record 3 0 00000000\n'));
    const calls = recordCalls(machine, (call) => ['unlink', 'write', 'rename', 'mkdir'].includes(call));
    await run(machine, (env) => assert.rejects(openDirectory(env), UnknownFormatError));
    assert.deepEqual(calls, []);
  });

  it('a partition is opened once', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      assert.equal(logs.opened('t', 0), undefined);
      const [first, second] = await Promise.all([openLog(logs), openLog(logs)]);
      assert.equal(first, second);
      assert.equal(logs.opened('t', 0), first);
    });
  });

  it('a deleted partition leaves nothing, and one of the same name begins anew', async () => {
    const machine = newMachine();
    await life(machine, 1);
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      await openLog(logs);
      await logs.deletePartition('t', 0, 'xxxxxxxxxxxxxxxxxxxxxx');
      assert.notEqual(machine.files.find(PARTITION), undefined);
      await logs.deletePartition('t', 0, TOPIC_ID);
      assert.equal(machine.files.find(PARTITION), undefined);
      assert.equal(logs.opened('t', 0), undefined);
      const topicId = 'AAAAAAAAAAAAAAAAAAAABQ';
      const log = await logs.openPartition({
        topic: 't',
        partition: 0,
        topicId,
        config: DEFAULT_LOG_CONFIG,
        leaderEpoch: 0,
      });
      assert.equal((await append(log, batchOf(['x']))).baseOffset, 0);
      await logs.close();
    });
    assert.deepEqual(namesIn(machine, LOG_DIRECTORY), [
      '.kafka_cleanshutdown',
      'meta.properties',
      'recovery-point-offset-checkpoint',
      'replication-offset-checkpoint',
      't-0',
    ]);
    assert.match(contentOf(machine, `${PARTITION}/partition.metadata`).toString(), /AAAAAAAAAAAAAAAAAAAABQ$/);
  });

  it('a deletion that a crash cuts anywhere leaves the old log, or none', async () => {
    for (let cut = 1; cut < 40; cut++) {
      const machine = newMachine(cut);
      await life(machine, 1, ['a', 'b', 'c']);
      let left = cut;
      machine.spawn('deleter', async ({ env }) => {
        const logs = await openDirectory(env, { brokerEpoch: 2 });
        machine.onDiskCall = () => {
          left -= 1;
          if (left === 0) machine.cutPower();
        };
        await logs.deletePartition('t', 0, TOPIC_ID);
        return 0;
      });
      await machine.world.run(() => machine.alive().length === 0, 10_000);
      machine.onDiskCall = () => undefined;
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 3 });
        const topicId = 'AAAAAAAAAAAAAAAAAAAABQ';
        const log = await logs.openPartition({
          topic: 't',
          partition: 0,
          topicId,
          config: DEFAULT_LOG_CONFIG,
          leaderEpoch: 0,
        });
        assert.equal(log.damagedAt, undefined);
        const appended = await append(log, batchOf(['x']));
        assert.equal(appended.baseOffset, 0);
        await appended.committed;
      });
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 4 });
        const topicId = 'AAAAAAAAAAAAAAAAAAAABQ';
        const log = await logs.openPartition({
          topic: 't',
          partition: 0,
          topicId,
          config: DEFAULT_LOG_CONFIG,
          leaderEpoch: 0,
        });
        assert.equal(log.damagedAt, undefined);
        assert.equal(log.highWatermark, 1);
        assert.ok(!namesIn(machine, LOG_DIRECTORY).some((name) => name.endsWith('-delete')));
      });
    }
  });

  it('a log of another topic id is put aside, never revived', async () => {
    const machine = newMachine();
    await life(machine, 1);
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      const topicId = 'AAAAAAAAAAAAAAAAAAAABQ';
      const log = await logs.openPartition({
        topic: 't',
        partition: 0,
        topicId,
        config: DEFAULT_LOG_CONFIG,
        leaderEpoch: 0,
      });
      assert.equal(log.logEndOffset, 0);
      await logs.close();
    });
    const aside = namesIn(machine, LOG_DIRECTORY).filter((name) => name.endsWith('-stray'));
    assert.equal(aside.length, 1);
    assert.notEqual(machine.files.find(`${LOG_DIRECTORY}/${aside[0]}/00000000000000000000.log`), undefined);
  });

  it('two closes and opens of an empty directory leave it empty', async () => {
    const machine = newMachine();
    await life(machine, 1, []);
    await life(machine, 2, []);
    assert.deepEqual(namesIn(machine, BROKER), []);
  });

  it('a process that lost the directory writes no marker and no record', async () => {
    const machine = newMachine();
    await life(machine, 1);
    await run(machine, async (env) => {
      let may = true;
      const logs = await openDirectory(env, { brokerEpoch: 2, canWrite: () => may });
      await (await append(await openLog(logs), batchOf(['x']))).committed;
      const calls = recordCalls(machine, (call) => ['write', 'rename', 'unlink'].includes(call));
      may = false;
      await logs.close();
      assert.deepEqual(calls, []);
    });
  });
});
