/**
 * The header of a record batch, magic 2 (contract 3.1): 61 bytes, big endian, then the records, compressed or not.
 *
 *      0  int64 base offset             outside the CRC, set by the broker
 *      8  int32 batch length            bytes after this field; outside the CRC
 *     12  int32 partition leader epoch  outside the CRC, set by the broker
 *     16  int8  magic = 2               outside the CRC
 *     17  u32   CRC-32C                 of everything from byte 21 to the end
 *     21  int16 attributes              bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
 *     23  int32 last offset delta
 *     27  int64 base timestamp          ms; with bit 6 the delete horizon
 *     35  int64 max timestamp           ms; with bit 3 the time of the append
 *     43  int64 producer id             -1 = none
 *     51  int16 producer epoch          meaningless without a producer id
 *     53  int32 base sequence           -1 = none
 *     57  int32 record count
 *
 * Functions take a buffer and the position of a batch in it. They believe that the header is there: check the length first.
 * Source: Kafka's DefaultRecordBatch.java.
 */
import { crc32c } from '../../kernel/crc32c.ts';

export const BATCH_HEADER_BYTES = 61;
/** Base offset and batch length: what the batch length does not count. */
export const BATCH_OVERHEAD_BYTES = 12;
export const MAGIC_OFFSET = 16;
export const CRC_OFFSET = 17;
export const ATTRIBUTES_OFFSET = 21;
export const CURRENT_MAGIC = 2;

export const LOG_APPEND_TIME_BIT = 0x08;
export const TRANSACTIONAL_BIT = 0x10;
export const CONTROL_BIT = 0x20;
export const DELETE_HORIZON_BIT = 0x40;

const BATCH_LENGTH_OFFSET = 8;
const LEADER_EPOCH_OFFSET = 12;
const LAST_OFFSET_DELTA_OFFSET = 23;
const BASE_TIMESTAMP_OFFSET = 27;
const MAX_TIMESTAMP_OFFSET = 35;
const PRODUCER_ID_OFFSET = 43;
const PRODUCER_EPOCH_OFFSET = 51;
const BASE_SEQUENCE_OFFSET = 53;
const RECORD_COUNT_OFFSET = 57;

/** Not a safe integer where the bytes hold none: check before use when they come from outside. */
export function baseOffset(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position) * 2 ** 32 + bytes.readUInt32BE(position + 4);
}

/** As written: the whole batch has `BATCH_OVERHEAD_BYTES` more. */
export function batchLength(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position + BATCH_LENGTH_OFFSET);
}

/** The size of the whole batch, header included. */
export function batchBytes(bytes: Buffer, position: number): number {
  return batchLength(bytes, position) + BATCH_OVERHEAD_BYTES;
}

export function leaderEpoch(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position + LEADER_EPOCH_OFFSET);
}

export function magic(bytes: Buffer, position: number): number {
  return bytes.readInt8(position + MAGIC_OFFSET);
}

export function crc(bytes: Buffer, position: number): number {
  return bytes.readUInt32BE(position + CRC_OFFSET);
}

/** 16 bits, unsigned. */
export function attributes(bytes: Buffer, position: number): number {
  return bytes.readUInt16BE(position + ATTRIBUTES_OFFSET);
}

export function lastOffsetDelta(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position + LAST_OFFSET_DELTA_OFFSET);
}

/** Inclusive. */
export function lastOffset(bytes: Buffer, position: number): number {
  return baseOffset(bytes, position) + lastOffsetDelta(bytes, position);
}

export function baseTimestamp(bytes: Buffer, position: number): bigint {
  return bytes.readBigInt64BE(position + BASE_TIMESTAMP_OFFSET);
}

export function maxTimestamp(bytes: Buffer, position: number): bigint {
  return bytes.readBigInt64BE(position + MAX_TIMESTAMP_OFFSET);
}

/**
 * The largest timestamp of the batch's records; -1n where a compaction left none of them: the header then tells of records that
 * are gone, and no index may point to them.
 */
export function newestTimestamp(bytes: Buffer, position: number): bigint {
  return recordCount(bytes, position) === 0 ? -1n : maxTimestamp(bytes, position);
}

export function producerId(bytes: Buffer, position: number): bigint {
  return bytes.readBigInt64BE(position + PRODUCER_ID_OFFSET);
}

export function producerEpoch(bytes: Buffer, position: number): number {
  return bytes.readInt16BE(position + PRODUCER_EPOCH_OFFSET);
}

export function baseSequence(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position + BASE_SEQUENCE_OFFSET);
}

export function recordCount(bytes: Buffer, position: number): number {
  return bytes.readInt32BE(position + RECORD_COUNT_OFFSET);
}

/** Outside the CRC. */
export function patchBaseOffset(bytes: Buffer, position: number, offset: number): void {
  bytes.writeInt32BE(Math.floor(offset / 2 ** 32), position);
  bytes.writeUInt32BE(offset % 2 ** 32, position + 4);
}

/** Outside the CRC. */
export function patchLeaderEpoch(bytes: Buffer, position: number, epoch: number): void {
  bytes.writeInt32BE(epoch, position + LEADER_EPOCH_OFFSET);
}

/** Inside the CRC: `patchCrc` must follow. */
export function patchAttributes(bytes: Buffer, position: number, value: number): void {
  bytes.writeUInt16BE(value, position + ATTRIBUTES_OFFSET);
}

/** Inside the CRC: `patchCrc` must follow. */
export function patchMaxTimestamp(bytes: Buffer, position: number, timestampMs: bigint): void {
  bytes.writeBigInt64BE(timestampMs, position + MAX_TIMESTAMP_OFFSET);
}

/** What the CRC of the batch must be. */
export function computeCrc(bytes: Buffer, position: number): number {
  return crc32c(bytes, position + ATTRIBUTES_OFFSET, position + batchBytes(bytes, position));
}

export function patchCrc(bytes: Buffer, position: number): void {
  bytes.writeUInt32BE(computeCrc(bytes, position), position + CRC_OFFSET);
}

/** What `sealBatch` writes; the length and the CRC follow from the bytes. */
export interface BatchHeader {
  readonly baseOffset: number;
  readonly leaderEpoch: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** Writes the header and the CRC of the batch whose records lie at `position` + 61 up to `end` (exclusive). */
export function sealBatch(bytes: Buffer, position: number, end: number, header: BatchHeader): void {
  patchBaseOffset(bytes, position, header.baseOffset);
  bytes.writeInt32BE(end - position - BATCH_OVERHEAD_BYTES, position + BATCH_LENGTH_OFFSET);
  patchLeaderEpoch(bytes, position, header.leaderEpoch);
  bytes.writeInt8(CURRENT_MAGIC, position + MAGIC_OFFSET);
  patchAttributes(bytes, position, header.attributes);
  bytes.writeInt32BE(header.lastOffsetDelta, position + LAST_OFFSET_DELTA_OFFSET);
  bytes.writeBigInt64BE(header.baseTimestamp, position + BASE_TIMESTAMP_OFFSET);
  patchMaxTimestamp(bytes, position, header.maxTimestamp);
  bytes.writeBigInt64BE(header.producerId, position + PRODUCER_ID_OFFSET);
  bytes.writeInt16BE(header.producerEpoch, position + PRODUCER_EPOCH_OFFSET);
  bytes.writeInt32BE(header.baseSequence, position + BASE_SEQUENCE_OFFSET);
  bytes.writeInt32BE(header.recordCount, position + RECORD_COUNT_OFFSET);
  patchCrc(bytes, position);
}
