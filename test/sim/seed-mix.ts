/** Which scenario a seed runs, and how many faults of a failing one are needed. */
import type { SeedOutcome } from './seed-run.ts';
import type { SeedOrder } from './seed-worker.ts';
import { runOrders } from './worker-pool.ts';

/** Of each so many seeds, these scenarios get so many. */
export const MIX: Readonly<Record<string, number>> = {
  'directory-life': 7,
  'bad-disk': 4,
  keeper: 3,
  idempotence: 2,
  'topics-come-and-go': 2,
  groups: 2,
  'many-partitions': 1,
};
const TURNS: readonly string[] = Object.entries(MIX).flatMap(([name, count]) => Array<string>(count).fill(name));

/** One order for each seed; all of them of `scenario` where one is named. */
export function ordersOf(firstSeed: number, seedCount: number, scenarios: readonly string[] = []): SeedOrder[] {
  const turns = scenarios.length > 0 ? scenarios : TURNS;
  return Array.from({ length: seedCount }, (_, at) => {
    const seed = firstSeed + at;
    return { seed, scenario: turns[seed % turns.length] as string };
  });
}

const SHRINK_RUNS_MAX = 40;

/**
 * Leaves out faults, first halves of what is left and then one by one, as long as the run still breaks the same rule; the
 * indices of those that are needed.
 */
export async function shrinkFaults(bundlePath: string, failed: SeedOutcome): Promise<number[]> {
  const rule = failed.violations[0]?.rule;
  const { scenario, seed, crash } = failed;
  let runs = 0;
  const fails = async (onlyFaults: readonly number[]): Promise<boolean> => {
    if (runs++ >= SHRINK_RUNS_MAX) return false;
    const order = { scenario, seed, onlyFaults, ...(crash === undefined ? {} : { crash }) };
    const [again] = await runOrders(bundlePath, [order]);
    return again?.violations.some((violation) => violation.rule === rule) === true;
  };
  let faults = failed.faults.map((_, index) => index);
  for (let size = faults.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < faults.length; ) {
      const fewer = [...faults.slice(0, from), ...faults.slice(from + size)];
      if (await fails(fewer)) faults = fewer;
      else from += size;
    }
  }
  return faults;
}
