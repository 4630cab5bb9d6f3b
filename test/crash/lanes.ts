/**
 * What the lanes of real faults share: one line for each result, kept as JSON in $STREAMCTL_RESULTS/<lane>.ndjson where that is
 * set, and loud words where the machine lacks something, so that nobody takes a lane that was left out for one that passed.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** The number in the environment variable `name`, else `size`. */
export function sizeOf(name: string, size: number): number {
  return Number(process.env[name] ?? size);
}

export function report(lane: string, facts: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify({ lane, ...facts });
  process.stdout.write(`${line}\n`);
  const folder = process.env['STREAMCTL_RESULTS'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `${lane}.ndjson`), `${line}\n`);
}

/** Leaves the lane out, where STREAMCTL_PEERS=required fails it. */
export function notRun(context: Mocha.Context, lane: string, reason: string): never {
  report(lane, { notRun: reason });
  process.stderr.write(`\n*** NOT RUN: ${lane.toUpperCase()}: ${reason.toUpperCase()} ***\n`);
  if (process.env['STREAMCTL_PEERS'] === 'required') throw new Error(`${lane} was not run: ${reason}`);
  context.skip();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** In [from, to). */
export function between(from: number, to: number): number {
  return from + Math.random() * (to - from);
}
