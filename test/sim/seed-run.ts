/** One scenario run with one seed, from the first event to the verdict. */
import { FaultInjector, type PlannedFault } from './fault-plan.ts';
import { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './sim-process.ts';
import { realTurn, type Violation, World } from './sim-world.ts';

/** Ten times what happens in a long life of a directory. */
const EVENTS_MAX = 500_000;

/** What happens at the n-th changing disk call of a story, counted from 1: the process or the power goes, or the call fails. */
export interface CrashPoint {
  readonly call: number;
  readonly model: CrashModel;
}

export const CRASH_MODELS = ['kill', 'nothing kept', 'all kept', 'prefix', 'sectors', 'NUL tail'] as const;
export const FAILURE_MODELS = ['EIO', 'ENOSPC', 'short write'] as const;
export type CrashModel = (typeof CRASH_MODELS)[number] | (typeof FAILURE_MODELS)[number];

export interface SeedOptions {
  readonly seed: number;
  /** Only these of the planned faults, by index; all when left out. */
  readonly onlyFaults?: readonly number[];
  /** Of stories alone. */
  readonly crash?: CrashPoint;
  /** Gets each line of the trace. */
  readonly print?: (line: string) => void;
}

export interface SeedOutcome {
  readonly scenario: string;
  readonly seed: number;
  readonly crash?: CrashPoint;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  /** The last lines of the trace; only where something was violated. */
  readonly traceLines: readonly string[];
  readonly faults: readonly PlannedFault[];
  readonly counts: SeedCounts;
}

export interface SeedCounts {
  readonly events: number;
  /** Of the worker's process, after the run. */
  readonly residentBytes: number;
  readonly virtualMs: number;
  readonly operations: number;
  readonly faultsStruck: number;
  /** The same by kind. */
  readonly struck: Readonly<Record<string, number>>;
  /** Changing disk calls of a story, while it could be struck. */
  readonly calls: number;
  /** How often each `env.fault` point was passed. */
  readonly points: Readonly<Record<string, number>>;
}

/** What a scenario works with. */
export interface SeedRun {
  readonly world: World;
  readonly machine: SimMachine;
  readonly crash: CrashPoint | undefined;
  /** Of a story: so many calls could have been struck. */
  noteCalls(count: number): void;
  /** Takes the planned faults, less those that the caller left out, and arms them. */
  arm(planned: readonly PlannedFault[], broker: () => SimProcess | undefined, serve?: () => void): FaultInjector;
  /** One more thing that a client did and got an answer to. */
  operation(): void;
  readonly operations: () => number;
  readonly faultsStruck: () => number;
}

export interface Scenario {
  readonly name: string;
  run(run: SeedRun): Promise<void>;
}

export async function runSeed(scenario: Scenario, options: SeedOptions): Promise<SeedOutcome> {
  const world = new World({ seed: options.seed, ...(options.print === undefined ? {} : { print: options.print }) });
  const machine = new SimMachine(world, 'm');
  let operations = 0;
  let calls = 0;
  let faults: readonly PlannedFault[] = [];
  let injector: FaultInjector | undefined;
  const unheard = (error: unknown): void => {
    world.violate('unhandled', error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  const struck = (): number => [...(injector?.struckCounts.values() ?? [])].reduce((total, each) => total + each, 0);
  process.on('unhandledRejection', unheard);
  try {
    await scenario.run({
      world,
      machine,
      crash: options.crash,
      noteCalls: (count) => {
        calls = count;
      },
      operation: () => operations++,
      operations: () => operations,
      faultsStruck: struck,
      arm: (planned, broker, serve) => {
        faults = planned;
        injector = new FaultInjector({ machine, broker, ...(serve === undefined ? {} : { serve }) });
        injector.schedule(planned.filter((_, index) => options.onlyFaults?.includes(index) ?? true));
        return injector;
      },
    });
    await realTurn();
    if (world.eventCount > EVENTS_MAX) world.violate('I-32', `${world.eventCount} events: something runs in circles`);
  } catch (error) {
    world.violate('scenario', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    process.off('unhandledRejection', unheard);
  }
  return {
    scenario: scenario.name,
    seed: options.seed,
    ...(options.crash === undefined ? {} : { crash: options.crash }),
    violations: world.violations,
    traceHash: world.traceHash,
    traceLines: world.violations.length > 0 ? world.traceLines() : [],
    faults,
    counts: {
      events: world.eventCount,
      residentBytes: process.memoryUsage.rss(),
      virtualMs: world.nowMs,
      operations,
      faultsStruck: struck(),
      struck: Object.fromEntries(injector?.struckCounts ?? []),
      calls,
      points: Object.fromEntries(injector?.pointCounts ?? []),
    },
  };
}
