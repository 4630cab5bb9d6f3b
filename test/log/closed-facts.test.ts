import assert from 'node:assert/strict';
import { isClosedFacts, isDigestsByName } from '../../src/log/closed-facts.ts';

function facts(): Record<string, unknown> {
  return {
    topicId: 'AQIDBAUGBwgJCgsMDQ4PEA',
    logStartOffset: 0,
    endOffset: 120,
    segments: [segment()],
    active: active(),
  };
}

function segment(): Record<string, unknown> {
  return { baseOffset: 0, logBytes: 900, indexEntries: 2, timeIndexEntries: 1, heads: '00000001', index: null };
}

function active(): Record<string, unknown> {
  return {
    createdMs: 5.25,
    firstTimestamp: null,
    largestTimestamp: '9223372036854775807',
    largestTimestampOffset: 119,
    lastIndexedTimestamp: '-1',
    bytesSinceIndexEntry: 17,
  };
}

const WRONG: Readonly<Record<string, unknown>> = {
  nothing: null,
  'a number': 7,
  'no fields': {},
  'a topic id that is none': { ...facts(), topicId: 1 },
  'an offset as text': { ...facts(), endOffset: '120' },
  'an offset beyond 2^53': { ...facts(), endOffset: 2 ** 53 },
  'an offset below 0': { ...facts(), logStartOffset: -1 },
  'an offset that is no whole number': { ...facts(), endOffset: 0.5 },
  'segments that are none': { ...facts(), segments: { length: 1 } },
  'a segment that is none': { ...facts(), segments: [null] },
  'a segment of negative size': { ...facts(), segments: [{ ...segment(), logBytes: -1 }] },
  'a segment with a digest that is none': { ...facts(), segments: [{ ...segment(), heads: 'xyz' }] },
  'a segment with a timestamp that is none': { ...facts(), segments: [{ ...segment(), largestTimestamp: '0x7' }] },
  'no active segment': { ...facts(), active: null },
  'a timestamp of a million digits': { ...facts(), active: { ...active(), largestTimestamp: '9'.repeat(1e6) } },
  'a flag that is none': { ...facts(), gaps: 'yes' },
  'damage nowhere': { ...facts(), damagedAt: 'somewhere' },
};

describe('log: facts of the close record', () => {
  it('takes what is written, also with more fields than it knows', () => {
    assert.ok(isClosedFacts(facts()));
    assert.ok(isClosedFacts({ ...facts(), gaps: true, epochs: 'deadbeef', damagedAt: 7, later: {} }));
  });

  for (const [name, value] of Object.entries(WRONG)) {
    it(`refuses ${name}`, () => assert.equal(isClosedFacts(value), false));
  }

  it('digests by name are 8 hex digits each', () => {
    assert.ok(isDigestsByName({ files: { 'meta.properties': 'deadbeef' } }));
    for (const files of [undefined, null, 'deadbeef', { 'meta.properties': 7 }]) {
      assert.equal(isDigestsByName({ files }), false);
    }
  });
});
