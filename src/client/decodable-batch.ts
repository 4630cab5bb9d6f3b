import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { type Codec, codecOf } from '../protocol/records/compression.ts';
import { RecordCursor } from '../protocol/records/record-walk.ts';
import { COPY_SLACK_BYTES } from './copy-bytes.ts';
import type { FetchedBatch } from './fetched-batches.ts';

/** No legal batch holds more; what claims to is not decompressed. */
export const RECORDS_BYTES_MAX = 512 << 20;

/** What a batch's header says, as far as its records' readers need it. */
export interface BatchFacts {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly baseTimestamp: bigint;
  /** Set when the broker stamped the records: all have this time. */
  readonly logAppendTime: bigint | undefined;
  readonly recordCount: number;
  readonly lastOffsetDelta: number;
}

export type Packing = Exclude<Codec, 'none'>;

export interface WantedOffsets {
  readonly fromOffset: number;
  /** Exclusive. */
  readonly untilOffset: number;
}

/** Of the batch whose header begins at `position`. */
export function headerFacts(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  { bytes, position }: Pick<FetchedBatch, 'bytes' | 'position'>,
): BatchFacts {
  const isStamped = (batch.attributes(bytes, position) & batch.LOG_APPEND_TIME_BIT) !== 0;
  return {
    topic,
    partition,
    baseOffset: batch.baseOffset(bytes, position),
    baseTimestamp: batch.baseTimestamp(bytes, position),
    logAppendTime: isStamped ? batch.maxTimestamp(bytes, position) : undefined,
    recordCount: batch.recordCount(bytes, position),
    lastOffsetDelta: batch.lastOffsetDelta(bytes, position),
  };
}

/**
 * A batch that is whole and was checked. `unpack` gets the records where they are compressed; where they are not there is nothing to
 * wait for. Throws KafkaError INVALID_RECORD for a codec that is none.
 */
export function openBatch(
  place: { readonly topic: string; readonly partition: number },
  item: FetchedBatch,
  wanted: WantedOffsets,
  unpack: (codec: Packing, packed: Buffer) => Promise<Buffer>,
): DecodableBatch | Promise<DecodableBatch> {
  const { bytes, position, end } = item;
  const codec = codecOf(batch.attributes(bytes, position));
  if (codec === undefined) throw new KafkaError('INVALID_RECORD', 'an unknown codec');
  const facts = headerFacts(place, item);
  const start = position + batch.BATCH_HEADER_BYTES;
  if (codec === 'none') return new DecodableBatch(facts, { bytes, start, end }, wanted);
  return unpack(codec, bytes.subarray(start, end)).then(
    (records) => new DecodableBatch(facts, { bytes: records, start: 0, end: records.length }, wanted),
  );
}

/** The uncompressed records of one batch, and how far they are read. */
export class DecodableBatch {
  readonly facts: BatchFacts;
  readonly bytes: Buffer;
  /** On the memory of `bytes` and what lies behind it, as far as that goes: copies touch some bytes more. */
  readonly view: DataView;
  /** Where the records end (exclusive). */
  readonly end: number;
  /** Records with smaller offset deltas are passed over. */
  readonly fromDelta: number;
  /** The first offset delta that is not wanted. */
  readonly untilDelta: number;
  /** Whether no record is passed over. */
  readonly isWholeWanted: boolean;
  #position: number;
  #recordsLeft: number;

  constructor(
    facts: BatchFacts,
    records: { readonly bytes: Buffer; readonly start: number; readonly end: number },
    wanted: WantedOffsets,
  ) {
    const { buffer, byteOffset } = records.bytes;
    this.facts = facts;
    this.bytes = records.bytes;
    this.view = new DataView(
      buffer,
      byteOffset,
      Math.min(records.end + COPY_SLACK_BYTES, buffer.byteLength - byteOffset),
    );
    this.end = records.end;
    this.fromDelta = wanted.fromOffset - facts.baseOffset;
    this.untilDelta = wanted.untilOffset - facts.baseOffset;
    this.isWholeWanted = this.fromDelta <= 0 && this.untilDelta > facts.lastOffsetDelta;
    this.#position = records.start;
    this.#recordsLeft = facts.recordCount;
  }

  /** Where the next record begins. */
  get position(): number {
    return this.#position;
  }

  /** Records that are not read yet; 0 too when those that are left are not wanted. */
  get recordsLeft(): number {
    return this.#recordsLeft;
  }

  /** Where reading goes on: at the next record, or behind the last one that is wanted. */
  get nextOffset(): number {
    const { baseOffset, lastOffsetDelta } = this.facts;
    if (this.#recordsLeft === 0) return baseOffset + Math.min(lastOffsetDelta + 1, this.untilDelta);
    const next = this.cursor();
    next.next();
    return baseOffset + next.offsetDelta;
  }

  /** The next record is at `position`, and `recordsLeft` are left. */
  advance(position: number, recordsLeft: number): void {
    this.#position = position;
    this.#recordsLeft = recordsLeft;
  }

  /** Reads the next record, wanted or not, and moves behind it. Throws KafkaError INVALID_RECORD. */
  nextRecord(cursor = this.cursor()): RecordCursor {
    cursor.position = this.#position;
    cursor.next();
    this.advance(cursor.position, this.#recordsLeft - 1);
    return cursor;
  }

  /** For many calls of `nextRecord`. */
  cursor(): RecordCursor {
    return new RecordCursor(this.bytes, this.#position, this.end);
  }
}
