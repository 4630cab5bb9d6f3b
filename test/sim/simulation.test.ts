import assert from 'node:assert/strict';
import { type Bundle, bundleWorker } from './bundle.ts';
import { crashOrders } from './crash-orders.ts';
import { MIX, ordersOf } from './seed-mix.ts';
import { counts, failureReport, summaryLines } from './seed-report.ts';
import { CRASH_MODELS, FAILURE_MODELS, type SeedOutcome } from './seed-run.ts';
import type { SeedOrder } from './seed-worker.ts';
import { runOrders } from './worker-pool.ts';

const SEED_COUNT = 140;
/** How many of them are run once more, to compare. */
const TWICE_COUNT = 12;
const CRASH_POINT_COUNT = 400;

describe('sim: whole lives of a directory', function () {
  this.timeout(900_000);
  let bundle: Bundle;
  let outcomes: SeedOutcome[] = [];

  before(async () => {
    bundle = await bundleWorker();
  });
  after(() => bundle.remove());

  async function mustHold(orders: readonly SeedOrder[]): Promise<SeedOutcome[]> {
    const startMs = performance.now();
    const found = await runOrders(bundle.path, orders);
    const failed = found.filter(({ violations }) => violations.length > 0);
    const seeds = failed.map(({ scenario, seed, crash }) => `${scenario} ${seed} ${JSON.stringify(crash) ?? ''}`);
    const lines = summaryLines(found, performance.now() - startMs).split('\n');
    // Of stories, all together are enough.
    const told = orders.some(({ crash }) => crash !== undefined) ? lines.slice(-1) : lines;
    for (const line of told) process.stdout.write(`      ${line}\n`);
    const reports = failed.slice(0, 3).map((outcome) => failureReport(outcome));
    assert.equal(failed.length, 0, `${reports.join('\n\n')}\nfailing: ${seeds.join(', ')}`);
    assert.equal(found.length, orders.length);
    return found;
  }

  it(`${SEED_COUNT} seeds break no invariant`, async () => {
    outcomes = await mustHold(ordersOf(1, SEED_COUNT));
    const counted = outcomes.filter(counts).length;
    assert.ok(counted >= SEED_COUNT * 0.9, `${counted} of ${SEED_COUNT} seeds count`);
    assert.deepEqual([...new Set(outcomes.map(({ scenario }) => scenario))].sort(), Object.keys(MIX).sort());
  });

  it('a seed run twice, in other company, gives the same trace', async () => {
    const again = await runOrders(bundle.path, ordersOf(SEED_COUNT / 2, TWICE_COUNT));
    const first = new Map(outcomes.map(({ seed, traceHash }) => [seed, traceHash]));
    assert.equal(again.length, TWICE_COUNT);
    for (const { seed, traceHash } of again) assert.equal(traceHash, first.get(seed), `seed ${seed}`);
  });

  it('a crash at any disk call leaves nothing half-done that the next ack relies on', async () => {
    const every = await crashOrders(bundle.path, { models: CRASH_MODELS, stride: 1, stories: [] });
    const stride = Math.ceil(every.orders.length / CRASH_POINT_COUNT);
    await mustHold(every.orders.filter((_, at) => at % stride === 0));
  });

  it('a disk call that fails is told, or made good', async () => {
    const every = await crashOrders(bundle.path, { models: FAILURE_MODELS, stride: 1, stories: [] });
    const stride = Math.ceil(every.orders.length / CRASH_POINT_COUNT);
    await mustHold(every.orders.filter((_, at) => at % stride === 0));
  });

  it('the metadata log alone holds its promises too', async () => {
    await mustHold(ordersOf(1, 60, ['places']));
  });

  it('a failing seed says how to run it again, and which of its faults are needed', () => {
    const failing: SeedOutcome = {
      scenario: 'places',
      seed: 41,
      violations: [{ rule: 'I-1', text: 'lost', atMs: 5 }],
      traceHash: '',
      traceLines: ['the last line'],
      faults: [
        { atMs: 2, kind: 'kill any', seed: 1 },
        { atMs: 3, kind: 'power cut', seed: 1 },
      ],
      counts: {
        events: 9,
        residentBytes: 0,
        virtualMs: 5,
        operations: 0,
        faultsStruck: 1,
        struck: {},
        calls: 0,
        points: {},
      },
    };
    const report = failureReport(failing, [1]);
    const parts = ['seed 41', 'I-1 at 5.000 ms: lost', '1 of 2 faults', 'power cut at 3 ms'];
    for (const part of [...parts, '--from 41 --seeds 1 --scenario places --faults 1 --trace']) {
      assert.ok(report.includes(part), part);
    }
    assert.ok(!report.includes('kill any'));
  });
});
