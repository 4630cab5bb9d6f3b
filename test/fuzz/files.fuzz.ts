/**
 * Changed files under a whole broker on the simulated machine: it opens or refuses, in order and in bounded time, and what
 * a consumer that checks CRCs takes for records are the records that were written, at their offsets.
 */
import assert from 'node:assert/strict';
import { Prng } from '../sim/prng.ts';
import { live, makeTemplate, type Outcome } from './changed-directory.ts';
import { mutated } from './mutate.ts';
import { Flatness, tell } from './result-line.ts';

const FILE_COUNT = Number(process.env['STREAMCTL_FILES'] ?? 2000);
const SEED = Number(process.env['STREAMCTL_SEED'] ?? 1);
const TURN_MS_MAX = 2000;
const SAMPLE_FILES = 50;
const RSS_GROWTH_BYTES_MAX = 96 << 20;

describe('files that are not what was written', function () {
  this.timeout(7_200_000);

  it(`${FILE_COUNT} of them: opened or refused with a reason; nothing is served that was not written`, async () => {
    const { tree, batches } = await makeTemplate();
    const prng = new Prng(SEED);
    const paths = [...tree.keys()];
    const counts: Record<Outcome['kind'], number> = { harmless: 0, fewer: 0, refused: 0, served: 0 };
    const failures: string[] = [];
    const memory = new Flatness(() => process.memoryUsage.rss());
    let slowestMs = 0;
    for (let index = 0; index < FILE_COUNT; index += 1) {
      const path = prng.pick(paths);
      const changed = new Map(tree).set(path, mutated(tree.get(path) ?? Buffer.alloc(0), prng));
      const began = performance.now();
      try {
        const { kind, said } = await live(changed, batches, index + 1);
        counts[kind] += 1;
        if (kind === 'served') failures.push(`${index} ${path}: served ${said}`);
      } catch (error) {
        failures.push(`${index} ${path}: ${error instanceof Error ? error.message.slice(-1500) : String(error)}`);
      }
      slowestMs = Math.max(slowestMs, performance.now() - began);
      if (index % SAMPLE_FILES === 0) memory.sample();
    }
    tell('files', {
      files: FILE_COUNT,
      seed: SEED,
      kinds: paths.length,
      ...counts,
      failed: failures.length,
      slowestMs: Math.round(slowestMs),
      rssMiB: memory.facts,
    });
    assert.deepEqual(failures.slice(0, 10), []);
    assert.ok(slowestMs < TURN_MS_MAX, `${slowestMs} ms`);
    assert.ok(memory.growthBytes < RSS_GROWTH_BYTES_MAX, 'flat');
  });
});
