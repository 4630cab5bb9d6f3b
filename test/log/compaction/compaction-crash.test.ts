/**
 * A pass of compaction under kills and power cuts at each of its calls that change the file system, with each way of losing what was not
 * synced: the log opens undamaged, its state is what it was, no record moved, and every producer is known (I-5, I-26, I-27).
 */
import assert from 'node:assert/strict';
import type { LogConfig } from '../../../src/log/log-config.ts';
import type { LogDirectory } from '../../../src/log/log-directory.ts';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import { isChanging } from '../../sim/disk-faults.ts';
import { FILE_LOSSES } from '../../sim/file-content.ts';
import { FOLDER_LOSSES, type LossModels } from '../../sim/file-system.ts';
import type { SimMachine } from '../../sim/sim-machine.ts';
import { append, namesIn, newMachine, openDirectory, openLog, PARTITION, run, runUntil } from '../log-in-world.ts';
import { COMPACTED, checkCompacted, ORDER } from './compacted-log.ts';
import { keyedBatch, type ReadRecord, readBatches } from './keyed-batches.ts';

const BATCH_COUNT = 10;
const CALLS_MAX = 400;
const PRODUCERS = 4;

interface Story {
  readonly name: string;
  readonly config: Partial<LogConfig>;
  /** Before calls are counted. */
  readonly before?: (logs: LogDirectory, log: PartitionLog) => Promise<unknown>;
  readonly act: (logs: LogDirectory, log: PartitionLog) => Promise<unknown>;
}

const STORIES: readonly Story[] = [
  { name: 'segments that become one, and their old files go', config: {}, act: compact },
  {
    name: 'segments that stay apart, in a log that was compacted before',
    config: { segmentBytes: 300, deleteRetentionMs: 0 },
    before: async (logs, log) => {
      await compact(logs);
      for (let index = BATCH_COUNT - 3; index < BATCH_COUNT; index++) await (await append(log, batch(index))).committed;
    },
    act: compact,
  },
  {
    name: 'a pass, and the close of the directory',
    config: {},
    act: async (logs) => {
      await compact(logs);
      await logs.close();
    },
  },
];

async function compact(logs: LogDirectory): Promise<void> {
  assert.equal(await logs.compact(ORDER), 'done');
}

const POWER_CUTS: readonly LossModels[] = FILE_LOSSES.flatMap((file) =>
  FOLDER_LOSSES.map((folder) => ({ file: [file], folder: [folder] })),
);

/** At each call one of the power cuts in turn, and a kill or the loss of some of the names; with LOG_CRASH_ALL all of them. */
function endsAt(call: number): readonly (LossModels | undefined)[] {
  if (process.env['LOG_CRASH_ALL'] !== undefined) return [undefined, ...POWER_CUTS];
  const someNames: LossModels = { file: FILE_LOSSES, folder: ['subset'] };
  return [POWER_CUTS[(call * 7) % POWER_CUTS.length], call % 2 === 0 ? undefined : someNames];
}

/** Three records of few keys, some of them deletions, of one of some producers. */
function batch(index: number): Buffer {
  return keyedBatch(
    [
      [`k${index % 3}`, `${index}/${'x'.repeat(40)}`],
      [`k${index % 4}`, index % 5 === 2 ? null : `${index}`],
      [`only-${index % 7}`, `${index}/${'y'.repeat(30)}`],
    ],
    { producerId: BigInt(100 + (index % PRODUCERS)), sequence: Math.floor(index / PRODUCERS) * 3 },
  );
}

function recordsOfBatch(index: number, baseOffset: number): ReadRecord[] {
  const [read] = readBatches(batch(index));
  assert.ok(read !== undefined);
  return read.records.map((record) => ({ ...record, offset: record.offset + baseOffset }));
}

const APPENDED = Array.from({ length: BATCH_COUNT }, (_, index) => recordsOfBatch(index, index * 3)).flat();
const END = BATCH_COUNT * 3;

/** Lives through `story` and ends at its n-th call; answers whether it got there. */
async function crashedAt(
  machine: SimMachine,
  story: Story,
  call: number,
  losses: LossModels | undefined,
): Promise<boolean> {
  let left = Number.POSITIVE_INFINITY;
  let struck = false;
  machine.onDiskCall = (name, process) => {
    if (!isChanging(name)) return;
    left -= 1;
    if (left !== 0) return;
    struck = true;
    if (losses === undefined) process.kill('test');
    else machine.cutPower(losses);
  };
  machine.spawn('compactor', async ({ env }) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, { ...COMPACTED, ...story.config });
    const last = story.before === undefined ? BATCH_COUNT : BATCH_COUNT - 3;
    for (let index = 0; index < last; index++) await (await append(log, batch(index))).committed;
    await story.before?.(logs, log);
    left = call;
    await story.act(logs, log);
    await env.clock.sleep(50);
    left = Number.POSITIVE_INFINITY;
    return 0;
  });
  await runUntil(machine, () => machine.alive().length === 0);
  machine.onDiskCall = () => undefined;
  if (!struck && losses !== undefined) machine.cutPower(losses);
  return struck;
}

async function check(log: PartitionLog, machine: SimMachine, everyOffset = false): Promise<void> {
  await checkCompacted(log, APPENDED, END, everyOffset);
  const interim = namesIn(machine, PARTITION).filter((name) => /\.(deleted|cleaned|swap)$/.test(name));
  assert.deepEqual(interim, []);
  for (let index = BATCH_COUNT - PRODUCERS; index < BATCH_COUNT; index++) {
    const again = await append(log, batch(index));
    assert.equal(again.duplicate, true, `batch ${index} was appended again`);
  }
}

async function crashEach(story: Story): Promise<number> {
  let cases = 0;
  for (let call = 1, struck = true; struck && call < CALLS_MAX; call++) {
    for (const model of endsAt(call)) {
      const machine = newMachine(call);
      struck = await crashedAt(machine, story, call, model);
      cases += 1;
      try {
        await checkLives(machine, story, call);
      } catch (error) {
        const how = model === undefined ? 'kill' : `${model.file} / ${model.folder}`;
        throw new Error(`call ${call}, ${how}: ${String(error)}`, { cause: error });
      }
    }
  }
  return cases;
}

/** Opened, closed, opened, compacted, killed and opened again. */
async function checkLives(machine: SimMachine, story: Story, call: number): Promise<void> {
  const config = { ...COMPACTED, ...story.config };
  // Whether offsets may be missing does not hang on what the configuration says now.
  const first = call % 3 === 0 ? ({ ...config, cleanupPolicy: 'delete' } as const) : config;
  await run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch: 2 });
    await check(await openLog(logs, first), machine, call % 4 === 0);
    await logs.close();
  });
  await run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch: 3 });
    const log = await openLog(logs, config);
    await check(log, machine);
    await logs.compact(ORDER);
    await env.clock.sleep(50);
    await check(log, machine);
  });
  await run(machine, async (env) => {
    const logs = await openDirectory(env, { brokerEpoch: 4 });
    await check(await openLog(logs, { ...config, cleanupPolicy: 'delete' }), machine);
  });
}

describe('log: compaction under crashes', function () {
  this.timeout(300_000);
  for (const story of STORIES) {
    it(story.name, async () => {
      const cases = await crashEach(story);
      assert.ok(cases >= 100, `${cases} cases`);
    });
  }
});
