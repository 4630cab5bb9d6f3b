import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BatchSlot, singleRecordBatchBytes } from '../../src/client/batch-slot.ts';
import { sealLineBatch } from '../../src/client/line-batch.ts';
import { LineBuffer } from '../../src/client/line-buffer.ts';
import { LineEncoder } from '../../src/client/line-encoder.ts';
import type { PendingBatch } from '../../src/client/partition-queue.ts';
import { BATCH_HEADER_BYTES } from '../../src/protocol/records/batch.ts';
import { forEachRecord, walkRecords } from '../../src/protocol/records/record-walk.ts';

const BASE_MS = 0x18bcfe56800;

interface ReadRecord {
  readonly key: string | null;
  readonly value: string;
  readonly timestampDelta: number;
}

function fill(lines: LineBuffer, bytes: Buffer): void {
  bytes.copy(lines.target());
  lines.received(bytes.length);
}

/** All records of the slot; checks that they are well formed. */
function recordsOf(slot: BatchSlot): ReadRecord[] {
  const found: ReadRecord[] = [];
  const { bytes, position, recordCount } = slot;
  const walked = walkRecords(bytes, BATCH_HEADER_BYTES, position, recordCount);
  assert.equal(walked.maxTimestampDelta, slot.maxTimestampDelta);
  forEachRecord(bytes, BATCH_HEADER_BYTES, position, recordCount, (record) => {
    const text = (start: number, end: number) => bytes.toString('latin1', start, end);
    found.push({
      key: record.keyStart < 0 ? null : text(record.keyStart, record.keyEnd),
      value: text(record.valueStart, record.valueEnd),
      timestampDelta: record.timestampDelta,
    });
  });
  return found;
}

function pendingBatch(slot: BatchSlot): PendingBatch {
  return {
    partition: 0,
    slot,
    recordCount: slot.recordCount,
    baseSequence: 0,
    codec: 'none',
    bytes: slot.bytes.subarray(0, slot.position),
    state: 'ready',
    firstAttemptMs: undefined,
    lastRefusal: undefined,
  };
}

describe('line encoder', () => {
  it('writes the batch that Kafka writes', () => {
    const slot = new BatchSlot(1000);
    const encoder = new LineEncoder({
      delimiter: Buffer.from('\n'),
      keyDelimiter: Buffer.from('='),
      keyedPartitionCount: undefined,
      maxBatchBytes: 1000,
    });
    encoder.setSlot(0, slot);
    const lines = new LineBuffer();
    for (let index = 0; index < 3; index++) {
      fill(lines, Buffer.from(`k0=value-0-${index}\n`));
      assert.equal(encoder.encode(lines, BASE_MS + index), 'input');
    }
    const batch = pendingBatch(slot);
    sealLineBatch(batch, { producerId: 77n, producerEpoch: 2 });
    // The golden batch of Kafka's own encoder, but for base offset and leader epoch, which the broker sets.
    const header = '0000000000000000 00000067 ffffffff 02 d3f9eade 0000 00000002 0000018bcfe56800 0000018bcfe56802';
    const rest = '000000000000004d 0002 00000000 00000003';
    const bodies = [0, 1, 2].map((index) => {
      const delta = `0${index * 2}`;
      return `2200${delta}${delta}046b3012${Buffer.from(`value-0-${index}`).toString('hex')}00`;
    });
    assert.equal(batch.bytes.toString('hex'), `${header}${rest}${bodies.join('')}`.replaceAll(' ', ''));
  });

  it('encodes what splitting at the delimiter gives, however the input comes in pieces', () => {
    const anyByte = fc.oneof(fc.constantFrom(10, 13, 0, 58, 61), fc.integer({ min: 0, max: 255 }));
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.array(anyByte, { maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
    );
    const delimiters = fc.constantFrom('\n', '\0', '\r\n', '\n\n', '\r\n\r', '::');
    fc.assert(
      fc.property(
        text,
        delimiters,
        fc.option(fc.constantFrom(':', '=', '::')),
        fc.integer({ min: 1, max: 80 }),
        (bytes, delimiter, keyDelimiter, pieceBytes) => {
          const input = Buffer.from(bytes);
          const { records, stopped } = encodeAll(input, delimiter, keyDelimiter, pieceBytes);
          const expected = expectedRecords(input.toString('latin1'), delimiter, keyDelimiter);
          assert.deepEqual(
            records.map(({ key, value }) => [key, value]),
            expected.records,
          );
          assert.equal(stopped, expected.stopped);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('knows exactly how large a batch of one record is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1, max: 20_000 }),
        fc.integer({ min: 0, max: 20_000 }),
        (keyLength, valueLength) => {
          const neededBytes = singleRecordBatchBytes(keyLength, valueLength);
          const memory = Buffer.alloc(keyLength + valueLength + 10);
          const source = { bytes: memory, view: new DataView(memory.buffer, memory.byteOffset, memory.length) };
          const keyStart = keyLength < 0 ? -1 : 0;
          const valueStart = Math.max(0, keyLength);
          const fits = (slot: BatchSlot) =>
            slot.append(source, keyStart, keyLength, valueStart, valueStart + valueLength, 0);
          const exact = new BatchSlot(neededBytes);
          assert.equal(fits(exact), true);
          assert.equal(exact.position, neededBytes);
          assert.equal(fits(new BatchSlot(neededBytes - 1)), false);
        },
      ),
    );
  });

  it('stamps each record with the time at which it came, and never goes back', () => {
    const slot = new BatchSlot(1000);
    const encoder = new LineEncoder({
      delimiter: Buffer.from('\n'),
      keyDelimiter: undefined,
      keyedPartitionCount: undefined,
      maxBatchBytes: 1000,
    });
    encoder.setSlot(0, slot);
    const lines = new LineBuffer();
    for (const nowMs of [1000, 1070, 999, 101_000]) {
      fill(lines, Buffer.from('x\n'));
      encoder.encode(lines, nowMs);
    }
    assert.equal(slot.baseTimestampMs, 1000);
    assert.deepEqual(
      recordsOf(slot).map(({ timestampDelta }) => timestampDelta),
      [0, 70, 0, 100_000],
    );
  });

  it('holds a long line as it comes, in memory that grows to twice its length at most', () => {
    const lines = new LineBuffer();
    for (let piece = 0; piece < 50; piece++) fill(lines, Buffer.alloc(200_000, 'x'));
    assert.equal(lines.heldBytes, 10_000_000);
    assert.ok(lines.bytes.length < 22_000_000);
    assert.ok(lines.window().every((byte) => byte === 0x78));
  });
});

/** Through small slots, with 100 bytes for a batch's records. */
function encodeAll(
  input: Buffer,
  delimiter: string,
  keyDelimiter: string | null,
  pieceBytes: number,
): { records: ReadRecord[]; stopped: boolean } {
  const encoder = new LineEncoder({
    delimiter: Buffer.from(delimiter),
    keyDelimiter: keyDelimiter === null ? undefined : Buffer.from(keyDelimiter),
    keyedPartitionCount: undefined,
    maxBatchBytes: 10_000,
  });
  const lines = new LineBuffer();
  encoder.beginInput('x', lines);
  const records: ReadRecord[] = [];
  const takeSlot = () => {
    const slot = encoder.slot(0);
    if (slot !== undefined) records.push(...recordsOf(slot));
    encoder.setSlot(0, undefined);
  };
  const encode = (last: boolean) => {
    for (;;) {
      let stop = encoder.encode(lines, 1);
      if (last && stop === 'input') stop = encoder.encodeLast(lines, 1);
      if (stop === 'input') return;
      takeSlot();
      encoder.setSlot(0, new BatchSlot(Math.max(BATCH_HEADER_BYTES + 100, encoder.wantedBytes)));
    }
  };
  let stopped = false;
  try {
    for (let at = 0; at < input.length; at += pieceBytes) {
      fill(lines, input.subarray(at, at + pieceBytes));
      encode(false);
    }
    encode(true);
    assert.equal(lines.byteOffset(lines.start), input.length);
  } catch (error) {
    assert.equal((error as { kind?: string }).kind, 'data', String(error));
    stopped = true;
  }
  takeSlot();
  assert.equal(encoder.lineCount, records.length);
  return { records, stopped };
}

function expectedRecords(
  text: string,
  delimiter: string,
  keyDelimiter: string | null,
): { records: [string | null, string][]; stopped: boolean } {
  const lines = text.split(delimiter);
  if (lines.at(-1) === '') lines.pop();
  const records: [string | null, string][] = [];
  for (const line of lines) {
    if (keyDelimiter === null) {
      records.push([null, line]);
      continue;
    }
    const at = line.indexOf(keyDelimiter);
    if (at < 0) return { records, stopped: true };
    records.push([line.slice(0, at), line.slice(at + keyDelimiter.length)]);
  }
  return { records, stopped: false };
}
