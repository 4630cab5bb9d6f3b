/**
 * Memory in which one record batch grows: room for the 61-byte header, then records as contract 3.1 draws them,
 *
 *     varint length | attributes 0 | varlong timestamp delta | varint offset delta | varint key length, key |
 *     varint value length, value | varint header count 0
 *
 * written straight from the input's bytes. The header is written when the batch is sent (`line-batch.ts`).
 */
import { BATCH_HEADER_BYTES } from '../protocol/records/batch.ts';
import { COPY_SLACK_BYTES, copyShort, NATIVE_COPY_BYTES, viewOf } from './copy-bytes.ts';
import { takeKernelBytes } from './kernel-memory.ts';
import { NULL_LENGTH, putVarint, varintBytes } from './record-varints.ts';

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
  /** Whether the last lines that were taken were short ones, in a row (`line-loops.ts`). */
  wereShort = true;

  /** @param bytes the memory, at least `COPY_SLACK_BYTES` longer than the limit */
  constructor(limitBytes: number, bytes: Buffer = takeKernelBytes(limitBytes + COPY_SLACK_BYTES)) {
    this.limitBytes = limitBytes;
    this.bytes = bytes;
    this.view = viewOf(this.bytes);
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
    this.taken(at, this.recordCount + 1, timestampDelta);
    return true;
  }

  /** The records up to `position` were appended, `recordCount` of them by now, with no later timestamp than this. */
  taken(position: number, recordCount: number, timestampDelta: number): void {
    if (recordCount > this.recordCount && timestampDelta > this.maxTimestampDelta) {
      this.maxTimestampDelta = timestampDelta;
    }
    this.position = position;
    this.recordCount = recordCount;
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
    copyShort(source.view, from, slot.view, at, length);
  } else {
    source.bytes.copy(slot.bytes, at, from, from + length);
  }
}
