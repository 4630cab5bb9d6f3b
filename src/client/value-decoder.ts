/**
 * The raw path of `consume`: each record's value and a delimiter, copied from the batch straight into the output's chunk.
 * No object is made per record. Layout of a record: `batch-slot.ts`.
 */
import type { DecodableBatch } from './decodable-batch.ts';
import type { OutputChunk, RecordOutput } from './record-output.ts';

/** A value shorter than this is copied in 4-byte steps; above it, one native call is cheaper. */
const NATIVE_COPY_BYTES = 256;

/**
 * Copies records of `batch` from its cursor on, until the batch's end, `limitRecords` of them or the output being full.
 * Moves the cursor behind what was copied; answers how many records were. Throws RangeError for broken records.
 */
export function decodeValues(
  batch: DecodableBatch,
  delimiter: Uint8Array,
  output: RecordOutput,
  limitRecords: number,
): number {
  let taken = 0;
  while (batch.recordsLeft > 0 && taken < limitRecords && !output.isFull) {
    const before = output.chunk.recordCount;
    const fits = fillChunk(batch, delimiter, output.chunk, limitRecords - taken);
    taken += output.chunk.recordCount - before;
    if (fits) continue;
    if (output.chunk.position > 0) {
      output.flush();
    } else {
      copyLarge(batch, delimiter, output);
      taken++;
    }
  }
  return taken;
}

/** True when the batch or the limit is used up, false when the next record does not fit. */
function fillChunk(batch: DecodableBatch, delimiter: Uint8Array, chunk: OutputChunk, limitRecords: number): boolean {
  const { view, bytes, end, fromDelta, untilDelta } = batch;
  const output = chunk.view;
  const copyLimit = view.byteLength - 4;
  const delimiterBytes = delimiter.length;
  const delimiterByte = delimiterBytes === 1 ? (delimiter[0] as number) : -1;
  let at = batch.position;
  let left = batch.recordsLeft;
  let taken = 0;
  let to = chunk.position;
  let fits = true;
  while (left > 0 && taken < limitRecords) {
    const bodyStart = varintEnd(view, at);
    const next = bodyStart + varint(view, at, bodyStart);
    const deltaStart = varintEnd(view, bodyStart + 1);
    const keyLengthStart = varintEnd(view, deltaStart);
    const delta = varint(view, deltaStart, keyLengthStart);
    const keyStart = varintEnd(view, keyLengthStart);
    const keyBytes = varint(view, keyLengthStart, keyStart);
    const valueLengthStart = keyBytes > 0 ? keyStart + keyBytes : keyStart;
    const valueStart = varintEnd(view, valueLengthStart);
    const length = Math.max(0, varint(view, valueLengthStart, valueStart));
    if (next > end || valueStart + length >= next || keyBytes < -1)
      throw new RangeError('a record that does not fit its batch');
    if (delta >= untilDelta) {
      left = 0;
      break;
    }
    if (delta >= fromDelta) {
      if (to + length + delimiterBytes > chunk.limit) {
        fits = false;
        break;
      }
      if (length < NATIVE_COPY_BYTES && valueStart + length <= copyLimit) {
        for (let step = 0; step < length; step += 4) output.setInt32(to + step, view.getInt32(valueStart + step));
      } else {
        bytes.copy(chunk.bytes, to, valueStart, valueStart + length);
      }
      to += length;
      if (delimiterByte >= 0) output.setUint8(to, delimiterByte);
      else chunk.bytes.set(delimiter, to);
      to += delimiterBytes;
      taken++;
    }
    at = next;
    left--;
  }
  chunk.position = to;
  chunk.recordCount += taken;
  batch.advance(at, left);
  return fits;
}

/** For a record that is larger than a chunk. */
function copyLarge(batch: DecodableBatch, delimiter: Uint8Array, output: RecordOutput): void {
  const record = batch.nextRecord();
  output.bytes(batch.bytes, record.valueStart, record.valueEnd);
  output.bytes(delimiter, 0, delimiter.length);
  output.chunk.recordCount++;
}

/** Where the varint that begins at `at` ends. */
function varintEnd(view: DataView, at: number): number {
  let end = at;
  while (view.getUint8(end++) > 0x7f);
  return end;
}

/** The zigzag varint from `at` to `end`, as `varintEnd` answered. */
function varint(view: DataView, at: number, end: number): number {
  const first = view.getUint8(at);
  if (end - at === 1) return (first >>> 1) ^ -(first & 1);
  if (end - at > 5) throw new RangeError('a varint that is too long');
  let value = first & 0x7f;
  for (let index = at + 1, shift = 7; index < end; index++, shift += 7) value |= (view.getUint8(index) & 0x7f) << shift;
  return (value >>> 1) ^ -(value & 1);
}
