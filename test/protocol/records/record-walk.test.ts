import assert from 'node:assert/strict';
import fc from 'fast-check';
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../../../src/kernel/varint.ts';
import { KafkaError } from '../../../src/protocol/errors.ts';
import { BATCH_HEADER_BYTES } from '../../../src/protocol/records/batch.ts';
import { forEachRecord, walkRecords } from '../../../src/protocol/records/record-walk.ts';
import { GOLDEN_BATCH } from './golden-batch.ts';

interface SampleRecord {
  readonly timestampDelta: number;
  readonly offsetDelta: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: Uint8Array; readonly value: Uint8Array | null }[];
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(varintBytes(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

function varlong(value: number): Buffer {
  const bytes = Buffer.alloc(varlongBytes(value));
  writeVarlong(bytes, 0, value);
  return bytes;
}

function sized(bytes: Uint8Array | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
}

function encoded(records: readonly SampleRecord[]): Buffer {
  return Buffer.concat(
    records.map((record) => {
      const headers = record.headers.flatMap((header) => [sized(header.key), sized(header.value)]);
      const body = Buffer.concat([
        Buffer.of(0),
        varlong(record.timestampDelta),
        varint(record.offsetDelta),
        sized(record.key),
        sized(record.value),
        varint(record.headers.length),
        ...headers,
      ]);
      return Buffer.concat([varint(body.length), body]);
    }),
  );
}

const arbitraryBytes = fc.oneof(
  fc.uint8Array({ maxLength: 10 }),
  fc.integer({ min: 0, max: 20_000 }).map((byteCount) => new Uint8Array(byteCount)),
);
const maybeBytes = fc.option(arbitraryBytes, { nil: null });
const arbitraryRecord = fc.record({
  timestampDelta: fc.oneof(fc.nat({ max: 300 }), fc.integer(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 })),
  key: maybeBytes,
  value: maybeBytes,
  headers: fc.oneof(
    fc.constant([]),
    fc.array(fc.record({ key: fc.uint8Array({ maxLength: 5 }), value: maybeBytes }), { maxLength: 3 }),
  ),
});
const arbitraryRecords = fc
  .array(arbitraryRecord, { minLength: 1, maxLength: 12 })
  .map((records): SampleRecord[] => records.map((record, offsetDelta) => ({ ...record, offsetDelta })));

function isInvalid(error: unknown): boolean {
  return error instanceof KafkaError && error.errorName === 'INVALID_RECORD';
}

function walk(bytes: Uint8Array, count: number) {
  return walkRecords(bytes, 0, bytes.length, count);
}

describe('record walk', () => {
  it('walks what Kafka wrote', () => {
    assert.deepEqual(walkRecords(GOLDEN_BATCH, BATCH_HEADER_BYTES, GOLDEN_BATCH.length, 3), {
      maxTimestampDelta: 2,
      maxTimestampOffsetDelta: 2,
      keylessOffsetDelta: -1,
    });
  });

  it('finds the first largest timestamp and the first record without a key', () => {
    fc.assert(
      fc.property(arbitraryRecords, fc.nat({ max: 5 }), (records, before) => {
        const bytes = Buffer.concat([Buffer.alloc(before), encoded(records), Buffer.alloc(20)]);
        const deltas = records.map((record) => record.timestampDelta);
        const max = Math.max(...deltas);
        assert.deepEqual(walkRecords(bytes, before, bytes.length - 20, records.length), {
          maxTimestampDelta: max === 0 ? 0 : max,
          maxTimestampOffsetDelta: deltas.indexOf(max),
          keylessOffsetDelta: records.findIndex((record) => record.key === null),
        });
      }),
      { numRuns: 300 },
    );
  });

  it('shows each record to a visitor, gaps in offsets included', () => {
    fc.assert(
      fc.property(arbitraryRecords, (records) => {
        const sparse = records.map((record) => ({ ...record, offsetDelta: record.offsetDelta * 3 + 1 }));
        const bytes = encoded(sparse);
        const seen: Omit<SampleRecord, 'headers'>[] = [];
        forEachRecord(bytes, 0, bytes.length, records.length, (record) => {
          seen.push({
            timestampDelta: record.timestampDelta,
            offsetDelta: record.offsetDelta,
            key: record.keyStart === -1 ? null : new Uint8Array(bytes.subarray(record.keyStart, record.keyEnd)),
            value: record.valueStart === -1 ? null : new Uint8Array(bytes.subarray(record.valueStart, record.valueEnd)),
          });
        });
        assert.deepEqual(
          seen,
          sparse.map(({ headers: _headers, ...record }) => record),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('reads varints of more bytes than they need', () => {
    assert.equal(walk(Buffer.from('9200 00 8000 8000 01 01 8000'.replaceAll(' ', ''), 'hex'), 1).maxTimestampDelta, 0);
  });

  const plain = { timestampDelta: 0, offsetDelta: 0, key: null, value: Buffer.from('v'), headers: [] };
  const padding = Array.from({ length: 5 }, (_, index) => ({ ...plain, offsetDelta: index + 1 }));

  for (const [what, change] of [
    ['attributes other than 0', (bytes: Buffer) => bytes.writeUInt8(1, 1)],
    ['an offset delta that is not the next', (bytes: Buffer) => bytes.writeUInt8(2, 3)],
    ['a length one too short', (bytes: Buffer) => bytes.writeUInt8((bytes[0] as number) - 2, 0)],
    ['a length one too long', (bytes: Buffer) => bytes.writeUInt8((bytes[0] as number) + 2, 0)],
    ['a negative length', (bytes: Buffer) => bytes.writeUInt8(3, 0)],
    ['a key length of -2', (bytes: Buffer) => bytes.writeUInt8(3, 4)],
    ['a key that passes the end of the record', (bytes: Buffer) => bytes.writeUInt8(60, 4)],
    ['a value length of -2', (bytes: Buffer) => bytes.writeUInt8(3, 5)],
    ['a value that passes the end of the record', (bytes: Buffer) => bytes.writeUInt8(60, 5)],
    ['headers that are not there', (bytes: Buffer) => bytes.writeUInt8(2, 7)],
    ['a negative header count', (bytes: Buffer) => bytes.writeUInt8(1, 7)],
  ] as const) {
    it(`refuses ${what}, alone and before others`, () => {
      for (const records of [[plain], [plain, ...padding]]) {
        const bytes = encoded(records);
        assert.doesNotThrow(() => walk(bytes, records.length));
        change(bytes);
        assert.throws(() => walk(bytes, records.length), isInvalid);
      }
    });
  }

  it('refuses a header without a key', () => {
    const bytes = encoded([{ ...plain, headers: [{ key: Buffer.from('k'), value: null }] }]);
    bytes[8] = 1;
    assert.throws(() => walk(bytes, 1), isInvalid);
  });

  it('refuses fewer records, more records, and bytes left over', () => {
    const bytes = encoded([plain, ...padding]);
    assert.throws(() => walk(bytes, 5), isInvalid);
    assert.throws(() => walk(bytes, 7), isInvalid);
    assert.throws(() => walk(Buffer.concat([bytes, Buffer.of(0)]), 6), isInvalid);
    assert.throws(() => walk(bytes.subarray(0, bytes.length - 1), 6), isInvalid);
  });

  it('gives only INVALID_RECORD for damaged records, and never reads past the end', () => {
    fc.assert(
      fc.property(arbitraryRecords, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), (records, at, byte, cut) => {
        const bytes = encoded(records);
        const end = cut % (bytes.length + 1);
        bytes[at % bytes.length] = byte;
        for (const damaged of [bytes, bytes.subarray(0, end)]) {
          let cursorSays: unknown;
          try {
            let next = 0;
            forEachRecord(damaged, 0, damaged.length, records.length, (record) => {
              assert.ok(record.position <= damaged.length);
              if (record.offsetDelta !== next++) {
                throw new KafkaError('INVALID_RECORD');
              }
            });
          } catch (error) {
            cursorSays = error;
          }
          assert.ok(cursorSays === undefined || isInvalid(cursorSays));
          if (cursorSays === undefined) {
            walk(damaged, records.length);
          } else {
            assert.throws(() => walk(damaged, records.length), isInvalid);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
