/** One pass over a log on the simulated machine: what stays of it, and what the log tells afterwards. */
import assert from 'node:assert/strict';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../src/log/log-config.ts';
import { verifyPartition } from '../../../src/log/offline/verify-partition.ts';
import type { SimMachine } from '../../sim/sim-machine.ts';
import {
  append,
  contentOf,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  run,
  TOPIC_ID,
} from '../log-in-world.ts';
import { COMPACTED, checkCompacted, ORDER, readLog, recordsOf } from './compacted-log.ts';
import { type KeyedRecord, keyedBatch, marker, type ReadBatch, type ReadRecord } from './keyed-batches.ts';

type Log = Awaited<ReturnType<typeof openLog>>;
type Options = NonNullable<Parameters<typeof keyedBatch>[1]>;

const PAD = 'x'.repeat(60);
const CHECKPOINT = '/d/brokers/1/log/cleaner-offset-checkpoint';

async function put(log: Log, records: readonly KeyedRecord[], options: Options = {}): Promise<void> {
  await (await append(log, keyedBatch(records, options))).committed;
}

/** As from a leader: markers, and batches of transactions. */
async function follow(log: Log, bytes: (options: Options) => Buffer): Promise<void> {
  const records = [bytes({ baseOffset: log.logEndOffset, leaderEpoch: 0 })];
  await (await log.append({ records, origin: 'follower', leaderEpoch: 0 })).committed;
}

/** Seals what was put so far. */
async function fill(log: Log): Promise<void> {
  await put(log, [['filler', 'f'.repeat(300)]]);
}

function texts(batches: readonly ReadBatch[]): string[] {
  return recordsOf(batches).flatMap(({ offset, key, value }) =>
    key === 'filler' ? [] : [`${offset} ${key}=${value?.replaceAll('x', '') ?? null}`],
  );
}

function logsIn(machine: SimMachine): number[] {
  return namesIn(machine, PARTITION)
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number(name.slice(0, 20)));
}

describe('log: a pass of compaction', () => {
  it('keeps the newest record of each key, under its offset, and the active segment whole', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, segmentBytes: 500 });
      for (let index = 0; index < 8; index++)
        await put(log, [
          [`k${index % 2}`, `${index}${PAD}`],
          [`only-${index}`, ''],
        ]);
      assert.deepEqual(logsIn(machine), [0, 6, 12]);
      assert.equal(await logs.compact(ORDER), 'done');
      const expected = [
        '1 only-0=',
        '3 only-1=',
        '5 only-2=',
        '7 only-3=',
        '8 k0=4',
        '9 only-4=',
        '10 k1=5',
        '11 only-5=',
      ];
      const active = ['12 k0=6', '13 only-6=', '14 k1=7', '15 only-7='];
      assert.deepEqual(texts(await readLog(log)), [...expected, ...active]);
      assert.deepEqual(logsIn(machine), [0, 6, 12], 'together they were too large for one');
      assert.equal(contentOf(machine, CHECKPOINT).toString(), '0\n1\nt 0 12\n');
      assert.equal(await logs.compact(ORDER), undefined, 'nothing is dirty');
    });
  });

  it('keeps of a key that was deleted its tombstone, until that is older than delete.retention.ms', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, deleteRetentionMs: 5000 });
      await put(log, [
        ['a', PAD],
        ['b', '1'],
      ]);
      await put(
        log,
        [
          ['a', null],
          ['c', '2'],
        ],
        { timestamp: 1_700_000_000_000n },
      );
      await fill(log);
      const nowMs = env.clock.wallMs();
      assert.equal(await logs.compact(ORDER), 'done');
      const batches = await readLog(log);
      assert.deepEqual(texts(batches), ['1 b=1', '2 a=null', '3 c=2']);
      const horizon = batches.find(({ attributes }) => (attributes & 0x40) !== 0);
      assert.ok(horizon !== undefined && Math.abs(Number(horizon.baseTimestamp) - nowMs - 5000) < 1000);
      assert.deepEqual(
        horizon.records.map(({ timestamp }) => timestamp),
        [1_700_000_000_000n, 1_700_000_000_001n],
      );
      assert.equal(horizon.maxTimestamp, 1_700_000_000_001n);
      await fill(log);
      await logs.compact(ORDER);
      assert.ok(texts(await readLog(log)).includes('2 a=null'), 'too early');
      await env.clock.sleep(6000);
      await fill(log);
      await logs.compact(ORDER);
      assert.deepEqual(texts(await readLog(log)), ['1 b=1', '3 c=2']);
    });
  });

  it('keeps codec, leader epoch, producer and the kind of timestamp of what it writes anew', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, segmentBytes: 250 });
      await put(
        log,
        [
          ['a', PAD],
          ['b', PAD],
        ],
        { gzip: true, producerId: 7n, epoch: 0, sequence: 0 },
      );
      log.setConfig({ ...configOf(), timestampType: 'LogAppendTime' });
      await put(log, [
        ['c', PAD],
        ['a', PAD],
      ]);
      await put(log, [['c', PAD]]);
      await fill(log);
      const before = await readLog(log);
      assert.equal(await logs.compact(ORDER), 'done');
      const after = await readLog(log);
      assert.deepEqual(texts(after), ['1 b=', '3 a=', '4 c=']);
      for (const batch of after) {
        const {
          records: _,
          baseTimestamp: __,
          ...was
        } = before.find(({ baseOffset }) => baseOffset === batch.baseOffset)!;
        const { records: ___, baseTimestamp: ____, ...is } = batch;
        assert.deepEqual(is, was);
      }
      assert.deepEqual(
        after.slice(0, 2).map(({ attributes }) => attributes),
        [1, 8],
      );
    });
  });

  it('keeps, without records, the last batch of a producer and of a segment that becomes part of another', async () => {
    const machine = newMachine();
    const keyed = (index: number) =>
      keyedBatch([['k', `${index}${PAD}`]], { producerId: BigInt(index % 2), sequence: index >> 1 });
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      for (let index = 0; index < 6; index++) await (await append(log, keyed(index))).committed;
      await put(log, [['k', 'last']]);
      await put(log, [['filler', 'x'.repeat(300)]]);
      assert.equal(await logs.compact(ORDER), 'done');
      const batches = await readLog(log);
      assert.deepEqual(
        batches.map(({ baseOffset, records, producerId, sequence }) => [
          baseOffset,
          records.length,
          producerId,
          sequence,
        ]),
        [
          [2, 0, 0n, 1],
          [4, 0, 0n, 2],
          [5, 0, 1n, 2],
          [6, 1, -1n, -1],
          [7, 1, -1n, -1],
        ],
      );
      assert.ok(batches.every(({ maxTimestamp }) => maxTimestamp > 0n));
      const late = await log.offsetOfMaxTimestamp();
      assert.ok(late !== undefined && late.offset >= 6, 'no index speaks of records that are gone');
    });
    // Killed: without the snapshots, the log alone knows the producers.
    for (const name of namesIn(machine, PARTITION))
      if (name.endsWith('.snapshot')) machine.files.unlink(`${PARTITION}/${name}`);
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 2 }), COMPACTED);
      for (const index of [4, 5]) assert.equal((await append(log, keyed(index))).duplicate, true, `batch ${index}`);
    });
  });

  it('takes what was aborted at once, and a marker when nothing of its transaction is left and its horizon has passed', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, segmentBytes: 900, deleteRetentionMs: 5000 });
      await put(log, [
        ['a', 'before'],
        ['b', 'before'],
      ]);
      await follow(log, (at) =>
        keyedBatch([['a', 'aborted']], { ...at, attributes: 0x10, producerId: 8n, sequence: 0 }),
      );
      await follow(log, (at) =>
        keyedBatch([['b', 'committed']], { ...at, attributes: 0x10, producerId: 9n, sequence: 0 }),
      );
      await follow(log, (at) => marker('abort', 8n, at));
      await follow(log, (at) => marker('commit', 9n, at));
      await put(log, [['filler', 'f'.repeat(600)]]);
      await put(log, [['filler', 'f'.repeat(600)]]);
      assert.equal(await logs.compact(ORDER), 'done');
      const kinds = async () =>
        (await readLog(log)).map(
          ({ baseOffset, attributes, records }) => `${baseOffset} ${attributes} ${records.length}`,
        );
      // Producer 8's last sequence stays, in a batch without records; the horizon of its marker begins when that is seen alone.
      assert.deepEqual((await kinds()).slice(0, 5), ['0 0 1', '2 16 0', '3 16 1', '4 48 1', '5 48 1']);
      assert.deepEqual(texts((await readLog(log)).filter(({ attributes }) => (attributes & 0x20) === 0)), [
        '0 a=before',
        '3 b=committed',
      ]);
    });
  });

  it('never reaches an open transaction', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      await put(log, [['a', `1${PAD}`]]);
      await put(log, [['a', `2${PAD}`]]);
      await follow(log, (at) => keyedBatch([['a', 'open']], { ...at, attributes: 0x10, producerId: 8n, sequence: 0 }));
      await put(log, [['a', `3${PAD}`]]);
      await fill(log);
      await fill(log);
      assert.equal(await logs.compact(ORDER), 'done');
      assert.deepEqual(texts(await readLog(log)), ['1 a=2', '2 a=open', '3 a=3']);
      assert.equal(await logs.compact(ORDER), 'stopped', 'it came nowhere');
      assert.equal(await logs.compact(ORDER), undefined, 'and rests');
      await follow(log, (at) => marker('abort', 8n, at));
      await env.clock.sleep(61_000);
      await fill(log);
      assert.equal(await logs.compact(ORDER), 'done');
      const left = (await readLog(log)).filter(({ attributes }) => (attributes & 0x20) === 0);
      assert.deepEqual(texts(left), ['3 a=3']);
    });
  });

  it('is done in parts when the keys do not fit into its memory', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, COMPACTED);
      const appended: ReadRecord[] = [];
      for (let index = 0; index < 60; index++) {
        const records: KeyedRecord[] = [
          [`k${(index * 7) % 40}`, `${index}`],
          [`k${index % 25}`, `${index}!`],
        ];
        appended.push(
          ...records.map(([key, value], at) => ({
            offset: index * 2 + at,
            timestamp: 1_767_225_600_000n + BigInt(at),
            key,
            value,
          })),
        );
        await put(log, records);
      }
      let passes = 0;
      while ((await logs.compact({ ...ORDER, mapBytes: 0 })) === 'done') passes += 1;
      assert.ok(passes > 3, `${passes} passes`);
      await checkCompacted(log, appended, 120);
    });
  });

  it('leaves what is younger than min.compaction.lag.ms', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, minCompactionLagMs: 60_000 });
      const timestamp = (): bigint => BigInt(env.clock.wallMs());
      for (let index = 0; index < 4; index++) await put(log, [['a', `${index}${PAD}`]], { timestamp: timestamp() });
      assert.equal(await logs.compact(ORDER), undefined);
      await env.clock.sleep(61_000);
      for (let index = 4; index < 8; index++) await put(log, [['a', `${index}${PAD}`]], { timestamp: timestamp() });
      assert.equal(await logs.compact(ORDER), 'done');
      assert.equal(texts(await readLog(log)).at(-4), '4 a=4');
    });
  });

  it('leaves segments without records as old as their records were, for retention', async () => {
    await run(newMachine(), async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, cleanupPolicy: 'compact,delete', retentionMs: 1000 });
      await put(log, [['a', PAD]], { timestamp: 1000n });
      await put(log, [['a', PAD]], { timestamp: 1000n });
      const now = BigInt(env.clock.wallMs());
      for (let index = 0; index < 6; index++) await put(log, [['a', PAD]], { timestamp: now });
      assert.equal(await logs.compact(ORDER), 'done');
      const [first] = await readLog(log);
      assert.deepEqual([first?.records.length, first?.maxTimestamp], [0, 1000n]);
      assert.ok((await logs.sweep()) >= 1);
      assert.ok(log.logStartOffset > 0);
    });
  });

  it('is told by the close record, and nothing is scanned by the next open; log verify finds nothing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...COMPACTED, cleanupPolicy: 'delete' });
      for (let index = 0; index < 9; index++) await put(log, [[`k${index % 2}`, `${index}${PAD}`]]);
      await logs.close();
    });
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      await openLog(logs, COMPACTED);
      assert.equal(await logs.compact(ORDER), 'done');
      await logs.close();
    });
    await run(machine, async (env) => {
      const read: string[] = [];
      machine.onDiskCall = (call) => {
        if (call === 'read') read.push(call);
      };
      const logs = await openDirectory(env, { brokerEpoch: 3 });
      const log = await openLog(logs, { ...COMPACTED, cleanupPolicy: 'delete' });
      assert.deepEqual(read, []);
      machine.onDiskCall = () => undefined;
      assert.deepEqual(texts(await readLog(log)), ['4 k0=4', '5 k1=5', '6 k0=6', '7 k1=7', '8 k0=8']);
      await logs.close();
      const wanted = {
        ours: true,
        topicId: TOPIC_ID,
        promisedEnd: Number.POSITIVE_INFINITY,
        logStartOffset: 0,
        live: false,
        deep: true,
      };
      for (const compacted of [true, false]) {
        const closed = (await openDirectory(env, { brokerEpoch: 4 })).closedPartition('t', 0, TOPIC_ID);
        assert.equal(closed?.gaps, true);
        const { findings } = await verifyPartition(env, PARTITION, { ...wanted, compacted, closed });
        assert.deepEqual(findings, []);
      }
    });
  });
});

function configOf(): LogConfig {
  return { ...DEFAULT_LOG_CONFIG, retentionMs: Number.POSITIVE_INFINITY, timestampAfterMaxMs: 1n << 62n, ...COMPACTED };
}
