/** What runs of the simulation came to, for people. */
import { describeFault } from './fault-plan.ts';
import type { SeedOutcome } from './seed-run.ts';

/** A seed counts when at least so much happened in it. */
export const OPERATIONS_MIN = 200;
export const FAULTS_MIN = 10;

export function counts({ counts: { operations, faultsStruck } }: SeedOutcome): boolean {
  return operations >= OPERATIONS_MIN && faultsStruck >= FAULTS_MIN;
}

/** How to run it again, with `faults` of its plan where only those are needed. */
export function againLine({ scenario, seed, crash }: SeedOutcome, faults?: readonly number[]): string {
  const parts = [`npm run sim -- --from ${seed} --seeds 1 --scenario ${scenario}`];
  if (crash !== undefined) parts.push(`--crash '${JSON.stringify(crash)}'`);
  if (faults !== undefined) parts.push(`--faults ${faults.join(',') || 'none'}`);
  return `${parts.join(' ')} --trace`;
}

export function failureReport(outcome: SeedOutcome, shrunk?: readonly number[]): string {
  const { scenario, seed, violations, faults, traceLines, counts: made } = outcome;
  const broken = violations.map(({ rule, text, atMs }) => `  ${rule} at ${atMs.toFixed(3)} ms: ${text}`);
  const planned = faults.map((fault, index) => ({ index, text: describeFault(fault, index) }));
  const needed = planned.filter(({ index }) => shrunk?.includes(index) ?? true);
  return [
    `scenario ${scenario}, seed ${seed} (${made.events} events):`,
    ...broken,
    `  ${shrunk === undefined ? 'faults' : `${needed.length} of ${faults.length} faults are enough`}: ${needed.map(({ text }) => text).join('; ')}`,
    ...traceLines.slice(-40).map((line) => `    ${line}`),
    `  again: ${againLine(outcome, shrunk)}`,
  ].join('\n');
}

/** A line for each scenario and one for all. */
export function summaryLines(outcomes: readonly SeedOutcome[], elapsedMs: number): string {
  const names = [...new Set(outcomes.map(({ scenario }) => scenario))].sort();
  const lines = names.map((name) => {
    return summaryLine(
      name,
      outcomes.filter(({ scenario }) => scenario === name),
    );
  });
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length;
  const hours = outcomes.reduce((total, { counts: { virtualMs } }) => total + virtualMs, 0) / 3_600_000;
  const seconds = elapsedMs / 1000;
  const rate = (outcomes.length / seconds).toFixed(1);
  const largestMiB = Math.max(0, ...outcomes.map(({ counts: { residentBytes } }) => residentBytes)) / 2 ** 20;
  lines.push(
    `${outcomes.length} runs in ${seconds.toFixed(1)} s (${rate}/s), ${failed} failed; ${hours.toFixed(1)} virtual hours; largest worker ${largestMiB.toFixed(0)} MiB`,
  );
  return lines.join('\n');
}

function summaryLine(name: string, outcomes: readonly SeedOutcome[]): string {
  const counted = outcomes.filter(counts).length;
  const of = (what: 'operations' | 'faultsStruck' | 'events'): string => {
    const sorted = outcomes.map((outcome) => outcome.counts[what]).sort((a, b) => a - b);
    return `${sorted[sorted.length >> 1]} (least ${sorted[0]})`;
  };
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length;
  return [
    `${name}: ${outcomes.length} runs, ${counted} count, ${failed} failed`,
    `medians: ${of('operations')} operations, ${of('faultsStruck')} faults, ${of('events')} events`,
  ].join('; ');
}

/** How often each fault point was passed, all runs together. */
export function pointCounts(outcomes: readonly SeedOutcome[]): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const outcome of outcomes) {
    for (const [point, count] of Object.entries(outcome.counts.points)) {
      totals.set(point, (totals.get(point) ?? 0) + count);
    }
  }
  return totals;
}

/** How often faults of each kind came to something. */
export function kindsLine(outcomes: readonly SeedOutcome[]): string {
  const totals = new Map<string, number>();
  for (const outcome of outcomes) {
    for (const [kind, count] of Object.entries(outcome.counts.struck))
      totals.set(kind, (totals.get(kind) ?? 0) + count);
  }
  return `faults: ${listOf(totals)}`;
}

export function pointsLine(points: ReadonlyMap<string, number>): string {
  return `fault points: ${listOf(points)}`;
}

function listOf(totals: ReadonlyMap<string, number>): string {
  return [...totals].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
}
