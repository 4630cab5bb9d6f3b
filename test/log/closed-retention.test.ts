import assert from 'node:assert/strict';
import type { ClosedPartition, ClosedSegment } from '../../src/log/close-record.ts';
import { closedAges, isDeletionDue } from '../../src/log/closed-retention.ts';
import { ProducerTable } from '../../src/log/producer-table.ts';

const NOW_MS = 1_000_000;
const UNLIMITED = { retentionMs: Infinity, retentionBytes: Infinity, cleanupPolicy: 'delete' } as const;

/** A segment of 100 bytes and 10 offsets each; undefined: the line does not tell its timestamp. */
function closed(timestamps: readonly (string | null | undefined)[], more: Partial<ClosedPartition> = {}) {
  const segments = timestamps.map((largestTimestamp, index): ClosedSegment => {
    const facts = { baseOffset: index * 10, logBytes: 100, indexEntries: 0, timeIndexEntries: 0 };
    return largestTimestamp === undefined ? facts : { ...facts, largestTimestamp };
  });
  const active = {
    createdMs: 0,
    firstTimestamp: null,
    largestTimestamp: timestamps.at(-1) ?? '-1',
    largestTimestampOffset: 0,
    lastIndexedTimestamp: '-1',
    bytesSinceIndexEntry: 0,
  };
  const endOffset = timestamps.length * 10;
  const line: ClosedPartition = {
    topicId: 'id',
    logStartOffset: 0,
    endOffset,
    segments,
    active,
    producers: ProducerTable.of([]),
    ...more,
  };
  return line;
}

describe('log: retention of closed logs', () => {
  it('sizes, ends and ages are those of the line, the last segment active', () => {
    const [first, last] = closedAges(closed(['5', '7']), undefined) ?? [];
    assert.deepEqual(first, {
      baseOffset: 0,
      endOffset: 10,
      bytes: 100,
      largestTimestampMs: 5,
      modifiedMs: 0,
      active: false,
    });
    assert.deepEqual([last?.baseOffset, last?.endOffset, last?.largestTimestampMs, last?.active], [10, 20, 7, true]);
  });

  it('an age that no line tells is not guessed', () => {
    for (const unknown of [undefined, null, '-1'])
      assert.equal(closedAges(closed([unknown, '7']), undefined), undefined);
    assert.equal(closedAges(closed([undefined, '7']), 9)?.[0]?.modifiedMs, 9);
    // The active one's is told elsewhere too.
    assert.equal(closedAges(closed(['5', undefined], { active: { ...closed(['7']).active } }), undefined)?.length, 2);
  });

  it('is due by age, also of the active segment, and where the age is not known', () => {
    const config = { ...UNLIMITED, retentionMs: 1000 };
    const young = String(NOW_MS);
    assert.equal(isDeletionDue(closed([young, young]), config, NOW_MS), false);
    assert.equal(isDeletionDue(closed(['5', young]), config, NOW_MS), true);
    assert.equal(isDeletionDue(closed(['5']), config, NOW_MS), true);
    assert.equal(isDeletionDue(closed([null, young]), config, NOW_MS), true);
    assert.equal(isDeletionDue(closed([young, null, young]), config, NOW_MS), true);
  });

  it('is due by size whatever the ages are, and never without limits', () => {
    assert.equal(isDeletionDue(closed([null, '5', '5']), { ...UNLIMITED, retentionBytes: 200 }, NOW_MS), true);
    assert.equal(isDeletionDue(closed([null, '5', '5']), { ...UNLIMITED, retentionBytes: 201 }, NOW_MS), false);
    assert.equal(isDeletionDue(closed([null, '5', '5']), UNLIMITED, NOW_MS), false);
  });

  it('is due where DeleteRecords left whole segments', () => {
    assert.equal(isDeletionDue(closed(['5', '5'], { logStartOffset: 9 }), UNLIMITED, NOW_MS), false);
    assert.equal(isDeletionDue(closed(['5', '5'], { logStartOffset: 10 }), UNLIMITED, NOW_MS), true);
  });

  it('a damaged log is left as it is; an empty one has nothing to give', () => {
    assert.equal(isDeletionDue(closed(['5', '5'], { damagedAt: 3 }), { ...UNLIMITED, retentionMs: 0 }, NOW_MS), false);
    const empty = closed(['-1']);
    const segments = empty.segments.map((segment) => ({ ...segment, logBytes: 0 }));
    assert.equal(isDeletionDue({ ...empty, endOffset: 0, segments }, { ...UNLIMITED, retentionMs: 0 }, NOW_MS), false);
  });
});
