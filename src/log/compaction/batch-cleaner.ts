/**
 * What a compaction leaves of each batch, given in the log's order. Of a key the newest record stays; one without a value (a
 * tombstone) goes once its batch's delete horizon has passed, which it gets delete.retention.ms ahead when it is first met.
 * Markers of transactions go the same way when nothing of their transaction is left, and what was aborted goes at once.
 * Source: Kafka's Cleaner.cleanInto and shouldRetainRecord.
 */
import type { Env } from '../../kernel/env.ts';
import { KafkaError } from '../../protocol/errors.ts';
import * as batch from '../../protocol/records/batch.ts';
import { type Codec, codecOf } from '../../protocol/records/compression.ts';
import { RecordCursor } from '../../protocol/records/record-walk.ts';
import type { ProducerTable } from '../producer-table.ts';
import { undoCompression } from '../undo-compression.ts';
import type { OffsetMap } from './offset-map.ts';
import type { Pace } from './pace.ts';
import { joined, type KeptRecord, shifted, withoutRecords, withRecords } from './rewrite-batch.ts';
import type { TransactionWalk } from './transactions.ts';

/** `same`: it stays as it is; `none`: nothing of it; else what stands in its place. */
export type CleanedBatch = 'same' | 'none' | Buffer;

/** What holds for all batches of one compaction. */
export interface CleaningFacts {
  readonly map: OffsetMap;
  /** The keys of records before it are in the map, exclusive. */
  readonly mappedEnd: number;
  readonly transactions: TransactionWalk;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly lastOffsets: LastOffsets;
}

/** By producer: where its newest batch of records ends; its epoch where all that it wrote last is a marker. */
export type LastOffsets = ReadonlyMap<bigint, { readonly lastOffset: number | undefined; readonly epoch: number }>;

/** No log was let in a batch whose records are more. */
export const STORED_RECORDS_BYTES_MAX = 100 * 1024 * 1024;
/** Records that are looked at between two looks at the time. */
const RECORDS_PER_STEP = 2000;

export function lastOffsetsOf(producers: ProducerTable): LastOffsets {
  return new Map(
    producers.all().map(({ producerId, epoch, batches }) => {
      return [producerId, { lastOffset: batches[batches.length - 1]?.lastOffset, epoch }] as const;
    }),
  );
}

export class BatchCleaner {
  readonly #env: Env;
  readonly #facts: CleaningFacts;
  readonly #pace: Pace;

  constructor(env: Env, facts: CleaningFacts, pace: Pace) {
    this.#env = env;
    this.#facts = facts;
    this.#pace = pace;
  }

  /**
   * The batch at `at`, whole and checked. `mustStay`: something must be left of it, so that its offsets are not missed.
   * @throws KafkaError (or rejects with it) when its records cannot be read
   */
  clean(bytes: Buffer, at: number, mustStay: boolean): CleanedBatch | Promise<CleanedBatch> {
    const { transactions, mappedEnd } = this.#facts;
    const stays = mustStay || this.#isLastOfProducer(bytes, at);
    if ((batch.attributes(bytes, at) & batch.CONTROL_BIT) !== 0) return this.#cleanMarker(bytes, at, stays);
    if (transactions.isAborted(bytes, at)) return stays ? withoutRecords(bytes, at) : 'none';
    if (batch.recordCount(bytes, at) === 0) return stays ? 'same' : 'none';
    if (batch.baseOffset(bytes, at) >= mappedEnd) return 'same';
    const codec = codecOf(batch.attributes(bytes, at));
    if (codec === undefined) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'no codec has this number');
    const section = bytes.subarray(at + batch.BATCH_HEADER_BYTES, at + batch.batchBytes(bytes, at));
    const records = codec === 'none' ? section : undoCompression(this.#env, codec, section, STORED_RECORDS_BYTES_MAX);
    if (Buffer.isBuffer(records)) return this.#cleanRecords(bytes, at, codec, records, stays);
    return records.then((undone) => this.#cleanRecords(bytes, at, codec, undone, stays));
  }

  #cleanMarker(bytes: Buffer, at: number, stays: boolean): CleanedBatch {
    const { transactions, nowMs } = this.#facts;
    if (batch.recordCount(bytes, at) === 0) return stays ? 'same' : 'none';
    if (!transactions.isNeedless(bytes, at)) return 'same';
    const horizonMs = deleteHorizonOf(bytes, at);
    if (horizonMs !== undefined) return horizonMs > BigInt(nowMs) ? 'same' : stays ? withoutRecords(bytes, at) : 'none';
    const start = at + batch.BATCH_HEADER_BYTES;
    const records = bytes.subarray(start, at + batch.batchBytes(bytes, at));
    const kept = { start: 0, end: records.length, timestampDelta: firstTimestampDelta(records) };
    return this.#withHorizon(bytes, at, records, [kept], batch.maxTimestamp(bytes, at)) ?? 'same';
  }

  #cleanRecords(
    bytes: Buffer,
    at: number,
    codec: Codec,
    records: Buffer,
    stays: boolean,
  ): CleanedBatch | Promise<CleanedBatch> {
    const walk = new KeptWalk(this.#facts, bytes, at, records);
    const walked = this.#walk(walk);
    if (walked !== undefined) return walked.then(() => this.#rebuilt(bytes, at, codec, records, walk, stays));
    return this.#rebuilt(bytes, at, codec, records, walk, stays);
  }

  /** Looks at all records; a promise when that takes more than one turn. */
  #walk(walk: KeptWalk): Promise<void> | undefined {
    while (walk.step()) {
      const turn = this.#pace.spent(0);
      if (turn !== undefined) return turn.then(() => this.#walk(walk));
    }
    return undefined;
  }

  #rebuilt(
    bytes: Buffer,
    at: number,
    codec: Codec,
    records: Buffer,
    walk: KeptWalk,
    stays: boolean,
  ): CleanedBatch | Promise<CleanedBatch> {
    const { kept } = walk;
    if (kept.length === 0) return stays ? withoutRecords(bytes, at) : 'none';
    const isLogAppendTime = (batch.attributes(bytes, at) & batch.LOG_APPEND_TIME_BIT) !== 0;
    const base = batch.baseTimestamp(bytes, at);
    const maxTimestamp = isLogAppendTime ? batch.maxTimestamp(bytes, at) : base + BigInt(walk.maxTimestampDelta);
    const isWhole = kept.length === batch.recordCount(bytes, at);
    const wantsHorizon = walk.hasTombstone && deleteHorizonOf(bytes, at) === undefined;
    const withHorizon = wantsHorizon ? this.#shifted(records, kept, base) : undefined;
    if (isWhole && withHorizon === undefined) return 'same';
    const section = withHorizon?.section ?? joined(records, kept);
    const facts = { recordCount: kept.length, maxTimestamp, deleteHorizonMs: withHorizon?.horizonMs };
    if (codec === 'none') return withRecords(bytes, at, { ...facts, section });
    // The window that holds `bytes` is not read further until this settles.
    return this.#env.offload.compress(codec, section).then((packed) => withRecords(bytes, at, { ...facts, section: packed }));
  }

  /** The records for a batch that gets a delete horizon; undefined when their times cannot be said that way. */
  #shifted(
    records: Buffer,
    kept: readonly KeptRecord[],
    baseTimestamp: bigint,
  ): { section: Buffer; horizonMs: bigint } | undefined {
    const horizonMs = BigInt(this.#facts.nowMs) + BigInt(this.#facts.deleteRetentionMs);
    const section = shifted(records, kept, Number(baseTimestamp - horizonMs));
    return section === undefined ? undefined : { section, horizonMs };
  }

  #withHorizon(
    bytes: Buffer,
    at: number,
    records: Buffer,
    kept: readonly KeptRecord[],
    maxTimestamp: bigint,
  ): Buffer | undefined {
    const found = this.#shifted(records, kept, batch.baseTimestamp(bytes, at));
    if (found === undefined) return undefined;
    const { section, horizonMs } = found;
    return withRecords(bytes, at, { section, recordCount: kept.length, maxTimestamp, deleteHorizonMs: horizonMs });
  }

  /** Whether the producer's sequence, or its epoch where it wrote nothing else, would be forgotten without the batch. */
  #isLastOfProducer(bytes: Buffer, at: number): boolean {
    const producerId = batch.producerId(bytes, at);
    const last = producerId < 0n ? undefined : this.#facts.lastOffsets.get(producerId);
    if (last === undefined) return false;
    if (last.lastOffset !== undefined) return batch.lastOffset(bytes, at) === last.lastOffset;
    const isControl = (batch.attributes(bytes, at) & batch.CONTROL_BIT) !== 0;
    return isControl && batch.producerEpoch(bytes, at) === last.epoch;
  }
}

/** Finds the records of one batch that stay, some at a time. */
class KeptWalk {
  readonly kept: KeptRecord[] = [];
  maxTimestampDelta = Number.NEGATIVE_INFINITY;
  hasTombstone = false;
  readonly #facts: CleaningFacts;
  readonly #cursor: RecordCursor;
  readonly #baseOffset: number;
  readonly #keepsTombstones: boolean;
  #left: number;

  constructor(facts: CleaningFacts, bytes: Buffer, at: number, records: Buffer) {
    this.#facts = facts;
    this.#cursor = new RecordCursor(records, 0, records.length);
    this.#baseOffset = batch.baseOffset(bytes, at);
    this.#left = batch.recordCount(bytes, at);
    const horizonMs = deleteHorizonOf(bytes, at);
    this.#keepsTombstones = horizonMs === undefined || horizonMs > BigInt(facts.nowMs);
  }

  /** Looks at the next records; false when there are no more. @throws KafkaError INVALID_RECORD */
  step(): boolean {
    const cursor = this.#cursor;
    const count = Math.min(RECORDS_PER_STEP, this.#left);
    for (let index = 0; index < count; index++) {
      const start = cursor.position;
      cursor.next();
      if (!this.#stays()) continue;
      const { position: end, timestampDelta } = cursor;
      this.kept.push({ start, end, timestampDelta });
      if (timestampDelta > this.maxTimestampDelta) this.maxTimestampDelta = timestampDelta;
      if (cursor.valueStart === -1) this.hasTombstone = true;
    }
    this.#left -= count;
    if (this.#left > 0) return true;
    cursor.finish();
    return false;
  }

  #stays(): boolean {
    const { map, mappedEnd } = this.#facts;
    const { bytes, keyStart, keyEnd, offsetDelta, valueStart } = this.#cursor;
    const offset = this.#baseOffset + offsetDelta;
    if (offset >= mappedEnd) return true;
    // Without a key nothing can be said of it: such a record is from a time when the topic was not compacted.
    if (keyStart === -1) return false;
    return offset >= map.get(bytes, keyStart, keyEnd) && (valueStart !== -1 || this.#keepsTombstones);
  }
}

/** undefined where it has none yet. */
function deleteHorizonOf(bytes: Buffer, at: number): bigint | undefined {
  const hasHorizon = (batch.attributes(bytes, at) & batch.DELETE_HORIZON_BIT) !== 0;
  return hasHorizon ? batch.baseTimestamp(bytes, at) : undefined;
}

function firstTimestampDelta(records: Buffer): number {
  const cursor = new RecordCursor(records, 0, records.length);
  cursor.next();
  return cursor.timestampDelta;
}
