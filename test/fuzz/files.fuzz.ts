/**
 * Changed files under `log verify` and a whole broker on the simulated machine: both end, in order and in bounded time, and what a
 * consumer is given are the records that were written, at their offsets. STREAMCTL_FILES of them, over every kind of file;
 * STREAMCTL_FILES_FROM=n with STREAMCTL_FILES=1 is the n-th alone.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { type Bundle, bundleWorker } from '../sim/bundle.ts';
import { type FilesResult, type KindCounts, noCounts } from './changed-files.ts';
import { ALL_KINDS } from './file-kinds.ts';
import { tell, tellTable } from './result-line.ts';

const FILE_COUNT = Number(process.env['STREAMCTL_FILES'] ?? 2000);
const FIRST = Number(process.env['STREAMCTL_FILES_FROM'] ?? 0);
const SEED = Number(process.env['STREAMCTL_SEED'] ?? 1);
const PROCESSES_MAX = 4;
/** Below that a kind may have been left out by chance. */
const ALL_KINDS_FILES = 2000;
/** Of the processor; how long a run waits for it is not the question. */
const RUN_MS_MAX = 1000;
const RSS_GROWTH_MIB_MAX = 96;
const RSS_MIB_MAX = 512;
/** More collector threads than cores only get in each other's way; most garbage dies young. */
const QUICK = ['--single-threaded-gc', '--max-semi-space-size=64'];

async function runShare(bundle: Bundle, first: number, step: number): Promise<FilesResult> {
  const args = [...QUICK, bundle.path, ...[SEED, first, step, FIRST + FILE_COUNT].map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 << 20 });
  return JSON.parse(stdout) as FilesResult;
}

async function runAll(): Promise<FilesResult[]> {
  const bundle = await bundleWorker([], '../fuzz/files-worker.ts');
  try {
    const processCount = Math.min(PROCESSES_MAX, availableParallelism(), FILE_COUNT);
    const starts = Array.from({ length: processCount }, (_, index) => FIRST + index);
    return await Promise.all(starts.map((first) => runShare(bundle, first, processCount)));
  } finally {
    bundle.remove();
  }
}

/** All shares' counts, with a line for every kind. */
function sumByKind(results: readonly FilesResult[]): Map<string, KindCounts> {
  const sums = new Map(ALL_KINDS.map((kind) => [kind, noCounts()]));
  for (const { byKind } of results) {
    for (const [kind, counts] of Object.entries(byKind)) sums.set(kind, sumOf([sums.get(kind) ?? noCounts(), counts]));
  }
  return sums;
}

function sumOf(all: readonly KindCounts[]): KindCounts {
  const sum = noCounts();
  for (const counts of all) {
    for (const key of Object.keys(sum) as (keyof KindCounts)[]) sum[key] += counts[key];
  }
  return sum;
}

describe('files that are not what was written', function () {
  this.timeout(7_200_000);

  it(`${FILE_COUNT} of them: opened or refused with a reason; nothing is served that was not written`, async () => {
    const began = performance.now();
    const results = await runAll();
    const byKind = sumByKind(results);
    const failures = results.flatMap((each) => each.failures);
    const slowestMs = Math.max(...results.map((each) => each.slowestMs));
    const memories = results.map(({ memory }) => memory);
    tellTable('files', 'kind', byKind);
    tell('files', {
      files: FILE_COUNT,
      seed: SEED,
      seconds: Math.round((performance.now() - began) / 1000),
      kinds: byKind.size,
      ...sumOf([...byKind.values()]),
      failed: results.reduce((sum, { failureCount }) => sum + failureCount, 0),
      slowestMs,
      rssMiB: memories,
    });
    assert.deepEqual(failures.slice(0, 10), []);
    const left = [...byKind].filter(([kind, counts]) => !ALL_KINDS.includes(kind) || runsOf(counts) === 0);
    if (FILE_COUNT >= ALL_KINDS_FILES) assert.deepEqual(left, [], 'every kind of file, and no other');
    assert.ok(slowestMs < RUN_MS_MAX, `${slowestMs} ms`);
    for (const { growth, max } of memories) assert.ok(growth < RSS_GROWTH_MIB_MAX && max < RSS_MIB_MAX, 'flat');
  });
});

function runsOf({ same, found, missed, quiet }: KindCounts): number {
  return same + found + missed + quiet;
}
