/**
 * `npm run sim`: runs seeds of the simulation and says which failed, and how to run one of them again; crashes the stories at
 * each of their calls; plants bugs. `npm run sim -- --help` lists the options.
 *
 * The first failing seed is shrunk: which of its faults are enough. Every fiftieth seed is run twice, and must give the
 * same trace.
 */
import { writeFileSync } from 'node:fs';
import { bundleWorker, type SourcePatch } from './bundle.ts';
import { crashOrders } from './crash-orders.ts';
import { faultPointsInSource } from './fault-points.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { type PlantedOutcome, plantedDocument, plantedTable, runPlanted } from './planted-run.ts';
import { MIX, ordersOf, shrinkFaults } from './seed-mix.ts';
import { counts, failureReport, kindsLine, pointCounts, pointsLine, summaryLines } from './seed-report.ts';
import { CRASH_MODELS, FAILURE_MODELS, type SeedOutcome } from './seed-run.ts';
import { BadOptions, help, type SimOptions, simOptions, USAGE } from './sim-options.ts';
import { runOrders } from './worker-pool.ts';

const FAILURES_MAX = 20;
const REPORTS_MAX = 3;
const TWICE_EVERY = 50;
/** With so many seeds over all scenarios every fault point is passed. */
const ALL_POINTS_SEEDS = 500;
const DOCUMENT = new URL('../../docs/seeded-bugs.md', import.meta.url);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The exit status. */
async function main(args: readonly string[]): Promise<number> {
  let options: SimOptions;
  try {
    options = simOptions(args);
  } catch (error) {
    if (!(error instanceof BadOptions)) throw error;
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  if (options.action === 'help') {
    say(help());
    return 0;
  }
  if (options.action === 'planted') return (await runAllPlanted(options)) ? 0 : 1;
  const patches = PLANTED_BUGS.filter(({ name }) => options.bugs.includes(name)).flatMap((bug) => bug.patches);
  return (await inBundle(patches, options.action === 'seeds' ? runSeeds : runCrashPoints, options)) ? 0 : 1;
}

async function inBundle(
  patches: readonly SourcePatch[],
  action: (bundlePath: string, options: SimOptions) => Promise<boolean>,
  options: SimOptions,
): Promise<boolean> {
  const bundle = await bundleWorker(patches);
  try {
    return await action(bundle.path, options);
  } finally {
    bundle.remove();
  }
}

async function runSeeds(bundlePath: string, options: SimOptions): Promise<boolean> {
  const startMs = performance.now();
  const { seedCount, scenarios, trace, faults, crash } = options;
  const outcomes: SeedOutcome[] = [];
  let from = options.firstSeed;
  let missing = seedCount;
  const isOne = missing === 1;
  // What happens in one of those is not counted.
  const isApart = scenarios.some((name) => !(name in MIX));
  while (missing > 0 && failedOf(outcomes).length < FAILURES_MAX) {
    const orders = ordersOf(from, missing, scenarios).map((order) => ({
      ...order,
      trace,
      ...(faults === undefined ? {} : { onlyFaults: faults }),
      ...(crash === undefined ? {} : { crash }),
    }));
    outcomes.push(...(await runOrders(bundlePath, orders, { named: isOne }, onOutcome(startMs))));
    from += missing;
    missing = isOne || isApart ? 0 : seedCount - outcomes.filter(counts).length;
  }
  say(summaryLines(outcomes, performance.now() - startMs));
  say(kindsLine(outcomes));
  const isSame = await compareAgain(bundlePath, outcomes, options);
  const areHit = sayPoints(outcomes, options);
  return (await reportFailures(bundlePath, outcomes, options)) && isSame && areHit;
}

/** Runs some seeds once more, in other company: a run is decided by its seed alone. */
async function compareAgain(
  bundlePath: string,
  outcomes: readonly SeedOutcome[],
  { faults }: SimOptions,
): Promise<boolean> {
  const first = outcomes.filter(({ seed, violations }) => seed % TWICE_EVERY === 0 && violations.length === 0);
  if (first.length === 0 || faults !== undefined) return true;
  const orders = first.map(({ scenario, seed, crash }) => ({
    scenario,
    seed,
    ...(crash === undefined ? {} : { crash }),
  }));
  const again = new Map(
    (await runOrders(bundlePath, orders)).map(({ scenario, seed, traceHash }) => [`${scenario} ${seed}`, traceHash]),
  );
  const other = first.filter(({ scenario, seed, traceHash }) => again.get(`${scenario} ${seed}`) !== traceHash);
  say(`${first.length} seeds run twice, ${other.length} of them with another trace`);
  for (const { scenario, seed } of other) say(`  another trace: ${scenario} ${seed}`);
  return other.length === 0;
}

function sayPoints(outcomes: readonly SeedOutcome[], { scenarios, seedCount }: SimOptions): boolean {
  const points = pointCounts(outcomes);
  say(pointsLine(points));
  const unhit = faultPointsInSource().filter((point) => !points.has(point));
  if (unhit.length > 0) say(`fault points never hit: ${unhit.join(', ')}`);
  return unhit.length === 0 || scenarios.length > 0 || seedCount < ALL_POINTS_SEEDS;
}

async function runCrashPoints(bundlePath: string, options: SimOptions): Promise<boolean> {
  const startMs = performance.now();
  const models = options.failures ? FAILURE_MODELS : CRASH_MODELS;
  const plan = await crashOrders(bundlePath, { models, stride: options.stride, stories: options.scenarios });
  say(plan.text);
  const outcomes = [...plan.dryRuns, ...(await runOrders(bundlePath, plan.orders, {}, onOutcome(startMs)))];
  const seconds = (performance.now() - startMs) / 1000;
  const cases = outcomes.length - plan.dryRuns.length;
  const rate = (cases / seconds).toFixed(1);
  say(`${cases} cases in ${seconds.toFixed(1)} s (${rate}/s), ${failedOf(outcomes).length} failed`);
  return await reportFailures(bundlePath, outcomes, options);
}

async function runAllPlanted({ bugs, seedCount, write }: SimOptions): Promise<boolean> {
  const outcomes: PlantedOutcome[] = [];
  for (const bug of PLANTED_BUGS.filter(({ name }) => bugs.length === 0 || bugs.includes(name))) {
    const outcome = await runPlanted(bug, seedCount);
    const { caught, runs, elapsedMs } = outcome;
    const [violation] = caught?.violations ?? [];
    const what = violation === undefined ? 'NOT CAUGHT' : `${violation.rule} ${violation.text.slice(0, 100)}`;
    say(
      `  ${bug.name}: ${what} (${caught?.scenario ?? 'all'} ${caught?.seed ?? ''}; ${runs} runs, ${(elapsedMs / 1000).toFixed(1)} s)`,
    );
    outcomes.push(outcome);
  }
  say(plantedTable(outcomes));
  if (write) writeFileSync(DOCUMENT, plantedDocument(outcomes));
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

async function reportFailures(
  bundlePath: string,
  outcomes: readonly SeedOutcome[],
  { faults, bugs }: SimOptions,
): Promise<boolean> {
  const failed = failedOf(outcomes);
  for (const [at, outcome] of failed.slice(0, REPORTS_MAX).entries()) {
    const canShrink = at === 0 && outcome.faults.length > 1 && faults === undefined && bugs.length === 0;
    say(`\n${failureReport(outcome, canShrink ? await shrinkFaults(bundlePath, outcome) : undefined)}`);
  }
  for (const { scenario, seed, crash, violations } of failed.slice(REPORTS_MAX)) {
    const [violation] = violations;
    say(
      `failed: ${scenario} ${seed} ${JSON.stringify(crash) ?? ''} ${violation?.rule}: ${violation?.text.slice(0, 150)}`,
    );
  }
  return failed.length === 0;
}

function failedOf(outcomes: readonly SeedOutcome[]): SeedOutcome[] {
  return outcomes.filter(({ violations }) => violations.length > 0);
}

process.exitCode = await main(process.argv.slice(2));
