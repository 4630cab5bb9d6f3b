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
import type { ProducerTable } from '../producer-table.ts';
import { undoCompression } from '../undo-compression.ts';
import { deleteHorizonOf, type KeepingFacts, KeptRecords } from './kept-records.ts';
import type { Pace } from './pace.ts';
import {
  copied,
  RecordRanges,
  Scratch,
  sealWithRecords,
  shifted,
  withoutRecords,
  withSection,
} from './rewrite-batch.ts';
import type { TransactionWalk } from './transactions.ts';

/** `same`: it stays as it is; `none`: nothing of it; else what stands in its place, good until the next batch is cleaned. */
export type CleanedBatch = 'same' | 'none' | Buffer;

/** What holds for all batches of one compaction. */
export interface CleaningFacts extends KeepingFacts {
  readonly transactions: TransactionWalk;
  readonly deleteRetentionMs: number;
  readonly lastOffsets: LastOffsets;
}

/** By producer: where its newest batch of records ends; its epoch where all that it wrote last is a marker. */
export type LastOffsets = ReadonlyMap<bigint, { readonly lastOffset: number | undefined; readonly epoch: number }>;

/** No log was let in a batch whose records are more. */
export const STORED_RECORDS_BYTES_MAX = 100 * 1024 * 1024;

export function lastOffsetsOf(producers: ProducerTable): LastOffsets {
  return new Map(
    producers.all().map(({ producerId, epoch, batches }) => {
      return [producerId, { lastOffset: batches[batches.length - 1]?.lastOffset, epoch }] as const;
    }),
  );
}

/** A batch that is being cleaned. */
interface Cleaned {
  readonly bytes: Buffer;
  readonly at: number;
  readonly codec: Codec;
  /** Uncompressed. */
  readonly records: Buffer;
  readonly stays: boolean;
}

export class BatchCleaner {
  readonly #env: Env;
  readonly #facts: CleaningFacts;
  readonly #pace: Pace;
  readonly #scratch = new Scratch();
  readonly #ranges = new RecordRanges();

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
    if (transactions.isAborted(bytes, at)) return this.#emptied(bytes, at, stays);
    if (batch.recordCount(bytes, at) === 0) return stays ? 'same' : 'none';
    if (batch.baseOffset(bytes, at) >= mappedEnd) return 'same';
    const codec = codecOf(batch.attributes(bytes, at));
    if (codec === undefined) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'no codec has this number');
    const section = bytes.subarray(at + batch.BATCH_HEADER_BYTES, at + batch.batchBytes(bytes, at));
    const undone = codec === 'none' ? section : undoCompression(this.#env, codec, section, STORED_RECORDS_BYTES_MAX);
    if (Buffer.isBuffer(undone)) return this.#cleanRecords({ bytes, at, codec, records: undone, stays });
    return undone.then((records) => this.#cleanRecords({ bytes, at, codec, records, stays }));
  }

  #cleanMarker(bytes: Buffer, at: number, stays: boolean): CleanedBatch {
    const { transactions, nowMs } = this.#facts;
    if (batch.recordCount(bytes, at) === 0) return stays ? 'same' : 'none';
    if (!transactions.isNeedless(bytes, at)) return 'same';
    const horizonMs = deleteHorizonOf(bytes, at);
    if (horizonMs !== undefined) return horizonMs > BigInt(nowMs) ? 'same' : this.#emptied(bytes, at, stays);
    const records = bytes.subarray(at + batch.BATCH_HEADER_BYTES, at + batch.batchBytes(bytes, at));
    this.#ranges.clear();
    this.#ranges.add(0, records.length);
    const recordCount = batch.recordCount(bytes, at);
    const maxTimestamp = batch.maxTimestamp(bytes, at);
    return this.#withHorizon(bytes, at, records, { recordCount, maxTimestamp }) ?? 'same';
  }

  #cleanRecords(cleaned: Cleaned): CleanedBatch | Promise<CleanedBatch> {
    const { bytes, at, records } = cleaned;
    const kept = new KeptRecords(this.#facts, bytes, at, records, this.#ranges);
    const walked = this.#walk(kept);
    return walked === undefined ? this.#rebuilt(cleaned, kept) : walked.then(() => this.#rebuilt(cleaned, kept));
  }

  /** Looks at all records; a promise when that takes more than one turn. */
  #walk(kept: KeptRecords): Promise<void> | undefined {
    while (kept.step()) {
      const turn = this.#pace.spent(0);
      if (turn !== undefined) return turn.then(() => this.#walk(kept));
    }
    return undefined;
  }

  #rebuilt(cleaned: Cleaned, kept: KeptRecords): CleanedBatch | Promise<CleanedBatch> {
    const { bytes, at, codec, records, stays } = cleaned;
    if (kept.count === 0) return this.#emptied(bytes, at, stays);
    const isLogAppendTime = (batch.attributes(bytes, at) & batch.LOG_APPEND_TIME_BIT) !== 0;
    const byRecords = batch.baseTimestamp(bytes, at) + BigInt(kept.maxTimestampDelta);
    const maxTimestamp = isLogAppendTime ? batch.maxTimestamp(bytes, at) : byRecords;
    const facts = { recordCount: kept.count, maxTimestamp };
    const wantsHorizon = kept.hasTombstone && deleteHorizonOf(bytes, at) === undefined;
    let out = wantsHorizon ? this.#withHorizon(bytes, at, records, facts) : undefined;
    if (out === undefined) {
      if (kept.count === batch.recordCount(bytes, at)) return 'same';
      out = copied(this.#scratch, records, this.#ranges);
      sealWithRecords(out, bytes, at, { ...facts, deleteHorizonMs: undefined });
    }
    return codec === 'none' ? out : this.#packed(out, codec);
  }

  /** The batch with the records in the ranges and a new delete horizon; undefined when their times cannot be said that way. */
  #withHorizon(
    bytes: Buffer,
    at: number,
    records: Buffer,
    facts: { readonly recordCount: number; readonly maxTimestamp: bigint },
  ): Buffer | undefined {
    const deleteHorizonMs = BigInt(this.#facts.nowMs) + BigInt(this.#facts.deleteRetentionMs);
    const shiftMs = Number(batch.baseTimestamp(bytes, at) - deleteHorizonMs);
    const out = shifted(this.#scratch, records, this.#ranges, shiftMs);
    if (out !== undefined) sealWithRecords(out, bytes, at, { ...facts, deleteHorizonMs });
    return out;
  }

  /** The batch in `out`, with its records compressed. */
  async #packed(out: Buffer, codec: Exclude<Codec, 'none'>): Promise<Buffer> {
    const packed = await this.#env.offload.compress(codec, out.subarray(batch.BATCH_HEADER_BYTES));
    return withSection(this.#scratch, out, packed);
  }

  #emptied(bytes: Buffer, at: number, stays: boolean): CleanedBatch {
    return stays ? withoutRecords(this.#scratch, bytes, at) : 'none';
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
