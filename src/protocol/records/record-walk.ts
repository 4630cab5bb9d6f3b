/**
 * Walks the records of an uncompressed record section without making an object per record (contract 3.1, performance 3.2).
 *
 *     varint length | int8 attributes = 0 | varlong timestamp delta | varint offset delta
 *     varint key length (-1 = null) | key | varint value length (-1 = null) | value | varint header count
 *     header: varint key length | key | varint value length (-1 = null) | value
 *
 * All varints are zigzag. A broken record behind a good CRC would poison every consumer, so an append checks what a consumer
 * relies on: lengths that fit exactly, offset deltas 0 to n-1, header counts, nothing left over.
 * Source: Kafka's DefaultRecord.java, DefaultRecordBatch.java.
 */
import { KafkaError } from '../errors.ts';

export interface WalkedRecords {
  /** The largest timestamp delta; 0 for no records. */
  readonly maxTimestampDelta: number;
  /** The offset delta of the first record that has it. */
  readonly maxTimestampOffsetDelta: number;
  /** The offset delta of the first record without a key; -1 = all have one. */
  readonly keylessOffsetDelta: number;
}

/**
 * Checks `count` records in `bytes` from `start` to `end` (exclusive), whose offset deltas must be 0 to `count` - 1.
 * Throws KafkaError INVALID_RECORD.
 *
 * Most records are plain: short varints, time not running backwards, no headers. Those take the few steps below without a
 * call; any other record, and any that looks wrong, is read again from its start by the cursor, which also says what is wrong.
 */
export function walkRecords(bytes: Uint8Array, start: number, end: number, count: number): WalkedRecords {
  const cursor = new RecordCursor(bytes, start, end);
  let maxTimestampDelta = 0;
  let maxTimestampOffsetDelta = -1;
  let keylessOffsetDelta = -1;
  let position = start;
  for (let index = 0; index < count; index++) {
    let timestampDelta = 0;
    let keyless = false;
    let next = -1;
    if (end - position >= PLAIN_HEAD_BYTES_MAX) {
      const length = shortVarint(bytes, position);
      const attributesAt = position + (length & 3);
      const timestamp = shortVarint(bytes, attributesAt + 1);
      const offsetAt = attributesAt + 1 + (timestamp & 3);
      const offset = shortVarint(bytes, offsetAt);
      const keyAt = offsetAt + (offset & 3);
      timestampDelta = timestamp >> 3;
      keyless = bytes[keyAt] === NULL_LENGTH;
      if (
        isShortNatural(length) &&
        isShortNatural(timestamp) &&
        offset >> 2 === index * 2 &&
        bytes[attributesAt] === 0
      ) {
        next = plainRecordEnd(bytes, keyAt, attributesAt + (length >> 3), end);
      }
    }
    if (next === -1) {
      cursor.position = position;
      cursor.next();
      if (cursor.offsetDelta !== index) {
        throw broken(`offset delta ${cursor.offsetDelta} in place of ${index}`);
      }
      timestampDelta = cursor.timestampDelta;
      keyless = cursor.keyStart === -1;
      next = cursor.position;
    }
    if (timestampDelta > maxTimestampDelta || maxTimestampOffsetDelta === -1) {
      maxTimestampDelta = timestampDelta;
      maxTimestampOffsetDelta = index;
    }
    if (keyless && keylessOffsetDelta === -1) {
      keylessOffsetDelta = index;
    }
    position = next;
  }
  cursor.position = position;
  cursor.finish();
  return { maxTimestampDelta, maxTimestampOffsetDelta: Math.max(0, maxTimestampOffsetDelta), keylessOffsetDelta };
}

/** `recordEnd` when key and value end there with no headers behind; else -1. */
function plainRecordEnd(bytes: Uint8Array, keyAt: number, recordEnd: number, end: number): number {
  if (recordEnd > end) {
    return -1;
  }
  let valueAt = keyAt + 1;
  if (bytes[keyAt] !== NULL_LENGTH) {
    const keyLength = shortVarint(bytes, keyAt);
    valueAt = keyAt + (keyLength & 3) + (keyLength >> 3);
    if (!isShortNatural(keyLength) || valueAt > recordEnd - 2) {
      return -1;
    }
  }
  const valueLength = shortVarint(bytes, valueAt);
  const headerCountAt = valueAt + (valueLength & 3) + (valueLength >> 3);
  return isShortNatural(valueLength) && headerCountAt === recordEnd - 1 && bytes[headerCountAt] === 0 ? recordEnd : -1;
}

/**
 * A varint of one to three bytes as (zigzag value << 2) | bytes; with 0 for the bytes when it is longer. A value that is
 * not negative is an even zigzag value, so value = packed >> 3.
 */
function shortVarint(bytes: Uint8Array, position: number): number {
  const first = bytes[position] as number;
  if (first < 0x80) {
    return (first << 2) | 1;
  }
  const second = bytes[position + 1] as number;
  if (second < 0x80) {
    return (second << 9) | ((first & 0x7f) << 2) | 2;
  }
  const third = bytes[position + 2] as number;
  return third < 0x80 ? (third << 16) | ((second & 0x7f) << 9) | ((first & 0x7f) << 2) | 3 : 0;
}

/** A packed varint that is short enough and not negative. */
function isShortNatural(packed: number): boolean {
  return (packed & 3) !== 0 && (packed & 4) === 0;
}

/** Length, attributes, timestamp, offset and key length, each as long as `shortVarint` takes, and the value's. */
const PLAIN_HEAD_BYTES_MAX = 16;
/** -1 as a varint. */
const NULL_LENGTH = 1;

/**
 * Calls `visit` after each record, with a cursor that stands on it and moves on afterwards. Offset deltas may have gaps, as
 * compaction leaves them. Throws KafkaError INVALID_RECORD.
 */
export function forEachRecord(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  visit: (record: RecordCursor) => void,
): void {
  const cursor = new RecordCursor(bytes, start, end);
  for (let index = 0; index < count; index++) {
    cursor.next();
    visit(cursor);
  }
  cursor.finish();
}

/** Stands on one record at a time. Positions are those of `bytes`; ends are exclusive; a null key or value has start -1. */
export class RecordCursor {
  readonly bytes: Uint8Array;
  offsetDelta = 0;
  timestampDelta = 0;
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;
  headerCount = 0;
  /** Where the first header begins. */
  headersStart = 0;
  /** Where the next record begins. */
  position: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.position = start;
    this.#end = end;
  }

  /** Reads the next record, headers included. Throws KafkaError INVALID_RECORD. */
  next(): void {
    const bytes = this.bytes;
    const recordBytes = this.#varint(this.#end);
    const recordEnd = this.position + recordBytes;
    if (recordBytes < 0 || recordEnd > this.#end) {
      throw broken(`a record of ${recordBytes} bytes, ${this.#end - this.position} left`);
    }
    if (bytes[this.position++] !== 0) {
      throw broken('record attributes that nobody uses');
    }
    this.timestampDelta = this.#varlong(recordEnd);
    this.offsetDelta = this.#varint(recordEnd);
    const keyBytes = this.#varint(recordEnd);
    this.keyStart = this.#skip(keyBytes, recordEnd);
    this.keyEnd = this.keyStart === -1 ? -1 : this.position;
    const valueBytes = this.#varint(recordEnd);
    this.valueStart = this.#skip(valueBytes, recordEnd);
    this.valueEnd = this.valueStart === -1 ? -1 : this.position;
    this.headerCount = this.#varint(recordEnd);
    this.headersStart = this.position;
    if (this.headerCount !== 0) {
      this.#skipHeaders(recordEnd);
    }
    if (this.position !== recordEnd) {
      throw broken(`a record with ${recordEnd - this.position} bytes left over`);
    }
  }

  /** Throws KafkaError INVALID_RECORD when bytes follow the last record. */
  finish(): void {
    if (this.position !== this.#end) {
      throw broken(`${this.#end - this.position} bytes after the last record`);
    }
  }

  #skipHeaders(recordEnd: number): void {
    if (this.headerCount < 0 || this.headerCount > (recordEnd - this.position) / HEADER_BYTES_MIN) {
      throw broken(`${this.headerCount} headers`);
    }
    for (let index = 0; index < this.headerCount; index++) {
      if (this.#skip(this.#varint(recordEnd), recordEnd) === -1) {
        throw broken('a header without a key');
      }
      this.#skip(this.#varint(recordEnd), recordEnd);
    }
  }

  /** Moves over a key or value and answers where it starts; -1 = null. */
  #skip(byteCount: number, recordEnd: number): number {
    if (byteCount === -1) {
      return -1;
    }
    const start = this.position;
    if (byteCount < 0 || byteCount > recordEnd - start) {
      throw broken(`a length of ${byteCount}, ${recordEnd - start} bytes left`);
    }
    this.position = start + byteCount;
    return start;
  }

  /** A zigzag varint of at most five bytes before `limit`. */
  #varint(limit: number): number {
    const bytes = this.bytes;
    let position = this.position;
    const first = position < limit ? (bytes[position++] as number) : 0x80;
    if (first < 0x80) {
      this.position = position;
      return (first >>> 1) ^ -(first & 1);
    }
    let value = first & 0x7f;
    for (let shift = 7; shift < 35 && position < limit; shift += 7) {
      const next = bytes[position++] as number;
      value |= (next & 0x7f) << shift;
      if (next < 0x80) {
        if (shift === 28 && next > 0x0f) {
          break;
        }
        this.position = position;
        return (value >>> 1) ^ -(value & 1);
      }
    }
    throw broken('a varint that is cut off or too long');
  }

  /** A zigzag varint of up to 2^52 in size; larger timestamp deltas are refused, as nobody's clock makes them. */
  #varlong(limit: number): number {
    const bytes = this.bytes;
    let position = this.position;
    let value = 0;
    let weight = 1;
    while (position < limit && weight <= VARLONG_WEIGHT_MAX) {
      const next = bytes[position++] as number;
      value += (next & 0x7f) * weight;
      if (next < 0x80) {
        if (value > VARLONG_ZIGZAG_MAX) {
          break;
        }
        this.position = position;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      weight *= 0x80;
    }
    throw broken('a timestamp delta that is cut off or too large');
  }
}

/** One byte of key length, one of value length. */
const HEADER_BYTES_MIN = 2;
const VARLONG_WEIGHT_MAX = 2 ** 49;
const VARLONG_ZIGZAG_MAX = 2 ** 53 - 1;

function broken(what: string): KafkaError {
  return new KafkaError('INVALID_RECORD', `the batch holds ${what}`);
}
