import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  copied,
  RecordRanges,
  Scratch,
  sealWithRecords,
  shifted,
  withoutRecords,
  withSection,
} from '../../../src/log/compaction/rewrite-batch.ts';
import { RecordCursor } from '../../../src/protocol/records/record-walk.ts';
import { keyedBatch, readBatches } from './keyed-batches.ts';

const NO_CHANGE = { deleteHorizonMs: undefined };

/** The ranges of the records with these indexes. */
function rangesOf(records: Buffer, count: number, kept: (index: number) => boolean): RecordRanges {
  const ranges = new RecordRanges();
  const cursor = new RecordCursor(records, 0, records.length);
  for (let index = 0; index < count; index++) {
    const start = cursor.position;
    cursor.next();
    if (kept(index)) ranges.add(start, cursor.position);
  }
  return ranges;
}

describe('log: a batch of which a part stays', () => {
  const original = keyedBatch(
    Array.from({ length: 9 }, (_, index) => [`k${index}`, index === 4 ? null : `v${index}`]),
    {
      baseOffset: 1000,
      leaderEpoch: 7,
      producerId: 5n,
      epoch: 3,
      sequence: 40,
      timestamp: 1_700_000_000_000n,
    },
  );
  const records = original.subarray(61);

  it('has those records byte for byte, under their offsets, and the rest of its header', () => {
    const out = copied(
      new Scratch(),
      records,
      rangesOf(records, 9, (index) => index % 3 !== 1),
    );
    sealWithRecords(out, original, 0, { ...NO_CHANGE, recordCount: 6, maxTimestamp: 1_700_000_000_008n });
    const [before] = readBatches(original);
    const [after] = readBatches(out);
    assert.ok(before !== undefined && after !== undefined);
    assert.deepEqual(after, { ...before, records: before.records.filter(({ offset }) => (offset - 1000) % 3 !== 1) });
  });

  it('says the same times from its delete horizon on', () => {
    const horizon = 1_800_000_000_000n;
    const ranges = rangesOf(records, 9, (index) => index > 2);
    const out = shifted(new Scratch(), records, ranges, Number(1_700_000_000_000n - horizon));
    assert.ok(out !== undefined);
    sealWithRecords(out, original, 0, { recordCount: 6, maxTimestamp: 1_700_000_000_008n, deleteHorizonMs: horizon });
    const [before] = readBatches(original);
    const [after] = readBatches(out);
    assert.ok(before !== undefined && after !== undefined);
    assert.deepEqual(after, { ...before, attributes: 0x40, baseTimestamp: horizon, records: before.records.slice(3) });
    assert.equal(shifted(new Scratch(), records, ranges, 2 ** 53), undefined);
  });

  it('is a header alone when none stays, which keeps offsets, producer and time', () => {
    const zipped = keyedBatch([['a', 'b']], {
      gzip: true,
      attributes: 0x58,
      producerId: 5n,
      sequence: 1,
      baseOffset: 9,
    });
    const [before] = readBatches(
      keyedBatch([['a', 'b']], { attributes: 0x18, producerId: 5n, sequence: 1, baseOffset: 9 }),
    );
    const [after] = readBatches(withoutRecords(new Scratch(), zipped, 0));
    assert.ok(before !== undefined);
    assert.deepEqual(after, { ...before, baseTimestamp: -1n, records: [] });
  });

  it('takes a compressed section in the place of its records', () => {
    const scratch = new Scratch();
    const zipped = keyedBatch([['a', 'b']], { gzip: true });
    const plain = Buffer.from(zipped.subarray(0, 61));
    const out = withSection(scratch, Buffer.concat([plain, Buffer.alloc(200)]), zipped.subarray(61));
    assert.deepEqual(out, zipped);
  });

  it('ranges are those that were added, neighbours as one', () => {
    const lengths = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9 })), { maxLength: 300 });
    fc.assert(
      fc.property(lengths, (parts) => {
        const ranges = new RecordRanges();
        const expected: number[] = [];
        let at = 0;
        for (const [isKept, length] of parts) {
          if (isKept) {
            ranges.add(at, at + length);
            for (let byte = at; byte < at + length; byte++) expected.push(byte);
          }
          at += length;
        }
        const seen: number[] = [];
        let lastEnd = -1;
        ranges.forEach((start, end) => {
          assert.ok(start > lastEnd);
          lastEnd = end;
          for (let byte = start; byte < end; byte++) seen.push(byte);
        });
        assert.deepEqual([seen, ranges.byteCount], [expected, expected.length]);
      }),
    );
  });
});
