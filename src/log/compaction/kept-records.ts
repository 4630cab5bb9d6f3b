/**
 * Which records of a batch a compaction keeps: of a key the newest; one without a value (a tombstone) until its batch's delete
 * horizon has passed; and all that lie behind what was mapped. Source: Kafka's Cleaner.shouldRetainRecord.
 */
import * as batch from '../../protocol/records/batch.ts';
import { RecordCursor } from '../../protocol/records/record-walk.ts';
import type { OffsetMap } from './offset-map.ts';
import type { RecordRanges } from './rewrite-batch.ts';

export interface KeepingFacts {
  readonly map: OffsetMap;
  /** The keys of records before it are in the map, exclusive. */
  readonly mappedEnd: number;
  readonly nowMs: number;
}

/** Records that are looked at between two looks at the time. */
const RECORDS_PER_STEP = 2000;

/** Goes through the records of one batch, some at a time. */
export class KeptRecords {
  readonly ranges: RecordRanges;
  count = 0;
  maxTimestampDelta = Number.NEGATIVE_INFINITY;
  hasTombstone = false;
  readonly #facts: KeepingFacts;
  readonly #cursor: RecordCursor;
  readonly #baseOffset: number;
  readonly #keepsTombstones: boolean;
  #left: number;

  /** The batch at `at`, whose records stand uncompressed in `records`. `ranges` are those of the batch from now on. */
  constructor(facts: KeepingFacts, bytes: Buffer, at: number, records: Buffer, ranges: RecordRanges) {
    this.#facts = facts;
    this.ranges = ranges;
    ranges.clear();
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
      this.ranges.add(start, cursor.position);
      this.count += 1;
      if (cursor.timestampDelta > this.maxTimestampDelta) this.maxTimestampDelta = cursor.timestampDelta;
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

/** undefined where the batch at `at` has none yet. */
export function deleteHorizonOf(bytes: Buffer, at: number): bigint | undefined {
  const hasHorizon = (batch.attributes(bytes, at) & batch.DELETE_HORIZON_BIT) !== 0;
  return hasHorizon ? batch.baseTimestamp(bytes, at) : undefined;
}
