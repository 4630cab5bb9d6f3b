/**
 * Offsets by time: the first record that is not older than a moment, and the record with the largest timestamp. The time index
 * finds the region, batch headers the batch, and the records inside say the rest. Source: Kafka's UnifiedLog.fetchOffsetByTimestamp
 * and LogSegment.findOffsetByTimestamp.
 */
import type { DiskFile, Env } from '../kernel/env.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecAvailable, codecOf } from '../protocol/records/compression.ts';
import { forEachRecord } from '../protocol/records/record-walk.ts';
import { scanBatches } from './batch-scan.ts';
import type { LogHost } from './log-host.ts';
import type { BatchPlace, LogReader } from './log-reader.ts';
import { checkCrcs } from './read-check.ts';
import type { Segment, SegmentContext } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import { undoCompression } from './undo-compression.ts';

/** Bounds the memory of one look-up; nothing larger was let in. */
const STORED_RECORDS_BYTES_MAX = 100 * 1024 * 1024;

export interface FoundTimestamp {
  readonly offset: number;
  readonly timestamp: bigint;
  /** Of the batch that holds the record. */
  readonly leaderEpoch: number;
}

/** Where to look. */
export interface TimestampSearch {
  readonly host: LogHost;
  readonly context: SegmentContext;
  readonly segments: SegmentList;
  readonly reader: LogReader;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly indexIntervalBytes: number;
}

/** The first record at or after the log start whose timestamp is `timestampMs` or later; undefined when there is none. */
export async function findOffsetForTimestamp(
  search: TimestampSearch,
  timestampMs: bigint,
): Promise<FoundTimestamp | undefined> {
  for (const segment of [...search.segments.all()]) {
    const endOffset = search.segments.endOf(segment, search.logEndOffset);
    if (segment.writtenBytes === 0 || endOffset <= search.logStartOffset) continue;
    await search.host.indexes.load(search.context, segment, endOffset, search.indexIntervalBytes);
    if (segment.largest.timestamp < timestampMs) continue;
    const older = segment.timeIndex.lookupBelow(timestampMs);
    // An entry of a batch whose header is broken may say anything.
    const isUsable = older !== undefined && older.offset < endOffset;
    const from = Math.max(isUsable ? older.offset + 1 : segment.baseOffset, search.logStartOffset);
    const found = await findIn(search, segment, from, (maxTimestamp) => maxTimestamp >= timestampMs, timestampMs);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first of the records with the largest timestamp; undefined when no record has one. */
export async function findOffsetOfMaxTimestamp(search: TimestampSearch): Promise<FoundTimestamp | undefined> {
  let largest: Segment | undefined;
  for (const segment of [...search.segments.all()]) {
    if (segment.writtenBytes === 0) continue;
    const endOffset = search.segments.endOf(segment, search.logEndOffset);
    await search.host.indexes.load(search.context, segment, endOffset, search.indexIntervalBytes);
    if (segment.largest.timestamp > (largest?.largest.timestamp ?? -1n)) largest = segment;
  }
  if (largest === undefined) return undefined;
  const { timestamp, offset } = largest.largest;
  return findIn(search, largest, offset, (maxTimestamp) => maxTimestamp === timestamp, timestamp);
}

/** The first record with a timestamp of at least `timestampMs`, in the batches from `fromOffset` on that `matches` accepts. */
async function findIn(
  search: TimestampSearch,
  segment: Segment,
  fromOffset: number,
  matches: (maxTimestamp: bigint) => boolean,
  timestampMs: bigint,
): Promise<FoundTimestamp | undefined> {
  const { host, logStartOffset, logEndOffset, indexIntervalBytes } = search;
  let place = await search.reader.find(segment, { offset: fromOffset, logEndOffset, indexIntervalBytes });
  return host.files.use(segment.path, async (file) => {
    for (;;) {
      const bytes = await nextMatch(search, segment, file, place, matches);
      if (bytes === undefined) return undefined;
      const found = await findInBatch(host.env, bytes.batch, timestampMs, logStartOffset);
      if (found !== undefined) return found;
      place = { position: bytes.position + bytes.batch.length, baseOffset: batch.lastOffset(bytes.batch, 0) + 1 };
    }
  });
}

/**
 * A copy of the next batch whose maximal timestamp `matches`. That is within the CRC, which is compared of every batch on the
 * way: the index leads close to it. @throws KafkaError CORRUPT_MESSAGE
 */
async function nextMatch(
  search: TimestampSearch,
  segment: Segment,
  file: DiskFile,
  place: BatchPlace,
  matches: (maxTimestamp: bigint) => boolean,
): Promise<{ batch: Buffer; position: number } | undefined> {
  let copy: Buffer | undefined;
  let expectedOffset = place.baseOffset;
  const range = { from: place.position, to: segment.writtenBytes, wholeBatches: true };
  const { outcome, position } = await scanBatches(file, range, (bytes, at) => {
    const whole = bytes.subarray(at, at + batch.batchBytes(bytes, at));
    if (!search.reader.follows(bytes, at, expectedOffset) || checkCrcs(whole, whole.length) < whole.length)
      return 'bad';
    expectedOffset = batch.lastOffset(bytes, at) + 1;
    if (!matches(batch.maxTimestamp(bytes, at))) return 'next';
    copy = Buffer.from(whole);
    return 'stop';
  });
  if (outcome === 'bad') throw search.reader.damagedAt(segment, expectedOffset);
  return outcome !== 'stopped' || copy === undefined ? undefined : { batch: copy, position };
}

async function findInBatch(
  env: Env,
  bytes: Buffer,
  timestampMs: bigint,
  minOffset: number,
): Promise<FoundTimestamp | undefined> {
  if (batch.recordCount(bytes, 0) === 0) return undefined;
  const attributes = batch.attributes(bytes, 0);
  const baseOffset = batch.baseOffset(bytes, 0);
  const leaderEpoch = batch.leaderEpoch(bytes, 0);
  const maxTimestamp = batch.maxTimestamp(bytes, 0);
  const codec = codecOf(attributes);
  const readable = codec !== undefined && codecAvailable(codec);
  if (!readable || (attributes & batch.LOG_APPEND_TIME_BIT) !== 0) {
    // All records have the time of the append; where the codec is missing here, the batch's first offset is the nearest answer.
    const offset = Math.max(baseOffset, minOffset);
    return batch.lastOffset(bytes, 0) < offset ? undefined : { offset, timestamp: maxTimestamp, leaderEpoch };
  }
  const section = bytes.subarray(batch.BATCH_HEADER_BYTES);
  const records = codec === 'none' ? section : await undoCompression(env, codec, section, STORED_RECORDS_BYTES_MAX);
  const base = batch.baseTimestamp(bytes, 0);
  const wantedDelta = Number(timestampMs - base);
  let found: FoundTimestamp | undefined;
  forEachRecord(records, 0, records.length, batch.recordCount(bytes, 0), (record) => {
    if (found !== undefined || record.timestampDelta < wantedDelta) return;
    const offset = baseOffset + record.offsetDelta;
    if (offset >= minOffset) found = { offset, timestamp: base + BigInt(record.timestampDelta), leaderEpoch };
  });
  return found;
}
