/** What the lives of a directory have in common: checkers that see each call to the disk, and faults that strike for some seconds. */
import { EpochChecker } from '../epoch-checker.ts';
import { type FaultInjector, type FaultWeights, type PlannedFault, planFaults } from '../fault-plan.ts';
import { OwnerChecker } from '../owner-checker.ts';
import type { Prng } from '../prng.ts';
import type { SeedRun } from '../seed-run.ts';
import type { SimMachine } from '../sim-machine.ts';
import { SyncChecker } from '../sync-checker.ts';
import { DIRECTORY, serve } from './commands.ts';

export const FAULTS_MS = 8000;
/** Later when not enough has happened yet. */
export const FAULTS_MS_MAX = 20_000;
/** Without faults everything comes to its end in so long. */
export const HEALED_MS = 120_000;
const OPERATIONS = 220;
const FAULTS = 11;

export const FAULT_WEIGHTS: FaultWeights = {
  'kill broker': 4,
  'kill any': 2,
  'kill at point': 4,
  'kill at disk call': 4,
  'power cut at disk call': 3,
  'power cut': 1,
  'kill, then power cut': 4,
  'break at append, then power cut': 2,
  'pause broker': 3,
  'pause any': 1,
  'terminate broker': 2,
  'break connections': 2,
  'break at append': 4,
  'slow syncs': 2,
  'clock jump': 1,
  'hand over': 2,
  'second start': 2,
};
const BAD_DISK: FaultWeights = {
  'sync errors': 4,
  'write errors': 2,
  'short writes': 4,
  'full disk': 4,
  'read only': 2,
  hang: 2,
};

/** Checks each call that takes effect in broker 1's folder. */
export function watchDisk(machine: SimMachine): OwnerChecker {
  const owner = new OwnerChecker(machine, DIRECTORY);
  const epochs = new EpochChecker(machine, `${DIRECTORY}/brokers/1/log`);
  machine.onDiskDone = (call, path, process) => {
    owner.check(call, path, process);
    epochs.check(call, path, process);
  };
  return owner;
}

/** The planned faults strike from now on, and what a process does after a failed sync is checked. */
export function armFaults(run: SeedRun, owner: OwnerChecker, planned: readonly PlannedFault[]): FaultInjector {
  const { machine } = run;
  const injector = run.arm(
    planned,
    () => owner.process(),
    () => void serve(machine),
  );
  const syncs = new SyncChecker(machine, owner);
  injector.onDiskCall = (call, path, process, fault) => syncs.check(call, path, process, fault);
  return injector;
}

/** Plans the faults of a life by `weights`, with those of a bad disk where it is one; `isOver`: they have struck often enough. */
export function armLife(
  run: SeedRun,
  owner: OwnerChecker,
  chance: Prng,
  { weights, isBadDisk }: { readonly weights: FaultWeights; readonly isBadDisk: boolean },
): { readonly injector: FaultInjector; isOver(): boolean } {
  const { world } = run;
  const fromMs = world.nowMs + 20;
  const untilMs = fromMs + FAULTS_MS;
  const all = isBadDisk ? { ...weights, ...BAD_DISK } : weights;
  const injector = armFaults(run, owner, planFaults(chance.fork(), chance.between(15, 21), fromMs, untilMs, all));
  const isOver = (): boolean =>
    world.nowMs >= untilMs && run.operations() >= OPERATIONS && run.faultsStruck() >= FAULTS;
  return { injector, isOver };
}
