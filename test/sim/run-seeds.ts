/**
 * Runs seeds of the simulation and says which failed, and how to run one of them again.
 *
 *     npm run sim -- [--seeds N] [--from K] [--scenario NAME]... [--faults 1,4,7] [--trace]
 *     npm run sim -- --crash-points [--stride N] [--scenario NAME]... [--failures]
 *
 * --seeds is the total over all scenarios; only those that count are counted. The first failing seed is shrunk: which of its
 * faults are enough. --crash-points: every story, every changing disk call of it, every way to lose power; --failures: the
 * call fails instead. --plant NAME plants one bug of planted-bugs.ts.
 */
import { parseArgs } from 'node:util';
import { bundleWorker } from './bundle.ts';
import { crashOrders } from './crash-orders.ts';
import { faultPointsInSource } from './fault-points.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { type PlantedOutcome, plantedTable, runPlanted } from './planted-run.ts';
import { MIX, ordersOf, shrinkFaults } from './seed-mix.ts';
import { counts, failureReport, kindsLine, pointCounts, pointsLine, summaryLines } from './seed-report.ts';
import { CRASH_MODELS, type CrashPoint, FAILURE_MODELS, type SeedOutcome } from './seed-run.ts';
import { runOrders } from './worker-pool.ts';

const FAILURES_MAX = 20;
const REPORTS_MAX = 3;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string', multiple: true, default: [] },
    trace: { type: 'boolean', default: false },
    faults: { type: 'string' },
    crash: { type: 'string' },
    'crash-points': { type: 'boolean', default: false },
    failures: { type: 'boolean', default: false },
    stride: { type: 'string', default: '1' },
    plant: { type: 'string' },
    planted: { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<boolean> {
  if (values.planted) return await runAllPlanted();
  const bug = PLANTED_BUGS.find(({ name }) => name === values.plant);
  if (values.plant !== undefined && bug === undefined) throw new Error(`no planted bug ${values.plant}`);
  const bundle = await bundleWorker(bug?.patches);
  try {
    return values['crash-points'] ? await runCrashPoints(bundle.path) : await runSeeds(bundle.path);
  } finally {
    bundle.remove();
  }
}

async function runSeeds(bundlePath: string): Promise<boolean> {
  const startMs = performance.now();
  const outcomes: SeedOutcome[] = [];
  let from = Number(values.from);
  let missing = Number(values.seeds);
  const isOne = missing === 1;
  // What happens in one of those is not counted.
  const isApart = values.scenario.some((name) => !(name in MIX));
  while (missing > 0 && failedOf(outcomes).length < FAILURES_MAX) {
    const orders = ordersOf(from, missing, values.scenario).map((order) => ({
      ...order,
      trace: values.trace,
      ...(values.faults === undefined ? {} : { onlyFaults: indicesOf(values.faults) }),
      ...(values.crash === undefined ? {} : { crash: JSON.parse(values.crash) as CrashPoint }),
    }));
    outcomes.push(...(await runOrders(bundlePath, orders, { named: isOne }, onOutcome(startMs))));
    from += missing;
    missing = isOne || isApart ? 0 : Number(values.seeds) - outcomes.filter(counts).length;
  }
  say(summaryLines(outcomes, performance.now() - startMs));
  say(kindsLine(outcomes));
  const points = pointCounts(outcomes);
  say(pointsLine(points));
  const unhit = faultPointsInSource().filter((point) => !points.has(point));
  if (unhit.length > 0) say(`fault points never hit: ${unhit.join(', ')}`);
  return reportFailures(bundlePath, outcomes);
}

async function runCrashPoints(bundlePath: string): Promise<boolean> {
  const startMs = performance.now();
  const models = values.failures ? FAILURE_MODELS : CRASH_MODELS;
  const plan = await crashOrders(bundlePath, { models, stride: Number(values.stride), stories: values.scenario });
  say(plan.text);
  const outcomes = [...plan.dryRuns, ...(await runOrders(bundlePath, plan.orders, {}, onOutcome(startMs)))];
  const seconds = (performance.now() - startMs) / 1000;
  const cases = outcomes.length - plan.dryRuns.length;
  say(
    `${cases} cases in ${seconds.toFixed(1)} s (${(cases / seconds).toFixed(1)}/s), ${failedOf(outcomes).length} failed`,
  );
  return reportFailures(bundlePath, outcomes);
}

async function runAllPlanted(): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ name }) => values.plant === undefined || values.plant.split(',').includes(name));
  const outcomes: PlantedOutcome[] = [];
  for (const bug of bugs) {
    const outcome = await runPlanted(bug, Number(values.seeds));
    const { caught, runs, elapsedMs } = outcome;
    const [violation] = caught?.violations ?? [];
    const what = violation === undefined ? 'NOT CAUGHT' : `${violation.rule} ${violation.text.slice(0, 100)}`;
    say(`  ${bug.name}: ${what} (${caught?.scenario}; ${runs} runs, ${(elapsedMs / 1000).toFixed(1)} s)`);
    outcomes.push(outcome);
  }
  say(plantedTable(outcomes));
  const missed = outcomes.filter(({ caught }) => caught === undefined).length;
  say(`${outcomes.length - missed} of ${outcomes.length} planted bugs caught`);
  return missed === 0;
}

/** Says how far it is from time to time; ends a run in which much fails. */
function onOutcome(startMs: number): (outcome: SeedOutcome) => boolean {
  let done = 0;
  let failed = 0;
  return ({ violations }) => {
    if (violations.length > 0) failed++;
    if (++done % 500 === 0)
      say(`  ${done} runs, ${failed} failed, ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    return failed < FAILURES_MAX;
  };
}

async function reportFailures(bundlePath: string, outcomes: readonly SeedOutcome[]): Promise<boolean> {
  const failed = failedOf(outcomes);
  for (const [at, outcome] of failed.slice(0, REPORTS_MAX).entries()) {
    const canShrink =
      at === 0 && outcome.faults.length > 1 && values.faults === undefined && values.plant === undefined;
    say(`\n${failureReport(outcome, canShrink ? await shrinkFaults(bundlePath, outcome) : undefined)}`);
  }
  for (const { scenario, seed, crash, violations } of failed.slice(REPORTS_MAX)) {
    say(
      `failed: ${scenario} ${seed} ${JSON.stringify(crash) ?? ''} ${violations[0]?.rule}: ${violations[0]?.text.slice(0, 150)}`,
    );
  }
  return failed.length === 0;
}

function failedOf(outcomes: readonly SeedOutcome[]): SeedOutcome[] {
  return outcomes.filter(({ violations }) => violations.length > 0);
}

function indicesOf(text: string): number[] {
  return text === 'none' ? [] : text.split(',').map(Number);
}

process.exitCode = (await main()) ? 0 : 1;
