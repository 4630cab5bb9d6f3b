/**
 * What takes the place of a batch of which a compaction keeps a part. Base and last offset, producer, sequence, leader epoch,
 * codec and record offsets stay; so an offset is that of the same record for ever.
 *
 *   header: length, record count, largest timestamp, CRC | perhaps base timestamp and bit 6: the delete horizon
 *   records that stay, byte for byte; with a new base timestamp their timestamp deltas are written anew
 *
 * Source: Kafka's MemoryRecords.filterTo, buildRetainedRecordsInto and DefaultRecordBatch.writeEmptyHeader.
 */
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../../kernel/varint.ts';
import * as batch from '../../protocol/records/batch.ts';

const NO_TIMESTAMP = -1n;
const CODEC_BITS = 7;
/** What a record's timestamp delta can be. */
const TIMESTAMP_DELTA_MAX = 2 ** 52;

/** Of the records that stay. */
export interface KeptRecords {
  /** As they are to stand in the batch: compressed, if it is. */
  readonly section: Buffer;
  readonly recordCount: number;
  readonly maxTimestamp: bigint;
  /** The new base timestamp and delete horizon; undefined: as it was. */
  readonly deleteHorizonMs: bigint | undefined;
}

/** The batch at `at` with these records. */
export function withRecords(bytes: Buffer, at: number, kept: KeptRecords): Buffer {
  const { section, recordCount, maxTimestamp, deleteHorizonMs } = kept;
  const out = Buffer.allocUnsafeSlow(batch.BATCH_HEADER_BYTES + section.length);
  section.copy(out, batch.BATCH_HEADER_BYTES);
  const header = headerOf(bytes, at);
  const attributes = header.attributes | (deleteHorizonMs === undefined ? 0 : batch.DELETE_HORIZON_BIT);
  const baseTimestamp = deleteHorizonMs ?? header.baseTimestamp;
  batch.sealBatch(out, 0, out.length, { ...header, attributes, baseTimestamp, maxTimestamp, recordCount });
  return out;
}

/** The batch at `at` without records: it stands for its offsets and for its producer's sequence. */
export function withoutRecords(bytes: Buffer, at: number): Buffer {
  const out = Buffer.allocUnsafeSlow(batch.BATCH_HEADER_BYTES);
  const header = headerOf(bytes, at);
  const attributes = header.attributes & ~(CODEC_BITS | batch.DELETE_HORIZON_BIT);
  batch.sealBatch(out, 0, out.length, { ...header, attributes, baseTimestamp: NO_TIMESTAMP, recordCount: 0 });
  return out;
}

/** A record that stays: where it stands, and its timestamp delta. */
export interface KeptRecord {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly timestampDelta: number;
}

/** The kept ones one after the other, as they are. */
export function joined(records: Buffer, kept: readonly KeptRecord[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const [index, { start, end }] of kept.entries()) {
    const next = kept[index + 1];
    if (index === 0 || kept[index - 1]?.end !== start) from = start;
    if (next?.start !== end) parts.push(records.subarray(from, end));
  }
  return Buffer.concat(parts);
}

/**
 * The kept ones with timestamp deltas that are `shiftMs` larger. undefined when one of them cannot be said that way, which
 * no clock makes.
 */
export function shifted(records: Buffer, kept: readonly KeptRecord[], shiftMs: number): Buffer | undefined {
  let byteCount = 0;
  for (const { start, end, timestampDelta } of kept) {
    const delta = timestampDelta + shiftMs;
    if (!(Math.abs(delta) < TIMESTAMP_DELTA_MAX)) return undefined;
    const bodyBytes = bodyBytesOf(records, start, end, delta);
    byteCount += varintBytes(bodyBytes) + bodyBytes;
  }
  const out = Buffer.allocUnsafeSlow(byteCount);
  let at = 0;
  for (const { start, end, timestampDelta } of kept) {
    const delta = timestampDelta + shiftMs;
    at = writeVarint(out, at, bodyBytesOf(records, start, end, delta));
    const attributesAt = afterVarint(records, start);
    out[at] = records[attributesAt] as number;
    at = writeVarlong(out, at + 1, delta);
    at += records.copy(out, at, afterVarint(records, attributesAt + 1), end);
  }
  return out;
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
