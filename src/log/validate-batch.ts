/**
 * What a leader checks in a batch before it is appended, and what it rewrites (contract 3.3, B-5): pure functions of bytes.
 * Nothing of a refused batch is kept. Source: Kafka's LogValidator, UnifiedLog.analyzeAndValidateRecords and
 * ProduceRequest.validateRecords.
 */
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { type Codec, codecAvailable, codecOf } from '../protocol/records/compression.ts';
import { forEachRecord, walkRecords } from '../protocol/records/record-walk.ts';
import { BATCH_BYTES_MAX } from './batch-scan.ts';
import { compacts, type LogConfig } from './log-config.ts';

export type AppendOrigin = 'client' | 'follower' | 'coordinator';

/** What the topic's configuration says of record timestamps. */
export type TimestampBounds = Pick<LogConfig, 'timestampBeforeMaxMs' | 'timestampAfterMaxMs'>;
/** What it says of records. */
export type RecordRules = TimestampBounds & Pick<LogConfig, 'cleanupPolicy'>;

/** A record of a compacted topic has no key: no compaction could tell what it replaces. */
export class RecordWithoutKey extends KafkaError {
  constructor(message: string) {
    super('INVALID_RECORD', message);
  }
}

const RESERVED_ATTRIBUTES = 0xff80;
const NO_TIMESTAMP = -1n;
/** The default of message.timestamp.before.max.ms; smaller values that no clock reaches count as unbounded too. */
const UNBOUNDED_MS = 1n << 62n;
const MIB = 1024 * 1024;
/** A decompression may make so many times its input (B-6), but may always make `DECOMPRESSED_BYTES_FREE`. */
const DECOMPRESSION_RATIO_MAX = 64;
/** Real batches of a megabyte of equal lines shrink by more than 64: below this size the ratio is not looked at. */
const DECOMPRESSED_BYTES_FREE = 8 * MIB;
const DECOMPRESSED_BYTES_MAX = 100 * MIB;
/** The first Produce version that may carry zstd. */
const ZSTD_API_VERSION_MIN = 7;

/** Checks everything that needs no record: framing, size, CRC and header fields. @throws KafkaError */
export function checkBatchHeader(
  bytes: Buffer,
  origin: AppendOrigin,
  config: Pick<LogConfig, 'maxMessageBytes' | 'segmentBytes'>,
  apiVersion: number | undefined,
): void {
  checkFraming(bytes, config);
  if (batch.crc(bytes, 0) !== batch.computeCrc(bytes, 0))
    throw new KafkaError('CORRUPT_MESSAGE', 'the CRC does not match');
  const count = batch.recordCount(bytes, 0);
  if (batch.lastOffsetDelta(bytes, 0) < 0) throw invalid(`last offset delta ${batch.lastOffsetDelta(bytes, 0)}`);
  if (origin === 'follower') return;
  if (count <= 0 || count !== batch.lastOffsetDelta(bytes, 0) + 1) {
    throw invalid(`${count} records, but the last offset delta is ${batch.lastOffsetDelta(bytes, 0)}`);
  }
  checkCodec(bytes, apiVersion);
  if (origin === 'client') checkClientFields(bytes);
  checkProducerFields(bytes);
}

function checkFraming(bytes: Buffer, config: Pick<LogConfig, 'maxMessageBytes' | 'segmentBytes'>): void {
  if (bytes.length === 0) throw invalid('no record batch');
  if (bytes.length > batch.MAGIC_OFFSET && batch.magic(bytes, 0) !== batch.CURRENT_MAGIC) {
    throw new KafkaError(
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      `record batches have magic 2, this one ${batch.magic(bytes, 0)}`,
    );
  }
  if (bytes.length < batch.BATCH_HEADER_BYTES) throw new KafkaError('CORRUPT_MESSAGE', 'shorter than a batch header');
  const sizeBytes = batch.batchBytes(bytes, 0);
  if (sizeBytes < batch.BATCH_HEADER_BYTES || sizeBytes > bytes.length) {
    throw new KafkaError('CORRUPT_MESSAGE', `a batch of ${sizeBytes} bytes in ${bytes.length} bytes`);
  }
  if (sizeBytes !== bytes.length) throw invalid('more than one record batch');
  if (sizeBytes > config.maxMessageBytes) {
    throw new KafkaError('MESSAGE_TOO_LARGE', `${sizeBytes} bytes; max.message.bytes is ${config.maxMessageBytes}`);
  }
  // Whatever the topic allows: nobody could read it, and a recovery would cut it off.
  if (sizeBytes > BATCH_BYTES_MAX) {
    throw new KafkaError('MESSAGE_TOO_LARGE', `${sizeBytes} bytes; a log holds batches of up to ${BATCH_BYTES_MAX}`);
  }
  if (sizeBytes > config.segmentBytes) {
    throw new KafkaError('RECORD_LIST_TOO_LARGE', `${sizeBytes} bytes; segment.bytes is ${config.segmentBytes}`);
  }
}

function checkCodec(bytes: Buffer, apiVersion: number | undefined): void {
  const codec = codecOf(batch.attributes(bytes, 0));
  if (codec === undefined) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'no codec has this number');
  if (codec === 'zstd' && apiVersion !== undefined && apiVersion < ZSTD_API_VERSION_MIN) {
    throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', `zstd needs Produce version ${ZSTD_API_VERSION_MIN}`);
  }
}

function checkClientFields(bytes: Buffer): void {
  const attributes = batch.attributes(bytes, 0);
  if (batch.baseOffset(bytes, 0) !== 0) throw invalid(`base offset ${batch.baseOffset(bytes, 0)}, not 0`);
  if ((attributes & batch.CONTROL_BIT) !== 0) throw invalid('a control batch from a client');
  if ((attributes & (batch.DELETE_HORIZON_BIT | RESERVED_ATTRIBUTES)) !== 0) throw invalid('attributes of a broker');
  if ((attributes & batch.TRANSACTIONAL_BIT) !== 0) {
    if (batch.producerId(bytes, 0) < 0n) throw invalid('transactional without a producer id');
    throw new KafkaError('INVALID_TXN_STATE', 'this partition is in no transaction of that producer');
  }
}

function checkProducerFields(bytes: Buffer): void {
  if (batch.producerId(bytes, 0) < 0n || (batch.attributes(bytes, 0) & batch.CONTROL_BIT) !== 0) return;
  if (batch.baseSequence(bytes, 0) < 0) throw invalid('a producer id without a sequence');
  if (batch.producerEpoch(bytes, 0) < 0) throw invalid('a producer id without an epoch');
}

/** The codec whose records must be decompressed to be checked; undefined when they can be checked as they are. */
export function codecToUndo(bytes: Buffer): Exclude<Codec, 'none'> | undefined {
  const codec = codecOf(batch.attributes(bytes, 0));
  return codec === 'none' ? undefined : codec;
}

/**
 * Whether records of the codec are walked. Without a zstd on this machine a zstd batch is stored on its header alone (B-6):
 * its maximal timestamp is then believed.
 */
export function canWalk(codec: Codec): boolean {
  return codecAvailable(codec);
}

/** How many bytes the records may decompress to. */
export function decompressedBytesMax(compressedBytes: number): number {
  const byRatio = Math.max(compressedBytes * DECOMPRESSION_RATIO_MAX, DECOMPRESSED_BYTES_FREE);
  return Math.min(byRatio, DECOMPRESSED_BYTES_MAX);
}

/** The timestamps of a batch's records. */
export interface TimestampRange {
  readonly max: bigint;
  /** undefined when no bound of the topic asks for it. */
  readonly min: bigint | undefined;
}

/**
 * Walks the records of the batch with this header, which stand uncompressed in `records` from `start` to its end.
 * @throws KafkaError INVALID_RECORD
 */
export function checkRecords(header: Buffer, records: Buffer, start: number, config: RecordRules): TimestampRange {
  const count = batch.recordCount(header, 0);
  const base = batch.baseTimestamp(header, 0);
  const { maxTimestampDelta, keylessOffsetDelta } = walkRecords(records, start, records.length, count);
  if (keylessOffsetDelta !== -1 && compacts(config)) {
    throw new RecordWithoutKey(`record ${keylessOffsetDelta} of the batch has no key, and the topic is compacted`);
  }
  const max = base + BigInt(maxTimestampDelta);
  if (config.timestampBeforeMaxMs >= UNBOUNDED_MS) return { max, min: undefined };
  let minTimestampDelta = Number.POSITIVE_INFINITY;
  forEachRecord(records, start, records.length, count, (record) => {
    minTimestampDelta = Math.min(minTimestampDelta, record.timestampDelta);
  });
  return { max, min: base + BigInt(minTimestampDelta) };
}

/** The timestamps of a batch whose records cannot be walked: what the header says. */
export function timestampsOfHeader(bytes: Buffer): TimestampRange {
  return { min: batch.baseTimestamp(bytes, 0), max: batch.maxTimestamp(bytes, 0) };
}

/**
 * Judges and settles the timestamps by the topic's configuration: may rewrite attributes, maximal timestamp and CRC in place.
 * @returns the time of the append with LogAppendTime, else -1n
 * @throws KafkaError INVALID_TIMESTAMP
 */
export function settleTimestamps(
  bytes: Buffer,
  range: TimestampRange,
  origin: AppendOrigin,
  config: TimestampBounds & Pick<LogConfig, 'timestampType'>,
  nowMs: number,
): bigint {
  const now = BigInt(nowMs);
  const attributes = batch.attributes(bytes, 0);
  if (config.timestampType === 'LogAppendTime') {
    batch.patchAttributes(bytes, 0, attributes | batch.LOG_APPEND_TIME_BIT);
    batch.patchMaxTimestamp(bytes, 0, now);
    batch.patchCrc(bytes, 0);
    return now;
  }
  if (origin === 'client') {
    if ((attributes & batch.LOG_APPEND_TIME_BIT) !== 0) {
      throw new KafkaError('INVALID_TIMESTAMP', 'log append time from a client of a CreateTime topic');
    }
    for (const timestamp of [range.max, range.min ?? range.max]) {
      if (!withinBounds(timestamp, now, config)) {
        throw new KafkaError(
          'INVALID_TIMESTAMP',
          `a record of ${timestamp} at ${now} exceeds message.timestamp.*.max.ms`,
        );
      }
    }
  }
  const maxTimestamp = range.max < NO_TIMESTAMP ? NO_TIMESTAMP : range.max;
  if (batch.maxTimestamp(bytes, 0) !== maxTimestamp) {
    batch.patchMaxTimestamp(bytes, 0, maxTimestamp);
    batch.patchCrc(bytes, 0);
  }
  return -1n;
}

/** -1 means that the record has no timestamp. */
function withinBounds(timestamp: bigint, now: bigint, config: TimestampBounds): boolean {
  if (timestamp === NO_TIMESTAMP) return true;
  return now - timestamp <= config.timestampBeforeMaxMs && timestamp - now <= config.timestampAfterMaxMs;
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_RECORD', message);
}
