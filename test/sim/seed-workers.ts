/** Seeds over several processes: bundles the simulation, starts a process for each core, collects what they found. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describeFault } from './fault-plan.ts';
import type { SeedOutcome } from './seed-run.ts';
import type { SeedOrder } from './seed-worker.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const NODE_MODULES = join(HERE, '..', '..', 'node_modules');
const PROCESSES_MAX = 4;

export interface SeedsWanted extends Omit<SeedOrder, 'seeds'> {
  readonly firstSeed: number;
  readonly seedCount: number;
}

/** One outcome for each seed and scenario, in the order of the seeds. */
export async function runSeedsInWorkers(wanted: SeedsWanted): Promise<SeedOutcome[]> {
  const { firstSeed, seedCount, ...rest } = wanted;
  // In node_modules, from where the bundle finds the packages that stay outside of it.
  const folder = mkdtempSync(join(NODE_MODULES, '.sim-'));
  try {
    const bundle = await bundleInto(folder);
    const count = wanted.trace ? 1 : Math.min(PROCESSES_MAX, availableParallelism(), seedCount);
    const parts = Array.from({ length: count }, (_, part): SeedOrder => {
      const seeds = Array.from({ length: seedCount }, (_, at) => firstSeed + at).filter((_, at) => at % count === part);
      return { ...rest, seeds };
    });
    const outcomes = (await Promise.all(parts.map((order) => runWorker(bundle, order)))).flat();
    return outcomes.sort((a, b) => a.seed - b.seed || a.scenario.localeCompare(b.scenario));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function failureReport({ scenario, seed, violations, faults, traceLines, counts }: SeedOutcome): string {
  const broken = violations.map(({ rule, text, atMs }) => `  ${rule} at ${atMs.toFixed(3)} ms: ${text}`);
  return [
    `scenario ${scenario}, seed ${seed} (${counts.events} events):`,
    ...broken,
    `  faults: ${faults.map(describeFault).join('; ')}`,
    ...traceLines.slice(-40).map((line) => `    ${line}`),
    `  again: npx tsx test/sim/run-seeds.ts --from ${seed} --seeds 1 --scenario ${scenario} --trace`,
  ].join('\n');
}

export function summaryLine(outcomes: readonly SeedOutcome[], elapsedMs: number): string {
  const median = (of: (outcome: SeedOutcome) => number): number => {
    return outcomes.map(of).sort((a, b) => a - b)[outcomes.length >> 1] ?? 0;
  };
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length;
  const hours = outcomes.reduce((total, { counts }) => total + counts.virtualMs, 0) / 3_600_000;
  return [
    `${outcomes.length} runs in ${(elapsedMs / 1000).toFixed(1)} s, ${failed} failed`,
    `medians: ${median(({ counts }) => counts.operations)} operations`,
    `${median(({ counts }) => counts.faultsStruck)} faults`,
    `${median(({ counts }) => counts.events)} events; ${hours.toFixed(1)} virtual hours`,
  ].join(', ');
}

/** How often each fault point was passed, all runs together. */
export function pointsLine(outcomes: readonly SeedOutcome[]): string {
  const totals = new Map<string, number>();
  for (const { counts } of outcomes) {
    for (const [point, count] of Object.entries(counts.points)) totals.set(point, (totals.get(point) ?? 0) + count);
  }
  return `fault points: ${[...totals].map(([point, count]) => `${point} ${count}`).join(', ') || 'none'}`;
}

/** Leaves out one fault after the other as long as the run still breaks the same rule; the indices that are left. */
export async function shrinkFaults(failed: SeedOutcome, planted: string | undefined): Promise<number[]> {
  const rule = failed.violations[0]?.rule;
  let faults = failed.faults.map((_, index) => index);
  for (const candidate of [...faults]) {
    const fewer = faults.filter((index) => index !== candidate);
    const [again] = await runSeedsInWorkers({
      firstSeed: failed.seed,
      seedCount: 1,
      scenarios: [failed.scenario],
      planted,
      trace: false,
      onlyFaults: fewer,
    });
    if (again?.violations.some((violation) => violation.rule === rule)) faults = fewer;
  }
  return faults;
}

async function bundleInto(folder: string): Promise<string> {
  const outfile = join(folder, 'seed-worker.mjs');
  await build({
    entryPoints: [join(HERE, 'seed-worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
  });
  return outfile;
}

function runWorker(bundle: string, order: SeedOrder): Promise<SeedOutcome[]> {
  const child = spawn(process.execPath, ['--enable-source-maps', bundle, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status !== 0) reject(new Error(`a seed process ended with ${status ?? signal}`));
      const lines = Buffer.concat(parts)
        .toString()
        .split('\n')
        .filter((line) => line !== '');
      resolve(lines.map((line) => JSON.parse(line) as SeedOutcome));
    });
  });
}
