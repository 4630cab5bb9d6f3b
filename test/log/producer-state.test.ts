import assert from 'node:assert/strict';
import { afterBatch, checkProducerBatch, type ProducerEntry, sequenceAfter } from '../../src/log/producer-state.ts';
import { KafkaError } from '../../src/protocol/errors.ts';

const MAX = 2_147_483_647;

function batch(baseSequence: number, count = 1, epoch = 0) {
  return { producerId: 7n, epoch, baseSequence, lastOffsetDelta: count - 1 };
}

/** The entry after the batches, which follow one another from offset 100. */
function entryAfter(...batches: ReturnType<typeof batch>[]): ProducerEntry | undefined {
  let entry: ProducerEntry | undefined;
  let next = 100;
  for (const each of batches) {
    next += each.lastOffsetDelta + 1;
    const placed = { ...each, lastOffset: next - 1, timestamp: 5n, transactional: false, control: false };
    entry = afterBatch(entry, placed, 1000);
  }
  return entry;
}

function refused(entry: ProducerEntry | undefined, next: ReturnType<typeof batch>, errorName: string): void {
  assert.throws(
    () => checkProducerBatch(entry, next),
    (error) => error instanceof KafkaError && error.errorName === errorName,
  );
}

describe('log: producer state', () => {
  it('sequences wrap after 2147483647', () => {
    assert.equal(sequenceAfter(MAX, 1), 0);
    assert.equal(sequenceAfter(MAX - 1, 3), 1);
    assert.equal(sequenceAfter(5, 2), 7);
  });

  it('an unknown producer may begin with any sequence', () => {
    assert.equal(checkProducerBatch(undefined, batch(17)), undefined);
  });

  it('the next sequence is accepted, any other is out of order', () => {
    const entry = entryAfter(batch(0, 3));
    assert.equal(checkProducerBatch(entry, batch(3)), undefined);
    for (const sequence of [4, 1, 2]) refused(entry, batch(sequence), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
  });

  it('a batch may straddle the wrap, and be recognised', () => {
    const entry = entryAfter(batch(MAX - 1, 4));
    assert.equal(checkProducerBatch(entry, batch(MAX - 1, 4))?.lastOffset, 103);
    assert.equal(checkProducerBatch(entry, batch(2)), undefined);
  });

  it('the last five batches are recognised as what they are, an older one is out of order', () => {
    const entry = entryAfter(batch(0), batch(1, 2), batch(3), batch(4), batch(5), batch(6));
    assert.equal(entry?.batches.length, 5);
    assert.deepEqual(checkProducerBatch(entry, batch(1, 2)), {
      lastSequence: 2,
      lastOffset: 102,
      offsetDelta: 1,
      timestamp: 5n,
    });
    assert.equal(checkProducerBatch(entry, batch(6))?.lastOffset, 106);
    refused(entry, batch(0), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
  });

  it('the same first sequence with another count is no duplicate', () => {
    refused(entryAfter(batch(0, 3)), batch(0, 2), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
  });

  it('a new epoch begins with sequence 0 and forgets the window', () => {
    const entry = entryAfter(batch(0), batch(1));
    refused(entry, batch(2, 1, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER');
    assert.equal(checkProducerBatch(entry, batch(0, 1, 1)), undefined);
    assert.equal(entryAfter(batch(0), batch(1), batch(0, 1, 1))?.batches.length, 1);
  });

  it('an older epoch is fenced', () => {
    refused(entryAfter(batch(0, 1, 3)), batch(1, 1, 2), 'INVALID_PRODUCER_EPOCH');
  });

  it('a plain batch in an open transaction is refused, and a marker ends it', () => {
    const placed = { ...batch(0), lastOffset: 100, timestamp: 5n, transactional: true, control: false };
    const open = afterBatch(undefined, placed, 0);
    assert.equal(open.transactionFirstOffset, 100);
    refused(open, batch(1), 'INVALID_TXN_STATE');
    const ended = afterBatch(open, { ...placed, baseSequence: -1, lastOffset: 101, control: true }, 0);
    assert.equal(ended.transactionFirstOffset, -1);
    assert.equal(checkProducerBatch(ended, batch(1)), undefined);
  });
});
