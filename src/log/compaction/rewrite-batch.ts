/**
 * What takes the place of a batch of which a compaction keeps a part. Base and last offset, producer, sequence, leader epoch,
 * codec and record offsets stay; so an offset is that of the same record for ever.
 *
 *   header: length, record count, largest timestamp, CRC | perhaps base timestamp and bit 6: the delete horizon
 *   records that stay, byte for byte; with a new base timestamp their timestamp deltas are written anew
 *
 * All is written into memory that is used again for the next batch: a log has very many.
 * Source: Kafka's MemoryRecords.filterTo, buildRetainedRecordsInto and DefaultRecordBatch.writeEmptyHeader.
 */
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../../kernel/varint.ts';
import * as batch from '../../protocol/records/batch.ts';
import { RecordCursor } from '../../protocol/records/record-walk.ts';

const NO_TIMESTAMP = -1n;
const CODEC_BITS = 7;
/** What a record's timestamp delta can be. */
const TIMESTAMP_DELTA_MAX = 2 ** 52;
/** More than this is not kept for the next batch. */
const SCRATCH_BYTES_MAX = 4 * 1024 * 1024;
const SCRATCH_BYTES_MIN = 64 * 1024;

/** Memory for one batch at a time. */
export class Scratch {
  #block = Buffer.alloc(0);

  /** `byteCount` bytes, whose content is whatever it was; those given before are no longer to be used. */
  take(byteCount: number): Buffer {
    if (byteCount > SCRATCH_BYTES_MAX) return Buffer.allocUnsafeSlow(byteCount);
    if (this.#block.length < byteCount) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(SCRATCH_BYTES_MIN, Math.min(SCRATCH_BYTES_MAX, byteCount * 2)));
    }
    return this.#block.subarray(0, byteCount);
  }
}

/** Parts of a record section, each from one record's first byte to another's end; neighbours are one. */
export class RecordRanges {
  #bounds = new Int32Array(64);
  #length = 0;
  #byteCount = 0;

  get byteCount(): number {
    return this.#byteCount;
  }

  clear(): void {
    this.#length = 0;
    this.#byteCount = 0;
  }

  /** `end` is exclusive; `start` is at or behind the last one's end. */
  add(start: number, end: number): void {
    this.#byteCount += end - start;
    if (this.#length > 0 && this.#bounds[this.#length - 1] === start) {
      this.#bounds[this.#length - 1] = end;
      return;
    }
    if (this.#length === this.#bounds.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#bounds);
      this.#bounds = larger;
    }
    this.#bounds[this.#length] = start;
    this.#bounds[this.#length + 1] = end;
    this.#length += 2;
  }

  forEach(action: (start: number, end: number) => void): void {
    for (let at = 0; at < this.#length; at += 2) action(this.#bounds[at] as number, this.#bounds[at + 1] as number);
  }
}

/** What changes in the header of a batch; what is not named stays. */
export interface HeaderChange {
  readonly recordCount: number;
  readonly maxTimestamp: bigint;
  /** The new base timestamp and delete horizon; undefined: as it was. */
  readonly deleteHorizonMs: bigint | undefined;
}

/** Writes the header, before records that stand in `target` behind it already, up to its end. */
export function sealWithRecords(target: Buffer, bytes: Buffer, at: number, change: HeaderChange): void {
  const { recordCount, maxTimestamp, deleteHorizonMs } = change;
  const header = headerOf(bytes, at);
  const attributes = header.attributes | (deleteHorizonMs === undefined ? 0 : batch.DELETE_HORIZON_BIT);
  const baseTimestamp = deleteHorizonMs ?? header.baseTimestamp;
  batch.sealBatch(target, 0, target.length, { ...header, attributes, baseTimestamp, maxTimestamp, recordCount });
}

/** The batch in `sealed`, which has the right header but for length and CRC, with its records as `section` has them. */
export function withSection(scratch: Scratch, sealed: Buffer, section: Buffer): Buffer {
  const header = headerOf(sealed, 0);
  // Compressed from the scratch memory, and settled: what stands there is needed no more.
  const out = scratch.take(batch.BATCH_HEADER_BYTES + section.length);
  section.copy(out, batch.BATCH_HEADER_BYTES);
  batch.sealBatch(out, 0, out.length, header);
  return out;
}

/** The batch at `at` without records: it stands for its offsets and for its producer's sequence. */
export function withoutRecords(scratch: Scratch, bytes: Buffer, at: number): Buffer {
  const out = scratch.take(batch.BATCH_HEADER_BYTES);
  const header = headerOf(bytes, at);
  const attributes = header.attributes & ~(CODEC_BITS | batch.DELETE_HORIZON_BIT);
  batch.sealBatch(out, 0, out.length, { ...header, attributes, baseTimestamp: NO_TIMESTAMP, recordCount: 0 });
  return out;
}

/** Memory for a batch with the records in these ranges, which stand in it behind room for the header. */
export function copied(scratch: Scratch, records: Buffer, ranges: RecordRanges): Buffer {
  const out = scratch.take(batch.BATCH_HEADER_BYTES + ranges.byteCount);
  let at = batch.BATCH_HEADER_BYTES;
  ranges.forEach((start, end) => {
    at += records.copy(out, at, start, end);
  });
  return out;
}

/**
 * As `copied`, with timestamp deltas that are `shiftMs` larger. undefined when one of them cannot be said that way, which no clock
 * makes.
 */
export function shifted(scratch: Scratch, records: Buffer, ranges: RecordRanges, shiftMs: number): Buffer | undefined {
  let byteCount = batch.BATCH_HEADER_BYTES;
  let canBeSaid = true;
  eachRecord(records, ranges, (start, end, timestampDelta) => {
    const delta = timestampDelta + shiftMs;
    canBeSaid &&= Math.abs(delta) < TIMESTAMP_DELTA_MAX;
    const bodyBytes = canBeSaid ? bodyBytesOf(records, start, end, delta) : 0;
    byteCount += varintBytes(bodyBytes) + bodyBytes;
  });
  if (!canBeSaid) return undefined;
  const out = scratch.take(byteCount);
  let at = batch.BATCH_HEADER_BYTES;
  eachRecord(records, ranges, (start, end, timestampDelta) => {
    const delta = timestampDelta + shiftMs;
    at = writeVarint(out, at, bodyBytesOf(records, start, end, delta));
    const attributesAt = afterVarint(records, start);
    out[at] = records[attributesAt] as number;
    at = writeVarlong(out, at + 1, delta);
    at += records.copy(out, at, afterVarint(records, attributesAt + 1), end);
  });
  return out;
}

function eachRecord(
  records: Buffer,
  ranges: RecordRanges,
  visit: (start: number, end: number, timestampDelta: number) => void,
): void {
  ranges.forEach((start, end) => {
    const cursor = new RecordCursor(records, start, end);
    while (cursor.position < end) {
      const from = cursor.position;
      cursor.next();
      visit(from, cursor.position, cursor.timestampDelta);
    }
  });
}

/** Of the record from `start` to `end` with that delta: attributes, delta and what follows. */
function bodyBytesOf(records: Buffer, start: number, end: number, delta: number): number {
  const restAt = afterVarint(records, afterVarint(records, start) + 1);
  return 1 + varlongBytes(delta) + end - restAt;
}

function afterVarint(bytes: Buffer, at: number): number {
  let end = at;
  while ((bytes[end] as number) >= 0x80) end += 1;
  return end + 1;
}

function headerOf(bytes: Buffer, at: number): batch.BatchHeader {
  return {
    baseOffset: batch.baseOffset(bytes, at),
    leaderEpoch: batch.leaderEpoch(bytes, at),
    attributes: batch.attributes(bytes, at),
    lastOffsetDelta: batch.lastOffsetDelta(bytes, at),
    baseTimestamp: batch.baseTimestamp(bytes, at),
    maxTimestamp: batch.maxTimestamp(bytes, at),
    producerId: batch.producerId(bytes, at),
    producerEpoch: batch.producerEpoch(bytes, at),
    baseSequence: batch.baseSequence(bytes, at),
    recordCount: batch.recordCount(bytes, at),
  };
}
