/** A process that runs seeds one after the other, as told on its command line, and prints one JSON line for each. */

import { crashPoints } from './scenarios/crash-points.ts';
import { badDisk, directoryLife } from './scenarios/directory-life.ts';
import { places } from './scenarios/places.ts';
import { type PlantedBug, runSeed, type Scenario, type SeedOptions } from './seed-run.ts';

export const SCENARIOS: readonly Scenario[] = [places, directoryLife, crashPoints, badDisk];

export interface SeedOrder {
  readonly seeds: readonly number[];
  /** All when empty. */
  readonly scenarios: readonly string[];
  readonly planted?: string | undefined;
  readonly trace: boolean;
  readonly onlyFaults?: readonly number[] | undefined;
}

const order = JSON.parse(process.argv[2] ?? '{}') as SeedOrder;
const chosen = SCENARIOS.filter(({ name }) => order.scenarios.length === 0 || order.scenarios.includes(name));
for (const seed of order.seeds) {
  for (const scenario of chosen) {
    const options: SeedOptions = {
      seed,
      ...(order.planted === undefined ? {} : { planted: order.planted as PlantedBug }),
      ...(order.onlyFaults === undefined ? {} : { onlyFaults: order.onlyFaults }),
      ...(order.trace ? { print: (line: string) => void process.stderr.write(`${line}\n`) } : {}),
    };
    process.stdout.write(`${JSON.stringify(await runSeed(scenario, options))}\n`);
  }
}
