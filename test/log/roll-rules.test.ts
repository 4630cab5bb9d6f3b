import assert from 'node:assert/strict';
import { shouldRoll } from '../../src/log/roll-rules.ts';

const CONFIG = { segmentBytes: 1000, segmentMs: 500, segmentJitterMs: 0, segmentIndexBytes: 1200 };
const SEGMENT = {
  baseOffset: 100,
  sizeBytes: 400,
  createdMs: 10_000,
  firstTimestamp: 5000n,
  indexEntries: 3,
  timeIndexEntries: 3,
  jitterFraction: 0.5,
};
const BATCH = { sizeBytes: 100, lastOffset: 150, maxTimestamp: 5100n };

describe('log: roll rules', () => {
  for (const [what, segment, batch, config, expected] of [
    ['a batch that fits is appended', {}, {}, {}, false],
    ['a batch that fits exactly is appended', { sizeBytes: 900 }, {}, {}, false],
    ['a batch that does not fit rolls', { sizeBytes: 901 }, {}, {}, true],
    ['what a smaller size to roll at has no room for rolls', {}, {}, { rollBytes: 499 }, true],
    ['what a smaller size to roll at has room for stays', {}, {}, { rollBytes: 500 }, false],
    ['a larger size to roll at changes nothing', { sizeBytes: 901 }, {}, { rollBytes: 5000 }, true],
    ['an empty segment never rolls', { sizeBytes: 0 }, { sizeBytes: 5000, maxTimestamp: 9_999_999n }, {}, false],
    ['a timestamp as far as segment.ms does not roll', {}, { maxTimestamp: 5500n }, {}, false],
    ['a timestamp further than segment.ms rolls', {}, { maxTimestamp: 5501n }, {}, true],
    ['jitter makes it roll earlier', {}, { maxTimestamp: 5501n - 100n }, { segmentJitterMs: 202 }, true],
    ['without timestamps the age counts', { firstTimestamp: -1n, createdMs: 9400 }, { maxTimestamp: -1n }, {}, true],
    ['without timestamps a young segment stays', { firstTimestamp: -1n }, { maxTimestamp: -1n }, {}, false],
    ['a full offset index rolls', { indexEntries: 150 }, {}, {}, true],
    ['a time index with one free entry rolls', { timeIndexEntries: 99 }, {}, {}, true],
    ['a time index with two free entries does not', { timeIndexEntries: 98 }, {}, {}, false],
    ['an offset that no int32 can hold rolls', {}, { lastOffset: 100 + 0x80000000 }, {}, true],
    ['the largest offset that one can hold does not', {}, { lastOffset: 100 + 0x7fffffff }, {}, false],
  ] as const) {
    it(what, () => {
      assert.equal(
        shouldRoll({ ...SEGMENT, ...segment }, { ...BATCH, ...batch }, { ...CONFIG, ...config }, 10_000),
        expected,
      );
    });
  }
});
