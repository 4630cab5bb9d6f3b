import assert from 'node:assert/strict';
import { formatProducerSnapshot, parseProducerSnapshot } from '../../src/log/producer-snapshot.ts';
import type { ProducerEntry } from '../../src/log/producer-state.ts';
import { ProducerTable } from '../../src/log/producer-table.ts';

/** Written by Kafka: a producer whose only trace is an abort marker. */
const GOLDEN = Buffer.from(
  '0001bc65472700000001000000000000004d0002ffffffffffffffffffffffff000000000000018bcfe58f0f00000009ffffffffffffffff',
  'hex',
);
const ENTRY: ProducerEntry = {
  producerId: 77n,
  epoch: 2,
  coordinatorEpoch: 9,
  lastTimestamp: 0x18bcfe58f0fn,
  seenMs: 5,
  transactionFirstOffset: -1,
  batches: [],
};

describe('log: producer snapshot', () => {
  it('has the bytes that Kafka writes', () => {
    assert.equal(formatProducerSnapshot(ProducerTable.of([ENTRY])).toString('hex'), GOLDEN.toString('hex'));
  });

  it('reads what Kafka writes', () => {
    assert.deepEqual(parseProducerSnapshot(GOLDEN, 5)?.all(), [ENTRY]);
  });

  it('holds the last batch of a producer', () => {
    const batches = [1, 2].map((lastSequence) => ({
      lastSequence,
      lastOffset: lastSequence,
      offsetDelta: 0,
      timestamp: 3n,
    }));
    const table = ProducerTable.of([{ ...ENTRY, lastTimestamp: 3n, batches }]);
    assert.deepEqual(parseProducerSnapshot(formatProducerSnapshot(table), 5)?.get(77n)?.batches, batches.slice(1));
  });

  it('any flipped bit counts as no snapshot', () => {
    for (let bit = 0; bit < GOLDEN.length * 8; bit++) {
      const broken = Buffer.from(GOLDEN);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(parseProducerSnapshot(broken, 5), undefined, `bit ${bit}`);
    }
  });

  it('any other length counts as no snapshot', () => {
    for (let length = 0; length < GOLDEN.length; length++) {
      assert.equal(parseProducerSnapshot(GOLDEN.subarray(0, length), 5), undefined);
    }
    assert.equal(parseProducerSnapshot(Buffer.concat([GOLDEN, Buffer.alloc(4096)]), 5), undefined);
  });
});
