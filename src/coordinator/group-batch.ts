/** Group records as a batch of `__consumer_offsets`, and back. */
import { varintBytes, writeVarint } from '../kernel/varint.ts';
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord } from '../protocol/group/group-record.ts';
import * as batch from '../protocol/records/batch.ts';
import { forEachRecord } from '../protocol/records/record-walk.ts';

const NULL_LENGTH = -1;
const NO_HEADERS = 0;
const NO_PRODUCER = { producerId: -1n, producerEpoch: -1, baseSequence: -1 };

interface Encoded {
  readonly key: Buffer;
  readonly value: Buffer | null;
  /** Of the whole record, its own length left out. */
  readonly bodyBytes: number;
}

/**
 * Batches that hold `records` in order, at least one, all with the timestamp `wallMs`: one batch, or, where `splitBytes` is given,
 * as many as it takes to keep each below that where it holds more than one record. Throws as `encodeGroupRecord`.
 */
export function groupBatches(
  records: readonly GroupRecord[],
  wallMs: number,
  splitBytes = Number.POSITIVE_INFINITY,
): readonly { readonly bytes: Buffer; readonly records: readonly GroupRecord[] }[] {
  const batches: { bytes: Buffer; records: readonly GroupRecord[] }[] = [];
  let part: Encoded[] = [];
  let partBytes = batch.BATCH_HEADER_BYTES;
  let start = 0;
  const close = (end: number): void => {
    batches.push({ bytes: batchOf(part, partBytes, wallMs), records: records.slice(start, end) });
    part = [];
    partBytes = batch.BATCH_HEADER_BYTES;
    start = end;
  };
  for (const [index, record] of records.entries()) {
    const { key, value } = encodeGroupRecord(record);
    // The record's number in its batch takes at most as much as its number here.
    const bodyBytes = bodyBytesOf(key, value, index);
    const recordBytes = bodyBytes + varintBytes(bodyBytes);
    if (part.length > 0 && partBytes + recordBytes > splitBytes) close(index);
    part.push({ key, value, bodyBytes });
    partBytes += recordBytes;
  }
  close(records.length);
  return batches;
}

/** What one record of a read batch is. */
export interface FoundRecord {
  readonly record: GroupRecord;
  readonly offset: number;
  /** Its timestamp. */
  readonly wallMs: number;
}

/** Where the records of one batch go. */
export interface RecordSink {
  /** As `LatestOffsets.note`; the bytes are those of the batch's records. */
  offset(key: string, source: Buffer, valueStart: number, valueEnd: number, offset: number, wallMs: number): void;
  /** Any other record of a type that is known. */
  other(found: FoundRecord): void;
}

/**
 * Hands each record of a batch to `sink`. The batch's header is at `position` of `header`, its records lie uncompressed in `records`
 * from `start` to `end` (exclusive).
 * @throws GroupRecordError, KafkaError INVALID_RECORD
 */
export function forEachGroupRecord(
  header: Buffer,
  position: number,
  source: { readonly records: Buffer; readonly start: number; readonly end: number },
  sink: RecordSink,
): void {
  const { records, start, end } = source;
  const baseOffset = batch.baseOffset(header, position);
  const baseMs = Number(batch.baseTimestamp(header, position));
  forEachRecord(records, start, end, batch.recordCount(header, position), (cursor) => {
    const { keyStart, keyEnd, valueStart, valueEnd } = cursor;
    const offset = baseOffset + cursor.offsetDelta;
    const wallMs = baseMs + cursor.timestampDelta;
    if (keyStart !== -1 && isOffsetKey(records, keyStart, keyEnd)) {
      sink.offset(records.toString('latin1', keyStart, keyEnd), records, valueStart, valueEnd, offset, wallMs);
      return;
    }
    const record = decodeGroupRecord(slice(records, keyStart, keyEnd), slice(records, valueStart, valueEnd));
    if (record !== undefined) sink.other({ record, offset, wallMs });
  });
}

/** Whether a key begins with an int16 that is 0 or 1. */
function isOffsetKey(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= 2 && bytes[start] === 0 && ((bytes[start + 1] as number) & 0xfe) === 0;
}

function slice(bytes: Buffer, start: number, end: number): Buffer | null {
  return start === -1 ? null : bytes.subarray(start, end);
}

function bodyBytesOf(key: Buffer, value: Buffer | null, offsetDelta: number): number {
  const valueBytes = value === null ? varintBytes(NULL_LENGTH) : varintBytes(value.length) + value.length;
  // Attributes, a timestamp delta of 0 and a header count of 0 take a byte each.
  return 3 + varintBytes(offsetDelta) + varintBytes(key.length) + key.length + valueBytes;
}

/**
 *     varint length | int8 attributes 0 | varlong timestamp delta 0 | varint offset delta | varint key length | key |
 *     varint value length, -1 = null | value | varint header count 0
 */
function batchOf(encoded: readonly Encoded[], bytesMax: number, wallMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(bytesMax);
  let at = batch.BATCH_HEADER_BYTES;
  for (const [offsetDelta, { key, value }] of encoded.entries()) {
    at = writeVarint(bytes, at, bodyBytesOf(key, value, offsetDelta));
    bytes[at++] = 0;
    bytes[at++] = 0;
    at = writeVarint(bytes, at, offsetDelta);
    at = writeVarint(bytes, at, key.length);
    at += key.copy(bytes, at);
    at = writeVarint(bytes, at, value === null ? NULL_LENGTH : value.length);
    at += value?.copy(bytes, at) ?? 0;
    at = writeVarint(bytes, at, NO_HEADERS);
  }
  batch.sealBatch(bytes, 0, at, {
    ...NO_PRODUCER,
    baseOffset: 0,
    leaderEpoch: -1,
    attributes: 0,
    lastOffsetDelta: encoded.length - 1,
    baseTimestamp: BigInt(wallMs),
    maxTimestamp: BigInt(wallMs),
    recordCount: encoded.length,
  });
  return bytes.subarray(0, at);
}
