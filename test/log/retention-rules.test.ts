import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expiredSegments, overDisk, type SegmentAge } from '../../src/log/retention-rules.ts';

const UNLIMITED = {
  retentionMs: Number.POSITIVE_INFINITY,
  retentionBytes: Number.POSITIVE_INFINITY,
  cleanupPolicy: 'delete' as const,
};
const NOW_MS = 1_000_000;

/** Segments of 10 offsets and 100 bytes, the last one active, with these timestamps. */
function segmentsOf(timestampsMs: readonly number[], bytes = 100): SegmentAge[] {
  return timestampsMs.map((largestTimestampMs, index) => ({
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    bytes,
    largestTimestampMs,
    modifiedMs: 500_000,
    active: index === timestampsMs.length - 1,
  }));
}

const facts = (change: Partial<{ belowOffset: number; logStartOffset: number }> = {}) => ({
  belowOffset: 1000,
  logStartOffset: 0,
  nowMs: NOW_MS,
  ...change,
});

describe('log: retention rules', () => {
  it('without limits nothing goes', () => {
    assert.deepEqual(expiredSegments(segmentsOf([0, 0, 0]), UNLIMITED, facts()), { count: 0, roll: false });
  });

  it('by age the oldest go, up to the first that is young; the age must be passed', () => {
    const config = { ...UNLIMITED, retentionMs: 1000 };
    const young = NOW_MS - 1000;
    assert.deepEqual(expiredSegments(segmentsOf([1, 2, young, 3, 4]), config, facts()), { count: 2, roll: false });
    assert.deepEqual(expiredSegments(segmentsOf([young - 1, young]), config, facts()), { count: 1, roll: false });
  });

  it('the file’s own time counts only where no record has one', () => {
    const config = { ...UNLIMITED, retentionMs: 400_000 };
    assert.deepEqual(expiredSegments(segmentsOf([-1, NOW_MS]), config, facts()), { count: 1, roll: false });
    assert.deepEqual(expiredSegments(segmentsOf([-1, NOW_MS]), { ...config, retentionMs: 500_000 }, facts()).count, 0);
  });

  it('timestamps of the future never expire', () => {
    const config = { ...UNLIMITED, retentionMs: 0 };
    assert.equal(expiredSegments(segmentsOf([NOW_MS + 1, 0, 0]), config, facts()).count, 0);
  });

  it('by size those go that leave at least as much as is asked for', () => {
    const sizes = (retentionBytes: number) =>
      expiredSegments(segmentsOf([1, 1, 1, 1]), { ...UNLIMITED, retentionBytes }, facts());
    assert.deepEqual(sizes(400), { count: 0, roll: false });
    assert.deepEqual(sizes(301), { count: 0, roll: false });
    assert.deepEqual(sizes(300), { count: 1, roll: false });
    assert.deepEqual(sizes(100), { count: 3, roll: false });
    assert.deepEqual(sizes(0), { count: 3, roll: true });
  });

  it('the active one is sealed first, unless it is empty', () => {
    const config = { ...UNLIMITED, retentionMs: 1000 };
    assert.deepEqual(expiredSegments(segmentsOf([1, 1]), config, facts()), { count: 1, roll: true });
    assert.deepEqual(expiredSegments(segmentsOf([1]), config, facts()), { count: 0, roll: true });
    assert.deepEqual(expiredSegments(segmentsOf([1], 0), config, facts()), { count: 0, roll: false });
  });

  it('what reaches past the high watermark or the disk stays', () => {
    const config = { ...UNLIMITED, retentionMs: 1000 };
    assert.deepEqual(expiredSegments(segmentsOf([1, 1, 1]), config, facts({ belowOffset: 19 })), {
      count: 1,
      roll: false,
    });
  });

  it('what lies before the log start goes, whatever its age', () => {
    assert.equal(expiredSegments(segmentsOf([NOW_MS, NOW_MS, 1]), UNLIMITED, facts({ logStartOffset: 19 })).count, 1);
    assert.equal(expiredSegments(segmentsOf([NOW_MS, NOW_MS, 1]), UNLIMITED, facts({ logStartOffset: 20 })).count, 2);
  });
});

describe('log: the cap on a directory’s size', () => {
  const user = (name: string, timestampsMs: readonly number[], change = {}) => ({
    name,
    internal: false,
    deletable: true,
    belowOffset: 1000,
    segments: segmentsOf(timestampsMs),
    ...change,
  });

  it('over all partitions the oldest go first, until it is enough', () => {
    const users = [user('a', [10, 40, 50]), user('b', [20, 30, 60])];
    assert.deepEqual(overDisk(users, 600, 600), []);
    assert.deepEqual(overDisk(users, 600, 599), [{ name: 'a', count: 1 }]);
    assert.deepEqual(overDisk(users, 600, 301), [
      { name: 'a', count: 1 },
      { name: 'b', count: 2 },
    ]);
    assert.deepEqual(overDisk(users, 600, 0), [
      { name: 'a', count: 2 },
      { name: 'b', count: 2 },
    ]);
  });

  it('a segment is as old as the youngest before it', () => {
    assert.deepEqual(overDisk([user('a', [90, 1, 99]), user('b', [50, 99])], 500, 400), [{ name: 'b', count: 1 }]);
  });

  it('nothing goes of internal topics, of those that are not deleted from, nor past what is committed and on the disk', () => {
    const users = [
      user('internal', [1, 2], { internal: true }),
      user('kept', [1, 2], { deletable: false }),
      user('ahead', [1, 2, 3], { belowOffset: 10 }),
    ];
    assert.deepEqual(overDisk(users, 600, 0), [{ name: 'ahead', count: 1 }]);
  });

  it('never takes an active segment, nor more than is needed', () => {
    const timestamps = fc.array(fc.integer({ min: -1, max: 99 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(timestamps, { maxLength: 5 }), fc.nat(3000), (all, maxBytes) => {
        const users = all.map((each, index) => user(`t-${index}`, each));
        const usedBytes = 100 * all.flat().length;
        const given = overDisk(users, usedBytes, maxBytes);
        const count = given.reduce((sum, each) => sum + each.count, 0);
        for (const each of given) assert.ok(each.count < (all[Number(each.name.slice(2))]?.length ?? 0));
        const sealed = all.flat().length - all.length;
        assert.equal(count, Math.min(sealed, Math.max(0, Math.ceil((usedBytes - maxBytes) / 100))));
      }),
    );
  });
});
