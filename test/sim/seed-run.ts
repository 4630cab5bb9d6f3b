/** One scenario run with one seed, from the first event to the verdict. */
import { FaultInjector, type PlannedFault } from './fault-plan.ts';
import { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './sim-process.ts';
import { realTurn, type Violation, World } from './sim-world.ts';

/** A bug that a run plants on purpose, to see whether it is caught: a sync that is not done, whoever waits for it. */
export type PlantedBug = 'ack before sync' | 'folder not synced';

export interface SeedOptions {
  readonly seed: number;
  /** Only these of the planned faults, by index; all when left out. */
  readonly onlyFaults?: readonly number[];
  readonly planted?: PlantedBug;
  /** Gets each line of the trace. */
  readonly print?: (line: string) => void;
}

export interface SeedOutcome {
  readonly scenario: string;
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  /** The last lines of the trace; only where something was violated. */
  readonly traceLines: readonly string[];
  readonly faults: readonly PlannedFault[];
  readonly counts: SeedCounts;
}

export interface SeedCounts {
  readonly events: number;
  readonly virtualMs: number;
  readonly operations: number;
  readonly faultsStruck: number;
  /** How often each `env.fault` point was passed. */
  readonly points: Readonly<Record<string, number>>;
}

/** What a scenario works with. */
export interface SeedRun {
  readonly world: World;
  readonly machine: SimMachine;
  readonly planted: PlantedBug | undefined;
  /** Takes the planned faults, less those that the caller left out, and arms them. */
  arm(planned: readonly PlannedFault[], broker: () => SimProcess | undefined): FaultInjector;
  /** One more thing that a client did and got an answer to. */
  operation(): void;
}

export interface Scenario {
  readonly name: string;
  run(run: SeedRun): Promise<void>;
}

export async function runSeed(scenario: Scenario, options: SeedOptions): Promise<SeedOutcome> {
  const world = new World({ seed: options.seed, ...(options.print === undefined ? {} : { print: options.print }) });
  const machine = new SimMachine(world, 'm');
  let operations = 0;
  let faults: readonly PlannedFault[] = [];
  let injector: FaultInjector | undefined;
  const unheard = (error: unknown): void => {
    world.violate('unhandled', error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  process.on('unhandledRejection', unheard);
  try {
    await scenario.run({
      world,
      machine,
      planted: options.planted,
      operation: () => operations++,
      arm: (planned, broker) => {
        faults = planned;
        injector = new FaultInjector({ machine, broker });
        injector.schedule(planned.filter((_, index) => options.onlyFaults?.includes(index) ?? true));
        return injector;
      },
    });
    await realTurn();
  } catch (error) {
    world.violate('scenario', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    process.off('unhandledRejection', unheard);
  }
  const struck = [...(injector?.struckCounts.values() ?? [])].reduce((total, count) => total + count, 0);
  return {
    scenario: scenario.name,
    seed: options.seed,
    violations: world.violations,
    traceHash: world.traceHash,
    traceLines: world.violations.length > 0 ? world.traceLines() : [],
    faults,
    counts: {
      events: world.eventCount,
      virtualMs: world.nowMs,
      operations,
      faultsStruck: struck,
      points: Object.fromEntries(injector?.pointCounts ?? []),
    },
  };
}
