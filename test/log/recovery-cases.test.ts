import assert from 'node:assert/strict';
import { decideAfterScan, decideOpen, planReplay } from '../../src/log/recovery-cases.ts';

const SOUND = { sameSegments: true, sameActiveBytes: true };
const MIB = 1024 * 1024;

describe('log: recovery cases', () => {
  for (const [what, facts, expected] of [
    ['no segment', { hasSegments: false, closedCleanly: true, record: SOUND }, 'fresh'],
    ['a clean close that the files agree with', { hasSegments: true, closedCleanly: true, record: SOUND }, 'trust'],
    ['no clean close', { hasSegments: true, closedCleanly: false, record: SOUND }, 'recover'],
    ['no close record', { hasSegments: true, closedCleanly: true, record: undefined }, 'recover'],
    [
      'other segments than were closed',
      { hasSegments: true, closedCleanly: true, record: { ...SOUND, sameSegments: false } },
      'recover',
    ],
    [
      'another size than was closed',
      { hasSegments: true, closedCleanly: true, record: { ...SOUND, sameActiveBytes: false } },
      'recover',
    ],
  ] as const) {
    it(`${what}: ${expected}`, () => assert.equal(decideOpen(facts), expected));
  }

  for (const [endOffset, badBytes, moreSegments, durablePoint, expected] of [
    [10, false, false, 10, 'keep'],
    [12, false, false, 10, 'keep'],
    [10, true, false, 10, 'cut'],
    [12, true, false, 10, 'cut'],
    [9, true, false, 10, 'damage'],
    [9, false, false, 10, 'damage'],
    [12, true, true, 10, 'damage'],
    [9, true, true, 10, 'damage'],
  ] as const) {
    const bytes = badBytes ? 'bad' : 'no';
    const segments = moreSegments ? 'more' : 'no';
    it(`valid up to ${endOffset}, ${bytes} bytes and ${segments} segments after it, durable up to ${durablePoint}: ${expected}`, () => {
      assert.equal(decideAfterScan({ endOffset, badBytes, moreSegments, durablePoint }), expected);
    });
  }

  const segments = [0, 100, 200, 300].map((baseOffset) => ({ baseOffset, logBytes: 100 * MIB }));

  it('walks from the segment of the durable point or, for the producers, 256 MiB before the end', () => {
    const facts = { segments, durablePoint: 350, closedEnd: undefined, hasEpochs: true, missingSegment: undefined };
    assert.deepEqual(planReplay(facts), { firstIndex: 1, producersFrom: 1 });
    assert.deepEqual(planReplay({ ...facts, durablePoint: 50 }), { firstIndex: 0, producersFrom: 1 });
  });

  it('walks from a close record that is newer than that', () => {
    const facts = { segments, durablePoint: 350, closedEnd: 320, hasEpochs: true, missingSegment: undefined };
    assert.deepEqual(planReplay(facts), { firstIndex: 3, producersFrom: 'record' });
    assert.deepEqual(planReplay({ ...facts, closedEnd: 20 }), { firstIndex: 1, producersFrom: 1 });
  });

  it('walks from the segment before an empty one', () => {
    const facts = { durablePoint: 350, closedEnd: 320, hasEpochs: true, missingSegment: undefined };
    const withEmpty = segments.map((segment) => (segment.baseOffset === 200 ? { ...segment, logBytes: 0 } : segment));
    assert.deepEqual(planReplay({ ...facts, segments: withEmpty }), { firstIndex: 1, producersFrom: 'record' });
  });

  it('walks from the segment before one that is gone', () => {
    const facts = { segments, durablePoint: 350, closedEnd: 320, hasEpochs: true, missingSegment: 150 };
    assert.deepEqual(planReplay(facts), { firstIndex: 1, producersFrom: 'record' });
  });

  it('walks everything when the leader epochs are to be found', () => {
    const facts = { segments, durablePoint: 350, closedEnd: 320, hasEpochs: false, missingSegment: undefined };
    assert.deepEqual(planReplay(facts), { firstIndex: 0, producersFrom: 'record' });
  });
});
