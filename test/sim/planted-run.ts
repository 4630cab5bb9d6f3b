/** Plants bugs one after the other, and runs the simulation until it finds each. */
import { bundleWorker } from './bundle.ts';
import { crashOrders } from './crash-orders.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { ordersOf } from './seed-mix.ts';
import { CRASH_MODELS, type SeedOutcome } from './seed-run.ts';
import type { SeedOrder } from './seed-worker.ts';
import { runOrders } from './worker-pool.ts';

export interface PlantedOutcome {
  readonly bug: PlantedBug;
  /** The run that broke a rule; undefined when none did. */
  readonly caught: SeedOutcome | undefined;
  /** How many runs it took, or how many there were. */
  readonly runs: number;
  readonly elapsedMs: number;
}

/** `seedsMax`: of a bug that shows in seeds, so many are tried. @throws Error when a patch does not fit the source */
export async function runPlanted(bug: PlantedBug, seedsMax: number): Promise<PlantedOutcome> {
  const startMs = performance.now();
  const bundle = await bundleWorker(bug.patches);
  try {
    const { orders, found } = await ordersFor(bug, bundle.path, seedsMax);
    const outcomes = [...found];
    if (!found.some(isViolated)) {
      outcomes.push(...(await runOrders(bundle.path, orders, {}, (outcome) => !isViolated(outcome))));
    }
    const caught = outcomes.find(isViolated);
    return { bug, caught, runs: outcomes.length, elapsedMs: performance.now() - startMs };
  } finally {
    bundle.remove();
  }
}

/** What is to be run, and what was run already to know that. */
async function ordersFor(
  { lane, scenarios }: PlantedBug,
  bundlePath: string,
  seedsMax: number,
): Promise<{ orders: readonly SeedOrder[]; found: readonly SeedOutcome[] }> {
  if (lane === 'seeds') return { orders: ordersOf(1, seedsMax, scenarios), found: [] };
  const { orders, dryRuns } = await crashOrders(bundlePath, { models: CRASH_MODELS, stride: 1, stories: scenarios });
  return { orders, found: dryRuns };
}

function isViolated({ violations }: SeedOutcome): boolean {
  return violations.length > 0;
}

/** A table in Markdown. */
export function plantedTable(outcomes: readonly PlantedOutcome[]): string {
  const rows = outcomes.map(({ bug, caught, runs }) => {
    const files = [...new Set(bug.patches.map(({ file }) => file.replace('src/', '')))];
    const where = caught === undefined ? bug.scenarios.join(', ') : caught.scenario;
    const after = `${runs} ${bug.lane}`;
    const found = caught === undefined ? `**not caught** by ${after}` : `${caught.violations[0]?.rule}, after ${after}`;
    return `| ${bug.name} | ${bug.what} | ${files.map((file) => `\`${file}\``).join(', ')} | ${where} | ${found} |`;
  });
  return [
    '| bug | what is wrong | changed in | shows in | caught by |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** docs/seeded-bugs.md */
export function plantedDocument(outcomes: readonly PlantedOutcome[]): string {
  return `${HEAD}\n${plantedTable(outcomes)}\n`;
}

const HEAD = `# Seeded bugs

What the simulation of \`test/sim/\` finds, shown by what it would find: each row is a bug that was planted on purpose, by a change of
the source on its way into the simulation's bundle (\`test/sim/planted-bugs.ts\`; no trace of it is in \`src/\`). A change whose text is
not found in the source any more is an error, and \`npm test\` looks for it.

\`npm run sim -- --planted\` plants one after the other and looks for each; \`--write\` writes this file. *Seeds* are whole lives of a
directory under faults drawn from a number; *crash points* are stories that are crashed at each of their disk calls, by every way to
lose power. Without a bug planted none of these runs breaks a rule. How many runs it takes differs with each change of the source.
`;
