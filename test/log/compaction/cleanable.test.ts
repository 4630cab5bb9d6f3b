import assert from 'node:assert/strict';
import { type CompactionConfig, cleanableOf, isDue } from '../../../src/log/compaction/cleanable.ts';
import type { SegmentAge } from '../../../src/log/retention-rules.ts';

const NOW = 1_000_000;
const CONFIG: CompactionConfig = { minCleanableDirtyRatio: 0.5, minCompactionLagMs: 0, maxCompactionLagMs: Infinity };
const FACTS = { cleanedOffset: undefined, logStartOffset: 0, belowOffset: 1000, nowMs: NOW };

/** Segments of ten offsets and 100 bytes, the last one active, with these largest timestamps. */
function segments(...largestMs: readonly number[]): SegmentAge[] {
  return largestMs.map((largestTimestampMs, index) => ({
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    bytes: 100,
    largestTimestampMs,
    modifiedMs: NOW - 50,
    active: index === largestMs.length - 1,
  }));
}

describe('log: what may be compacted', () => {
  for (const [what, found, facts, config, expected] of [
    ['all but the active segment', segments(1, 2, 3), {}, {}, [0, 20, 200, 1]],
    ['nothing of one segment', segments(1), {}, {}, undefined],
    ['from where the last compaction came', segments(1, 2, 3), { cleanedOffset: 10 }, {}, [10, 20, 100, 0.5]],
    ['from the middle of a segment', segments(1, 2, 3), { cleanedOffset: 15 }, {}, [15, 20, 100, 0.5]],
    ['nothing when all is compacted', segments(1, 2, 3), { cleanedOffset: 20 }, {}, undefined],
    ['from the start of the log', segments(1, 2, 3), { cleanedOffset: 3, logStartOffset: 12 }, {}, [12, 20, 100, 0.5]],
    ['all when it was compacted beyond its end', segments(1, 2, 3), { cleanedOffset: 31 }, {}, [0, 20, 200, 1]],
    [
      'nothing that reaches past what is committed or on the disk',
      segments(1, 2, 3, 4),
      { belowOffset: 29 },
      {},
      [0, 20, 200, 1],
    ],
    [
      'no segment with a record that is too young',
      segments(1, NOW - 10, 3, 4),
      {},
      { minCompactionLagMs: 20 },
      [0, 10, 100, 1],
    ],
    [
      'nor one without timestamps that was written too lately',
      segments(1, -1, 4),
      {},
      { minCompactionLagMs: 60 },
      [0, 10, 100, 1],
    ],
    [
      'but what was compacted once',
      segments(NOW, 1, NOW),
      { cleanedOffset: 10 },
      { minCompactionLagMs: 20 },
      [10, 20, 100, 0.5],
    ],
  ] as const) {
    it(what, () => {
      const cleanable = cleanableOf(found, { ...CONFIG, ...config }, { ...FACTS, ...facts });
      const { firstDirtyOffset, endOffset, dirtyBytes, dirtyRatio } = cleanable ?? {};
      const seen = cleanable === undefined ? undefined : [firstDirtyOffset, endOffset, dirtyBytes, dirtyRatio];
      assert.deepEqual(seen, expected);
    });
  }

  it('is due when more of it is dirty than min.cleanable.dirty.ratio, or a record waited longer than max.compaction.lag.ms', () => {
    const half = { firstDirtyOffset: 0, endOffset: 20, dirtyBytes: 100, dirtyRatio: 0.5 };
    assert.equal(isDue(half, CONFIG, 0, NOW), false);
    assert.equal(isDue({ ...half, dirtyRatio: 0.51 }, CONFIG, undefined, NOW), true);
    const lag = { ...CONFIG, maxCompactionLagMs: 100 };
    assert.deepEqual([isDue(half, lag, NOW - 100, NOW), isDue(half, lag, NOW - 101, NOW)], [false, true]);
    assert.equal(isDue(half, lag, undefined, NOW), false);
  });
});
