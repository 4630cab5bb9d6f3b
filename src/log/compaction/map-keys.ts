/**
 * The first pass of a compaction: where the newest record of each key stands in the dirty part of a log. It ends early when the
 * map is full; the part that it reached is then compacted, and the rest the next time. Source: Kafka's Cleaner.buildOffsetMap.
 */
import { KafkaError } from '../../protocol/errors.ts';
import * as batch from '../../protocol/records/batch.ts';
import { codecOf } from '../../protocol/records/compression.ts';
import { RecordCursor } from '../../protocol/records/record-walk.ts';
import type { ScanStep } from '../batch-scan.ts';
import type { Segment } from '../segment.ts';
import { undoCompression } from '../undo-compression.ts';
import { STORED_RECORDS_BYTES_MAX } from './batch-cleaner.ts';
import { type CompactedLog, type ScanSettings, scanChecked } from './checked-scan.ts';
import type { OffsetMap } from './offset-map.ts';
import { type FoundTransactions, TransactionSearch, TransactionWalk } from './transactions.ts';

export interface MappedKeys {
  /** Exclusive: all keys of records from the first dirty offset up to here are in the map. */
  readonly endOffset: number;
  readonly aborted: FoundTransactions['aborted'];
}

export interface DirtyPart {
  /** Ascending. */
  readonly segments: readonly Segment[];
  /** Of records before it no older ones are left. */
  readonly firstDirtyOffset: number;
  /** Exclusive: how transactions ended is looked for up to here. */
  readonly stableEnd: number;
}

/** Records that are looked at between two looks at the time. */
const RECORDS_PER_STEP = 2000;

export async function mapKeys(
  log: CompactedLog,
  dirty: DirtyPart,
  map: OffsetMap,
  settings: ScanSettings,
): Promise<MappedKeys> {
  const mapping = new KeyMapping(log, dirty, map, settings);
  for (const segment of dirty.segments) {
    if (mapping.isFull) break;
    await scanChecked(log, segment, settings, (bytes, at) => mapping.take(segment, bytes, at));
  }
  return { endOffset: mapping.endOffset, aborted: mapping.aborted };
}

class KeyMapping {
  isFull = false;
  endOffset: number;
  aborted: FoundTransactions['aborted'] = [];
  readonly #log: CompactedLog;
  readonly #dirty: DirtyPart;
  readonly #map: OffsetMap;
  readonly #settings: ScanSettings;
  /** Set with the first batch of a transaction. */
  #walk: TransactionWalk | undefined;
  #knownEnd = Number.POSITIVE_INFINITY;

  constructor(log: CompactedLog, dirty: DirtyPart, map: OffsetMap, settings: ScanSettings) {
    this.#log = log;
    this.#dirty = dirty;
    this.#map = map;
    this.#settings = settings;
    this.endOffset = dirty.firstDirtyOffset;
  }

  /** Takes the next batch, of `segment`. */
  take(segment: Segment, bytes: Buffer, at: number): ScanStep | Promise<ScanStep> {
    if (batch.lastOffset(bytes, at) < this.#dirty.firstDirtyOffset) return 'next';
    const attributes = batch.attributes(bytes, at);
    if ((attributes & batch.TRANSACTIONAL_BIT) !== 0 && this.#walk === undefined) {
      return this.#search(segment).then(() => this.take(segment, bytes, at));
    }
    if (batch.baseOffset(bytes, at) >= this.#knownEnd) return this.#full();
    if (this.#hasNoKeys(bytes, at, attributes)) return this.#next(bytes, at);
    const codec = codecOf(attributes);
    if (codec === undefined) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'no codec has this number');
    const section = bytes.subarray(at + batch.BATCH_HEADER_BYTES, at + batch.batchBytes(bytes, at));
    const { env } = this.#log.host;
    const records = codec === 'none' ? section : undoCompression(env, codec, section, STORED_RECORDS_BYTES_MAX);
    if (Buffer.isBuffer(records)) return this.#putAll(bytes, at, cursorOf(records), batch.recordCount(bytes, at));
    return records.then((undone) => this.#putAll(bytes, at, cursorOf(undone), batch.recordCount(bytes, at)));
  }

  #hasNoKeys(bytes: Buffer, at: number, attributes: number): boolean {
    if ((attributes & batch.CONTROL_BIT) !== 0) {
      this.#walk?.isNeedless(bytes, at);
      return true;
    }
    return this.#walk?.isAborted(bytes, at) === true || batch.recordCount(bytes, at) === 0;
  }

  #putAll(bytes: Buffer, at: number, cursor: RecordCursor, recordCount: number): ScanStep | Promise<ScanStep> {
    const baseOffset = batch.baseOffset(bytes, at);
    for (let left = recordCount; left > 0; left -= RECORDS_PER_STEP) {
      const count = Math.min(left, RECORDS_PER_STEP);
      for (let index = 0; index < count; index++) {
        cursor.next();
        if (!this.#put(cursor, baseOffset + cursor.offsetDelta)) return this.#full();
      }
      const turn = this.#settings.pace.spent(0);
      if (turn !== undefined) return turn.then(() => this.#putAll(bytes, at, cursor, left - count));
    }
    cursor.finish();
    return this.#next(bytes, at);
  }

  /** False when there is no room for the key. */
  #put({ bytes, keyStart, keyEnd }: RecordCursor, offset: number): boolean {
    if (keyStart !== -1 && offset >= this.#dirty.firstDirtyOffset) {
      if (!this.#map.put(bytes, keyStart, keyEnd, offset)) return false;
    }
    this.endOffset = Math.max(this.endOffset, offset + 1);
    return true;
  }

  #next(bytes: Buffer, at: number): ScanStep {
    this.endOffset = Math.max(this.endOffset, batch.lastOffset(bytes, at) + 1);
    return 'next';
  }

  #full(): ScanStep {
    this.isFull = true;
    return 'stop';
  }

  /** Learns how the transactions ended that begin in `segment` or later. */
  async #search(first: Segment): Promise<void> {
    const search = new TransactionSearch();
    for (const segment of this.#log.segments.all()) {
      if (segment.baseOffset < first.baseOffset) continue;
      let isOver = false;
      await scanChecked(this.#log, segment, this.#settings, (bytes, at) => {
        isOver = batch.lastOffset(bytes, at) >= this.#dirty.stableEnd || !search.take(bytes, at);
        return isOver ? 'stop' : 'next';
      });
      if (isOver) break;
    }
    const found = search.found();
    this.aborted = found.aborted;
    this.#knownEnd = found.knownEnd;
    this.#walk = new TransactionWalk(found.aborted);
  }
}

function cursorOf(records: Buffer): RecordCursor {
  return new RecordCursor(records, 0, records.length);
}
