/**
 * One sweep under kills and power cuts at each of its calls of the file system, with each way of losing what was not synced: the
 * log opens undamaged, starts where it once said or later, holds all from there on, and knows every producer (I-10, I-26, I-5).
 */
import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../src/log/log-config.ts';
import type { PartitionLog } from '../../src/log/partition-log.ts';
import type { SweepOrder } from '../../src/log/retention.ts';
import { FILE_LOSSES } from '../sim/file-content.ts';
import { FOLDER_LOSSES, type LossModels } from '../sim/file-system.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  readAll,
  run,
  runUntil,
} from './log-in-world.ts';

const CONFIG = { segmentBytes: 600, indexIntervalBytes: 100, fileDeleteDelayMs: 20 };
const BATCH_COUNT = 9;
const CALLS_MAX = 200;

interface Story {
  readonly name: string;
  readonly config: Partial<LogConfig>;
  /** Before calls are counted. */
  readonly settleMs?: number;
  /** What happens while calls are counted; `shown` is told of each log start that a client could see. */
  readonly act: (
    env: Env,
    log: PartitionLog,
    sweep: (order?: SweepOrder) => Promise<unknown>,
    shown: (start: number) => void,
  ) => Promise<void>;
}

const STORIES: readonly Story[] = [
  {
    name: 'retention by size',
    config: { retentionBytes: 700 },
    act: async (env, log, sweep, shown) => {
      await sweep();
      shown(log.logStartOffset);
      await env.clock.sleep(50);
    },
  },
  {
    name: 'retention of all, the active segment rolled',
    config: { retentionBytes: 0 },
    act: async (env, log, sweep, shown) => {
      await sweep();
      shown(log.logStartOffset);
      await env.clock.sleep(50);
    },
  },
  {
    name: 'DeleteRecords, then a sweep',
    config: {},
    act: async (env, log, sweep, shown) => {
      shown(await log.deleteRecords(7));
      shown(await log.deleteRecords(13));
      await sweep();
      await env.clock.sleep(50);
    },
  },
  {
    name: 'want of room, files removed at once',
    config: {},
    act: async (_env, log, sweep, shown) => {
      for (let round = 0; round < 2; round++) {
        await sweep({ giveCounts: new Map([[log.name, 1]]), atOnce: true });
        shown(log.logStartOffset);
      }
    },
  },
  {
    name: 'want of room, the active segment is too large and goes too',
    config: {},
    act: async (_env, log, sweep, shown) => {
      log.setConfig({ ...DEFAULT_LOG_CONFIG, ...CONFIG, retentionMs: Number.POSITIVE_INFINITY, rollBytes: 1 });
      await sweep({ giveCounts: new Map([[log.name, 99]]), atOnce: true });
      assert.equal(log.logStartOffset, log.logEndOffset);
      shown(log.logStartOffset);
    },
  },
  {
    name: 'a sweep in a log that is synced when the system likes',
    config: { retentionBytes: 0, durability: 'os' },
    settleMs: 5000,
    act: async (env, log, sweep, shown) => {
      await sweep();
      shown(log.logStartOffset);
      await env.clock.sleep(50);
    },
  },
];

/** LOG_CRASH_ALL: each loss of files with each of folders, else each loss of files with one of folders. */
const POWER_CUTS: readonly LossModels[] = FILE_LOSSES.flatMap((file, index) => {
  const one = FOLDER_LOSSES[index % FOLDER_LOSSES.length];
  return FOLDER_LOSSES.filter((folder) => process.env['LOG_CRASH_ALL'] !== undefined || folder === one).map(
    (folder) => ({ file: [file], folder: [folder] }),
  );
});

function batch(index: number): Buffer {
  // Each producer writes once: only a snapshot knows the first of them when their batches are gone.
  return batchOf([`${index}/${'x'.repeat(100)}`, 'y'.repeat(100)], { producerId: BigInt(100 + index), sequence: 0 });
}

/** Lives through `story` and ends at its n-th call; answers whether it got there. */
async function crashedAt(
  machine: SimMachine,
  story: Story,
  call: number,
  losses: LossModels | undefined,
): Promise<{ struck: boolean; shown: number; committed: number }> {
  let left = Number.POSITIVE_INFINITY;
  let struck = false;
  let shown = 0;
  let committed = 0;
  machine.onDiskCall = (_call, process) => {
    left -= 1;
    if (left !== 0) return;
    struck = true;
    if (losses === undefined) process.kill('test');
    else machine.cutPower(losses);
  };
  machine.spawn('sweeper', async ({ env }) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, { ...CONFIG, ...story.config });
    for (let index = 0; index < BATCH_COUNT; index++) await (await append(log, batch(index))).committed;
    if (story.config.durability === undefined) committed = BATCH_COUNT;
    await env.clock.sleep(story.settleMs ?? 0);
    left = call;
    await story.act(
      env,
      log,
      (order) => logs.sweep(order),
      (start) => {
        shown = Math.max(shown, start);
      },
    );
    left = Number.POSITIVE_INFINITY;
    return 0;
  });
  await runUntil(machine, () => machine.alive().length === 0);
  machine.onDiskCall = () => undefined;
  if (!struck && losses !== undefined) machine.cutPower(losses);
  return { struck, shown, committed };
}

async function check(log: PartitionLog, shown: number, committed: number, machine: SimMachine): Promise<void> {
  assert.equal(log.damagedAt, undefined, 'damaged');
  const { logStartOffset, logEndOffset } = log;
  assert.ok(logStartOffset >= shown, `starts at ${logStartOffset}, ${shown} was shown`);
  assert.ok(logStartOffset <= logEndOffset, `starts at ${logStartOffset}, ends at ${logEndOffset}`);
  assert.ok(logEndOffset >= committed * 2, `ends at ${logEndOffset}`);
  const seen = await readAll(log);
  const first = logStartOffset - (logStartOffset % 2);
  assert.deepEqual(
    seen.map(({ baseOffset }) => baseOffset),
    Array.from({ length: (logEndOffset - first) / 2 }, (_, index) => first + index * 2),
  );
  for (const { baseOffset, body } of seen) assert.deepEqual(body, batch(baseOffset / 2).subarray(16));
  assert.deepEqual(
    namesIn(machine, PARTITION).filter((name) => name.endsWith('.deleted')),
    [],
  );
  for (let index = 0; index < logEndOffset / 2; index++) {
    const again = await append(log, batch(index));
    assert.equal(again.duplicate, true, `batch ${index} was appended again`);
  }
}

async function crashEach(story: Story, losses: readonly (LossModels | undefined)[]): Promise<number> {
  let cases = 0;
  for (const model of losses) {
    for (let call = 1, struck = true; struck && call < CALLS_MAX; call++) {
      const machine = newMachine(call);
      const end = await crashedAt(machine, story, call, model);
      struck = end.struck;
      cases += 1;
      try {
        await run(machine, async (env) => {
          const logs = await openDirectory(env, { brokerEpoch: 2 });
          await check(await openLog(logs, CONFIG), end.shown, end.committed, machine);
          await logs.close();
        });
        await run(machine, async (env) => {
          const log = await openLog(await openDirectory(env, { brokerEpoch: 3 }), CONFIG);
          await check(log, end.shown, end.committed, machine);
        });
      } catch (error) {
        const how = model === undefined ? 'kill' : `${model.file} / ${model.folder}`;
        throw new Error(`call ${call}, ${how}: ${String(error)}`, { cause: error });
      }
    }
  }
  return cases;
}

describe('log: a sweep under crashes', function () {
  this.timeout(300_000);
  for (const story of STORIES) {
    it(story.name, async () => {
      const cases = await crashEach(story, [undefined, ...POWER_CUTS]);
      assert.ok(cases >= 200, `${cases} cases`);
    });
  }
});
