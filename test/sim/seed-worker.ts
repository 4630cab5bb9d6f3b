/** A process that runs one seed after the other: an order is a line on its input, the outcome a line of its output. */
import { createInterface } from 'node:readline';
import { SCENARIOS } from './scenarios/all.ts';
import { runSeed, type SeedOptions } from './seed-run.ts';

export interface SeedOrder extends Omit<SeedOptions, 'print'> {
  readonly scenario: string;
  /** Every line of the trace goes to standard error. */
  readonly trace?: boolean;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { scenario: name, trace, ...options } = JSON.parse(line) as SeedOrder;
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const print = (text: string): void => void process.stderr.write(`${text}\n`);
  const outcome = await runSeed(scenario, trace === true ? { ...options, print } : options);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
