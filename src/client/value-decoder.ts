/**
 * The raw path of `consume`: each record's value and a delimiter, copied from the batch straight into the output's chunk.
 * No object is made per record. Layout of a record: `batch-slot.ts`.
 */
import { COPY_SLACK_BYTES, copyShort, NATIVE_COPY_BYTES } from './copy-bytes.ts';
import type { DecodableBatch } from './decodable-batch.ts';
import { type LineKernels, lineKernels } from './line-kernels.ts';
import type { OutputChunk, RecordOutput } from './record-output.ts';

/** -1 as a varint: the length of a null key. */
const NULL_LENGTH = 1;
/** A plain record's fields before its value, each as long as the loop takes, and the header count. */
const PLAIN_BYTES_MAX = 24;
/** Fewer records than this do not pay for a call into WebAssembly. */
const KERNEL_RECORDS_MIN = 16;
/** With less room than this a chunk counts as full, and few records fit. */
const FULL_BYTES = 16 << 10;

/**
 * Copies records of `batch` from its cursor on, until the batch's end, `limitRecords` of them or the output being full.
 * Moves the cursor behind what was copied; answers how many records were. Throws KafkaError INVALID_RECORD for broken ones.
 */
export function decodeValues(
  batch: DecodableBatch,
  delimiter: Uint8Array,
  output: RecordOutput,
  limitRecords: number,
): number {
  let taken = 0;
  let kernels = delimiter.length === 1 && batch.isWholeWanted ? kernelsFor(batch) : undefined;
  while (batch.recordsLeft > 0 && taken < limitRecords && !output.isFull) {
    const { chunk } = output;
    const before = chunk.recordCount;
    if (kernels !== undefined) {
      if (!copyByKernel(kernels, batch, delimiter, chunk, limitRecords - taken)) kernels = undefined;
    } else if (batch.isWholeWanted) {
      copyPlain(batch, delimiter, chunk, limitRecords - taken);
    }
    taken += chunk.recordCount - before;
    if (batch.recordsLeft > 0 && taken < limitRecords) taken += copyAny(batch, delimiter, output);
  }
  return taken;
}

/**
 * `copyPlain` by WebAssembly, for a delimiter of one byte. False when it came to a stop early on, at a record that
 * is not plain or very long: in such a batch JavaScript is the quicker one.
 */
export function copyByKernel(
  kernels: LineKernels,
  batch: DecodableBatch,
  delimiter: Uint8Array,
  chunk: OutputChunk,
  limitRecords: number,
): boolean {
  const delimiterByte = delimiter[0] as number;
  let wanted = Math.min(batch.recordsLeft, limitRecords);
  let taken = 0;
  do {
    const source = { bytes: batch.bytes, start: batch.position, end: batch.end };
    const target = { bytes: chunk.bytes, start: chunk.position, end: chunk.limit };
    taken = kernels.decodeValues(source, target, wanted, delimiterByte);
    wanted -= taken;
    chunk.position = kernels.targetPosition;
    chunk.recordCount += taken;
    batch.advance(kernels.sourcePosition, batch.recordsLeft - taken);
  } while (taken >= KERNEL_RECORDS_MIN && wanted > 0);
  return wanted === 0 || taken >= KERNEL_RECORDS_MIN || chunk.limit - chunk.position < FULL_BYTES;
}

function kernelsFor(batch: DecodableBatch): LineKernels | undefined {
  return batch.recordsLeft < KERNEL_RECORDS_MIN ? undefined : lineKernels(batch.end - batch.position);
}

/**
 * Copies records as long as they are plain: lengths of up to three bytes, no headers, a value that is there and fits the
 * chunk. Most are; any other, and any that looks wrong, is left to `copyAny`.
 */
export function copyPlain(
  batch: DecodableBatch,
  delimiter: Uint8Array,
  chunk: OutputChunk,
  limitRecords: number,
): void {
  const { view, bytes } = batch;
  const output = chunk.view;
  const lastStart = batch.end - PLAIN_BYTES_MAX;
  const sourceLimit = view.byteLength - COPY_SLACK_BYTES;
  const outputLimit = chunk.limit - delimiter.length;
  const delimiterByte = delimiter.length === 1 ? (delimiter[0] as number) : -1;
  const count = Math.min(batch.recordsLeft, limitRecords);
  let at = batch.position;
  let to = chunk.position;
  let taken = 0;
  while (taken < count && at <= lastStart) {
    const length = shortVarint(view, at);
    const bodyAt = at + (length & 3);
    const next = bodyAt + (length >> 3);
    let keyAt = bodyAt + 1;
    while (view.getUint8(keyAt++) > 0x7f);
    while (view.getUint8(keyAt++) > 0x7f);
    let valueLengthAt = keyAt + 1;
    if (view.getUint8(keyAt) !== NULL_LENGTH) {
      const keyLength = shortVarint(view, keyAt);
      valueLengthAt = keyAt + (keyLength & 3) + (keyLength >> 3);
      if (!isShortNatural(keyLength) || valueLengthAt >= next) break;
    }
    const packedLength = shortVarint(view, valueLengthAt);
    const valueAt = valueLengthAt + (packedLength & 3);
    const valueBytes = packedLength >> 3;
    if (valueAt + valueBytes !== next - 1 || !isShortNatural(packedLength) || !isShortNatural(length)) break;
    if (next > sourceLimit || to + valueBytes > outputLimit || view.getUint8(next - 1) !== 0) break;
    if (valueBytes < NATIVE_COPY_BYTES) copyShort(view, valueAt, output, to, valueBytes);
    else bytes.copy(chunk.bytes, to, valueAt, next - 1);
    to += valueBytes;
    if (delimiterByte >= 0) output.setUint8(to, delimiterByte);
    else chunk.bytes.set(delimiter, to);
    to += delimiter.length;
    at = next;
    taken++;
  }
  chunk.position = to;
  chunk.recordCount += taken;
  batch.advance(at, batch.recordsLeft - taken);
}

/** Takes one record, wanted or not; answers how many were copied. */
function copyAny(batch: DecodableBatch, delimiter: Uint8Array, output: RecordOutput): number {
  const record = batch.nextRecord();
  if (record.offsetDelta >= batch.untilDelta) {
    batch.advance(batch.position, 0);
    return 0;
  }
  if (record.offsetDelta < batch.fromDelta) return 0;
  if (record.valueStart >= 0) output.bytes(batch.bytes, record.valueStart, record.valueEnd);
  output.bytes(delimiter, 0, delimiter.length);
  output.chunk.recordCount++;
  return 1;
}

/**
 * A varint of one to three bytes as (zigzag value << 2) | bytes; with 0 for the bytes when it is longer. A value that is
 * not negative is an even zigzag value, so value = packed >> 3.
 */
function shortVarint(view: DataView, position: number): number {
  const first = view.getUint8(position);
  if (first < 0x80) return (first << 2) | 1;
  const second = view.getUint8(position + 1);
  if (second < 0x80) return (second << 9) | ((first & 0x7f) << 2) | 2;
  const third = view.getUint8(position + 2);
  return third < 0x80 ? (third << 16) | ((second & 0x7f) << 9) | ((first & 0x7f) << 2) | 3 : 0;
}

/** A packed varint that is short enough and not negative. */
function isShortNatural(packed: number): boolean {
  return (packed & 3) !== 0 && (packed & 4) === 0;
}
