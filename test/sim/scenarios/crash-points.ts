/**
 * One crash at one place, chosen by the seed: the n-th changing disk call of a short story (a topic is made, some lines are
 * produced, the log is rolled, the broker leaves and comes back) is the last one of its process, or of the machine's power.
 * Then the story goes on, and with the next ack the power is cut once more in the worst way: whatever was not synced by
 * somebody is gone. So what a killed process left half-done must not be taken for done.
 */

import { isChanging } from '../disk-faults.ts';
import type { LossModels } from '../file-system.ts';
import { checkLogFiles } from '../log-files-checker.ts';
import { OwnerChecker } from '../owner-checker.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import type { SimProcess } from '../sim-process.ts';
import { createTopic, DIRECTORY, FollowerReader, follow, produce, TOPIC } from './commands.ts';
import { Ledger, type Seen } from './ledger.ts';

const STEP_MS = 60_000;
const KINDS = ['kill', 'worst cut', 'any cut'] as const;
const WORST: LossModels = { file: ['nothing kept'], folder: ['nothing kept'] };

/**
 * Seeds go through the kinds and then to the next call, of which a story has fewer than CALLS_MAX. Beyond CRASH_POINT_SEEDS
 * they begin anew, with other chances.
 */
export const CALLS_MAX = 150;
export const CRASH_POINT_SEEDS = CALLS_MAX * KINDS.length;

export const crashPoints: Scenario = { name: 'crash-points', run: runCrashPoints };

async function runCrashPoints(run: SeedRun): Promise<void> {
  const { world, machine } = run;
  const ledger = new Ledger(world);
  const owner = new OwnerChecker(machine, DIRECTORY);
  machine.onDiskDone = (call, path, process) => owner.check(call, path, process);
  const kind = KINDS[world.seed % KINDS.length] ?? 'kill';
  const hasCrashed = crashAtCall(run, 1 + (Math.floor(world.seed / KINDS.length) % CALLS_MAX), kind);
  await tell(run, ledger, hasCrashed);
  machine.onDiskCall = () => undefined;
  await cutAfterFirstAck(run, ledger);
  const before = await readAll(run, ledger);
  await tell(run, ledger, () => false);
  const log = await readAll(run, ledger);
  if (world.violations.length > 0) return;
  if (before.length > log.length) world.violate('I-1', `${log.length} records, and ${before.length} before`);
  ledger.judge([log]);
  const [end] = checkLogFiles(machine, `${DIRECTORY}/brokers/1`, TOPIC, 1);
  if (end !== log.length) world.violate('I-2', `the files end at ${end}, a consumer got ${log.length}`);
}

/** Answers whether it happened. */
function crashAtCall({ world, machine }: SeedRun, call: number, kind: (typeof KINDS)[number]): () => boolean {
  let left = call;
  machine.onDiskCall = (name, process: SimProcess) => {
    if (!isChanging(name) || --left !== 0) return;
    world.note('crash', kind, name);
    if (kind === 'kill') process.kill('crash point');
    else if (kind === 'worst cut') machine.cutPower(WORST);
    else machine.cutPower();
  };
  return () => left <= 0;
}

/** Makes the topic where it is missing, and produces through two brokers, one after the other; ends early when `isOver`. */
async function tell(run: SeedRun, ledger: Ledger, isOver: () => boolean): Promise<void> {
  const { world, machine } = run;
  const configs = new Map([
    ['segment.ms', '100'],
    ['index.interval.bytes', '0'],
  ]);
  await ended(run, createTopic(machine, 1, configs));
  for (let round = 0; round < 2 && !isOver(); round++) {
    const name = `produce${ledger.producers.size}`;
    const feeding = { lineCount: 12, lineBytesMax: 30, burstCount: 4, gapMs: 150, timeoutMs: 0 };
    const code = await ended(run, produce(machine, ledger, name, 'directory', feeding));
    if (code !== undefined && code !== 0) world.violate('I-31', `${name} ended with ${code}`);
  }
}

/** The power is gone as soon as anything is acked, while the broker is at work. */
async function cutAfterFirstAck({ world, machine }: SeedRun, ledger: Ledger): Promise<void> {
  const create = createTopic(machine, 1, new Map());
  await world.run(() => create.process.isDead, STEP_MS);
  const name = `produce${ledger.producers.size}`;
  produce(machine, ledger, name, 'directory', {
    lineCount: 3,
    lineBytesMax: 30,
    burstCount: 1,
    gapMs: 1000,
    timeoutMs: 0,
  });
  await world.run(() => (ledger.producers.get(name)?.ackedCount ?? 0) > 0, STEP_MS);
  if ((ledger.producers.get(name)?.ackedCount ?? 0) === 0) world.violate('I-31', `${name} was never acked`);
  machine.cutPower(WORST);
}

async function ended({ world, operation }: SeedRun, { process }: SimProgram): Promise<number | undefined> {
  await world.run(() => process.isDead, STEP_MS);
  if (!process.isDead) world.violate('I-31', `${process.name} did not end within ${STEP_MS} ms`);
  operation();
  return process.exitCode;
}

async function readAll(run: SeedRun, ledger: Ledger): Promise<Seen[]> {
  const reader = new FollowerReader(follow(run.machine, 'judge', 'directory', true), ledger);
  const code = await ended(run, reader.program);
  if (code !== 0)
    run.world.violate('I-31', `a consumer ended with ${code}: ${reader.program.stdio.notes().join('; ')}`);
  return reader.read();
}
