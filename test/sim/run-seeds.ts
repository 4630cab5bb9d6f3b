/**
 * Runs seeds of the simulation scenarios and says which failed, and how to run one of them again.
 *
 *     npx tsx test/sim/run-seeds.ts [--seeds N] [--from K] [--scenario NAME] [--plant BUG] [--trace] [--faults 1,4,7] [--shrink]
 *
 * --shrink looks for the fewest faults with which the first failing seed still fails; --faults runs with those only.
 *
 * The code is bundled first, so that loading a module while a simulated process runs is a matter of promises only.
 */
import { parseArgs } from 'node:util';
import { failureReport, pointsLine, runSeedsInWorkers, shrinkFaults, summaryLine } from './seed-workers.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string', multiple: true, default: [] },
    plant: { type: 'string' },
    trace: { type: 'boolean', default: false },
    faults: { type: 'string' },
    shrink: { type: 'boolean', default: false },
  },
});

const startMs = performance.now();
const outcomes = await runSeedsInWorkers({
  firstSeed: Number(values.from),
  seedCount: Number(values.seeds),
  scenarios: values.scenario,
  planted: values.plant,
  trace: values.trace,
  onlyFaults: values.faults
    ?.split(',')
    .filter((text) => text !== '')
    .map(Number),
});
const failed = outcomes.filter(({ violations }) => violations.length > 0);
for (const outcome of failed.slice(0, 5)) process.stdout.write(`${failureReport(outcome)}\n\n`);
process.stdout.write(`${summaryLine(outcomes, performance.now() - startMs)}\n${pointsLine(outcomes)}\n`);
if (failed.length > 0) process.stdout.write(`failing seeds: ${failed.map(({ seed }) => seed).join(' ')}\n`);
const [first] = failed;
if (values.shrink && first !== undefined) {
  const faults = await shrinkFaults(first, values.plant);
  process.stdout.write(`seed ${first.seed} of ${first.scenario} still fails with --faults ${faults.join(',')}\n`);
}
process.exitCode = failed.length > 0 ? 1 : 0;
