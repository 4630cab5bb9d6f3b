import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ProducerEntry } from '../../src/log/producer-state.ts';
import { ProducerTable } from '../../src/log/producer-table.ts';

function entryOf(producerId: bigint, lastOffsets: readonly number[], seenMs = 1000): ProducerEntry {
  const batches = lastOffsets.map((lastOffset) => ({
    lastSequence: lastOffset,
    lastOffset,
    offsetDelta: 0,
    timestamp: 5n,
  }));
  return {
    producerId,
    epoch: 3,
    coordinatorEpoch: -1,
    lastTimestamp: 5n,
    seenMs,
    transactionFirstOffset: -1,
    batches,
  };
}

function stored(...entries: ProducerEntry[]): ProducerTable {
  const table = ProducerTable.fromBytes(ProducerTable.of(entries).toBytes());
  assert.ok(table !== undefined);
  return table;
}

const entries = fc.uniqueArray(
  fc.record({
    producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    lastOffsets: fc.array(fc.nat(), { maxLength: 5 }),
    seenMs: fc.nat(),
  }),
  { selector: ({ producerId }) => producerId, maxLength: 20 },
);

describe('log: producer table', () => {
  it('gives back what was stored, by id and all together', () => {
    fc.assert(
      fc.property(entries, (given) => {
        const wanted = given.map(({ producerId, lastOffsets, seenMs }) => entryOf(producerId, lastOffsets, seenMs));
        const table = stored(...wanted);
        assert.deepEqual(table.all(), wanted);
        for (const entry of wanted) assert.deepEqual(table.get(entry.producerId), entry);
        assert.ok(table.toBytes().equals(ProducerTable.of(wanted).toBytes()));
      }),
    );
  });

  it('a stored entry gives way to a newer one, and to none', () => {
    const table = stored(entryOf(1n, [1]), entryOf(2n, [2]), entryOf(3n, [3]));
    table.set(entryOf(2n, [2, 7]));
    table.delete(3n);
    table.set(entryOf(9n, [9]));
    assert.equal(table.get(3n), undefined);
    assert.equal(table.get(4n), undefined);
    assert.deepEqual(table.get(2n)?.batches.length, 2);
    assert.deepEqual(
      ProducerTable.fromBytes(table.toBytes())
        ?.all()
        .map(({ producerId }) => producerId),
      [1n, 2n, 9n],
    );
  });

  it('a copy changes on its own', () => {
    const table = stored(entryOf(1n, [1]));
    const copy = table.copy();
    copy.delete(1n);
    assert.notEqual(table.get(1n), undefined);
  });

  it("idle producers are forgotten after a day, by the broker's clock, unless a transaction is open", () => {
    const day = 86_400_000;
    const table = stored(entryOf(1n, [1], 0), entryOf(2n, [2], 500), {
      ...entryOf(3n, [3], 0),
      transactionFirstOffset: 3,
    });
    table.set(entryOf(4n, [4], 0));
    table.set(entryOf(5n, [5], 500));
    table.expire(day + 1, day);
    assert.deepEqual(
      table.all().map(({ producerId }) => producerId),
      [2n, 3n, 5n],
    );
    table.expire(day, day);
    assert.equal(table.all().length, 3);
  });

  it('a cut of the log cuts the windows', () => {
    const table = stored(entryOf(1n, [100, 101, 102]), entryOf(2n, [50]));
    table.truncate(102);
    assert.deepEqual(
      table.get(1n)?.batches.map(({ lastOffset }) => lastOffset),
      [100, 101],
    );
    table.truncate(60);
    assert.deepEqual(
      table.all().map(({ producerId }) => producerId),
      [2n],
    );
  });

  it('bytes that are no whole entries are told', () => {
    const bytes = ProducerTable.of([entryOf(1n, [1, 2, 3]), entryOf(2n, [])]).toBytes();
    for (let length = 1; length < bytes.length; length++) {
      const whole = length === 55 + 2 * 24;
      assert.equal(ProducerTable.fromBytes(bytes.subarray(0, length)) !== undefined, whole, `${length} bytes`);
    }
  });
});
