import assert from 'node:assert/strict';
import { formatCleanMarker, parseCleanMarker } from '../../src/log/clean-marker.ts';

describe('log: clean marker', () => {
  it('has the bytes that Kafka writes', () => assert.equal(formatCleanMarker(7), '{"version":0,"brokerEpoch":7}'));

  it('reads what it writes', () => assert.equal(parseCleanMarker(formatCleanMarker(7)), 7));

  for (const text of [
    '',
    '{}',
    '{"version":1,"brokerEpoch":7}',
    '{"version":0}',
    '{"version":0,"brokerEpoch":"7"}',
    '[',
    '{"version":0,"brokerEpoch":7,"brokerEpoch":8}',
    '{"version":0,"brokerEpoch":9007199254740993}',
    '{"__proto__":{"version":0,"brokerEpoch":7}}',
    '{"version":0,"brokerEpoch":7,"constructor":{}}',
    '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{"version":0}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]',
  ]) {
    it(`does not believe ${text}`, () => assert.equal(parseCleanMarker(text), undefined));
  }
});
