import assert from 'node:assert/strict';
import { CRASH_POINT_SEEDS } from './scenarios/crash-points.ts';
import type { SeedOutcome } from './seed-run.ts';
import { failureReport, runSeedsInWorkers, type SeedsWanted, summaryLine } from './seed-workers.ts';

const SEED_COUNT = 300;
/** How many of them are run once more, to compare. */
const TWICE_COUNT = 12;
const PLANTED_SEED_COUNT = 20;

const LIFE: SeedsWanted = { firstSeed: 1, seedCount: SEED_COUNT, scenarios: ['directory-life'], trace: false };

async function mustHold(wanted: SeedsWanted): Promise<SeedOutcome[]> {
  const startMs = performance.now();
  const outcomes = await runSeedsInWorkers(wanted);
  process.stdout.write(`      ${summaryLine(outcomes, performance.now() - startMs)}\n`);
  const failed = outcomes.filter(({ violations }) => violations.length > 0);
  const seeds = failed.map(({ seed }) => seed).join(' ');
  assert.equal(failed.length, 0, `${failed.slice(0, 3).map(failureReport).join('\n\n')}\nfailing seeds: ${seeds}`);
  assert.equal(outcomes.length, wanted.seedCount);
  return outcomes;
}

describe('sim: create, produce, crash, take over and consume', function () {
  this.timeout(300_000);
  let outcomes: SeedOutcome[] = [];

  it(`${SEED_COUNT} seeds break no invariant`, async () => {
    outcomes = await mustHold(LIFE);
  });

  it('a seed run twice, in other company, gives the same trace', async () => {
    const again = await runSeedsInWorkers({ ...LIFE, firstSeed: SEED_COUNT / 2, seedCount: TWICE_COUNT });
    const first = new Map(outcomes.map(({ seed, traceHash }) => [seed, traceHash]));
    assert.equal(again.length, TWICE_COUNT);
    for (const { seed, traceHash } of again) assert.equal(traceHash, first.get(seed), `seed ${seed}`);
  });

  it('a crash at any disk call leaves nothing half-done that the next ack relies on', async () => {
    await mustHold({ ...LIFE, scenarios: ['crash-points'], seedCount: CRASH_POINT_SEEDS });
  });

  it('on a disk that fails and runs full, what was acked stays acked', async () => {
    await mustHold({ ...LIFE, scenarios: ['bad-disk'], seedCount: 40 });
  });

  it('the metadata log alone holds its promises too', async () => {
    await mustHold({ ...LIFE, scenarios: ['places'], seedCount: 60 });
  });

  for (const planted of ['ack before sync', 'folder not synced']) {
    it(`a planted bug is caught: ${planted}`, async () => {
      const runs = await runSeedsInWorkers({ ...LIFE, seedCount: PLANTED_SEED_COUNT, planted });
      const rules = new Set(runs.flatMap(({ violations }) => violations.map(({ rule }) => rule)));
      assert.ok(
        rules.has('I-1') || rules.has('I-7'),
        `${PLANTED_SEED_COUNT} seeds found only: ${[...rules].join(' ')}`,
      );
    });
  }

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
