import assert from 'node:assert/strict';
import type { SeedOutcome } from './seed-run.ts';
import { failureReport, runSeedsInWorkers, type SeedsWanted, summaryLine } from './seed-workers.ts';

const SEED_COUNT = 300;
/** How many of them are run once more, to compare. */
const TWICE_COUNT = 12;
const PLANTED_SEED_COUNT = 40;

const ALL: SeedsWanted = { firstSeed: 1, seedCount: SEED_COUNT, scenarios: ['directory-life'], trace: false };

describe('sim: create, produce, crash, take over and consume', function () {
  this.timeout(300_000);
  let outcomes: SeedOutcome[] = [];

  it(`${SEED_COUNT} seeds break no invariant`, async () => {
    const startMs = performance.now();
    outcomes = await runSeedsInWorkers(ALL);
    process.stdout.write(`      ${summaryLine(outcomes, performance.now() - startMs)}\n`);
    const failed = outcomes.filter(({ violations }) => violations.length > 0);
    assert.equal(failed.length, 0, failed.slice(0, 3).map(failureReport).join('\n\n'));
    assert.equal(outcomes.length, SEED_COUNT);
  });

  it('a seed run twice, in other company, gives the same trace', async () => {
    const again = await runSeedsInWorkers({ ...ALL, firstSeed: SEED_COUNT / 2, seedCount: TWICE_COUNT });
    const first = new Map(outcomes.map(({ seed, traceHash }) => [seed, traceHash]));
    assert.equal(again.length, TWICE_COUNT);
    for (const { seed, traceHash } of again) assert.equal(traceHash, first.get(seed), `seed ${seed}`);
  });

  it('an ack before the sync is caught', async () => {
    const planted = await runSeedsInWorkers({ ...ALL, seedCount: PLANTED_SEED_COUNT, planted: 'ack before sync' });
    const caught = planted.filter(({ violations }) => violations.length > 0);
    const rules = new Set(caught.flatMap(({ violations }) => violations.map(({ rule }) => rule)));
    assert.ok(caught.length > 0, `none of ${PLANTED_SEED_COUNT} seeds caught it`);
    assert.ok(rules.has('I-1') || rules.has('I-7'), [...rules].join(' '));
  });

  it('the metadata log alone holds its promises too', async () => {
    const alone = await runSeedsInWorkers({ ...ALL, seedCount: 60, scenarios: ['places'] });
    const failed = alone.filter(({ violations }) => violations.length > 0);
    assert.equal(failed.length, 0, failed.slice(0, 3).map(failureReport).join('\n\n'));
  });

  it('a failing seed says how to run it again', () => {
    const failing: SeedOutcome = {
      scenario: 'places',
      seed: 41,
      violations: [{ rule: 'I-1', text: 'lost', atMs: 5 }],
      traceHash: '',
      traceLines: ['the last line'],
      faults: [{ atMs: 3, kind: 'power cut', seed: 1 }],
      counts: { events: 9, virtualMs: 5, operations: 0, faultsStruck: 1, points: {} },
    };
    const report = failureReport(failing);
    for (const part of [
      'seed 41',
      'I-1 at 5.000 ms: lost',
      'power cut at 3 ms',
      '--from 41 --seeds 1 --scenario places',
    ]) {
      assert.ok(report.includes(part), part);
    }
  });
});
