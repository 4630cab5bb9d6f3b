/**
 * Memory in which one record batch grows: room for the 61-byte header, then records as contract 3.1 draws them,
 *
 *     varint length | attributes 0 | varlong timestamp delta | varint offset delta | varint key length, key |
 *     varint value length, value | varint header count 0
 *
 * written straight from the input's bytes. The header is written when the batch is sent (`line-batch.ts`).
 */
import { BATCH_HEADER_BYTES } from '../protocol/records/batch.ts';

/** Copies are made in steps of four bytes, so up to three bytes past a value's end are touched. */
export const COPY_SLACK_BYTES = 4;

/** A value shorter than this is copied in 4-byte steps; above it, one native call is cheaper. */
const NATIVE_COPY_BYTES = 256;

const NULL_LENGTH = 1;
const MAX_TIMESTAMP_DELTA = 0x7fff_ffff;

/** Input bytes and a view on the same memory, which has `COPY_SLACK_BYTES` more than is ever read as input. */
export interface SourceBytes {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export class BatchSlot {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** The batch never grows beyond so many bytes, header included. */
  readonly limitBytes: number;
  /** Where the next record goes: the batch's size so far. */
  position = BATCH_HEADER_BYTES;
  recordCount = 0;
  baseTimestampMs = 0;
  maxTimestampDelta = 0;
  /** Number of the first record's line, from 0, and the input byte at which that line begins. */
  firstLine = 0;
  firstByte = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
    const memory = new ArrayBuffer(limitBytes + COPY_SLACK_BYTES);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }

  /** Empties the slot for a batch whose first record comes at `nowMs` from line `firstLine` at `firstByte`. */
  open(nowMs: number, firstLine: number, firstByte: number): void {
    this.position = BATCH_HEADER_BYTES;
    this.recordCount = 0;
    this.baseTimestampMs = nowMs;
    this.maxTimestampDelta = 0;
    this.firstLine = firstLine;
    this.firstByte = firstByte;
  }

  /** Milliseconds to stamp on records that come at `nowMs`, relative to the first; a clock that went back counts as still. */
  timestampDelta(nowMs: number): number {
    return Math.min(Math.max(0, nowMs - this.baseTimestampMs), MAX_TIMESTAMP_DELTA);
  }

  /**
   * Appends one record; false when it does not fit (nothing is written then). A negative `keyStart` is a null key.
   * Ends are exclusive.
   */
  append(
    source: SourceBytes,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    timestampDelta: number,
  ): boolean {
    const keyLength = keyStart < 0 ? 0 : keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    const zigzagKeyLength = keyStart < 0 ? NULL_LENGTH : keyLength * 2;
    const bodyBytes =
      1 +
      varintBytes(timestampDelta * 2) +
      varintBytes(this.recordCount * 2) +
      varintBytes(zigzagKeyLength) +
      keyLength +
      varintBytes(valueLength * 2) +
      valueLength +
      1;
    if (this.position + varintBytes(bodyBytes * 2) + bodyBytes > this.limitBytes) return false;
    const view = this.view;
    let at = putVarint(view, this.position, bodyBytes * 2);
    view.setUint8(at++, 0);
    at = putVarint(view, at, timestampDelta * 2);
    at = putVarint(view, at, this.recordCount * 2);
    at = putVarint(view, at, zigzagKeyLength);
    copyBytes(source, keyStart, keyLength, this, at);
    at = putVarint(view, at + keyLength, valueLength * 2);
    copyBytes(source, valueStart, valueLength, this, at);
    at += valueLength;
    view.setUint8(at++, 0);
    this.position = at;
    this.recordCount++;
    if (timestampDelta > this.maxTimestampDelta) this.maxTimestampDelta = timestampDelta;
    return true;
  }

  /**
   * The fast path: appends lines of `window` from `start` on as values without keys, up to the last delimiter in it or
   * until the next one does not fit. Answers where the first line that was not taken begins. `window` is the part of
   * `source.bytes` that holds input, from 0.
   */
  appendLines(
    source: SourceBytes,
    window: Buffer,
    start: number,
    delimiter: number | Uint8Array,
    delimiterBytes: number,
    timestampDelta: number,
  ): number {
    const view = this.view;
    const input = source.view;
    const fixedBytes = 3 + varintBytes(timestampDelta * 2);
    let at = this.position;
    let count = this.recordCount;
    let from = start;
    for (;;) {
      const end = window.indexOf(delimiter, from);
      if (end < 0) break;
      const length = end - from;
      const bodyBytes = fixedBytes + varintBytes(count * 2) + varintBytes(length * 2) + length;
      if (at + bodyBytes + varintBytes(bodyBytes * 2) > this.limitBytes) break;
      at = putVarint(view, at, bodyBytes * 2);
      view.setUint8(at++, 0);
      at = putVarint(view, at, timestampDelta * 2);
      at = putVarint(view, at, count * 2);
      view.setUint8(at++, NULL_LENGTH);
      at = putVarint(view, at, length * 2);
      if (length < NATIVE_COPY_BYTES) {
        for (let step = 0; step < length; step += 4) view.setInt32(at + step, input.getInt32(from + step));
      } else {
        window.copy(this.bytes, at, from, end);
      }
      at += length;
      view.setUint8(at++, 0);
      count++;
      from = end + delimiterBytes;
    }
    if (count > this.recordCount && timestampDelta > this.maxTimestampDelta) this.maxTimestampDelta = timestampDelta;
    this.position = at;
    this.recordCount = count;
    return from;
  }
}

/** The size of a batch that holds nothing but one record with these lengths; `keyLength` is negative for a null key. */
export function singleRecordBatchBytes(keyLength: number, valueLength: number): number {
  const keyBytes = keyLength < 0 ? 1 : varintBytes(keyLength * 2) + keyLength;
  // Room for the largest timestamp delta is not needed: a batch's first record has delta 0.
  const bodyBytes = 4 + keyBytes + varintBytes(valueLength * 2) + valueLength;
  return BATCH_HEADER_BYTES + varintBytes(bodyBytes * 2) + bodyBytes;
}

function copyBytes(source: SourceBytes, from: number, length: number, slot: BatchSlot, at: number): void {
  if (length < NATIVE_COPY_BYTES) {
    const input = source.view;
    const output = slot.view;
    for (let step = 0; step < length; step += 4) output.setInt32(at + step, input.getInt32(from + step));
  } else {
    source.bytes.copy(slot.bytes, at, from, from + length);
  }
}

/** Bytes of an already zigzagged varint, below 2^32. */
function varintBytes(zigzagged: number): number {
  return zigzagged < 0x80 ? 1 : zigzagged < 0x4000 ? 2 : zigzagged < 0x20_0000 ? 3 : zigzagged < 0x1000_0000 ? 4 : 5;
}

/** Writes an already zigzagged varint; answers the position after it. */
function putVarint(view: DataView, position: number, zigzagged: number): number {
  let rest = zigzagged;
  let at = position;
  while (rest > 0x7f) {
    view.setUint8(at++, (rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  view.setUint8(at++, rest);
  return at;
}
