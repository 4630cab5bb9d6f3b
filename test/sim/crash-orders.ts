/** Every crash point of every story: a story is run once without a crash to see how many calls it makes. */
import { CRASH_STORIES } from './scenarios/crash-stories.ts';
import type { CrashModel, SeedOutcome } from './seed-run.ts';
import type { SeedOrder } from './seed-worker.ts';
import { runOrders } from './worker-pool.ts';

export interface CrashPlan {
  readonly orders: readonly SeedOrder[];
  readonly dryRuns: readonly SeedOutcome[];
  readonly text: string;
}

export interface CrashChoice {
  readonly models: readonly CrashModel[];
  /** Every so manieth case is taken. */
  readonly stride: number;
  /** All when empty. */
  readonly stories: readonly string[];
}

export async function crashOrders(bundlePath: string, choice: CrashChoice): Promise<CrashPlan> {
  const chosen = CRASH_STORIES.filter(({ name }) => choice.stories.length === 0 || choice.stories.includes(name));
  const dryRuns = await runOrders(
    bundlePath,
    chosen.map(({ name }) => ({ scenario: name, seed: 1 })),
  );
  const all = dryRuns.flatMap(({ scenario, counts: { calls } }) =>
    Array.from({ length: calls }, (_, at) => choice.models.map((model) => ({ call: at + 1, model }))).flatMap(
      (points) => points.map((crash): SeedOrder => ({ scenario, seed: 1, crash })),
    ),
  );
  const orders = all.filter((_, at) => at % choice.stride === 0);
  const calls = dryRuns.reduce((total, { counts }) => total + counts.calls, 0);
  const each = dryRuns.map(({ scenario, counts }) => `${scenario} ${counts.calls}`).join(', ');
  const text = `${dryRuns.length} stories x ${calls} calls (${each}) x ${choice.models.length} models = ${all.length} cases`;
  return { orders, dryRuns, text: choice.stride === 1 ? text : `${text}, of which ${orders.length}` };
}
