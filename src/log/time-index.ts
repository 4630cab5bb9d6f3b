/**
 * `<20 digits>.timeindex`: up to which offset all timestamps are below one. 12 bytes an entry, big endian:
 *
 *   0 int64 largest timestamp of the segment so far
 *   8 int32 last offset of the batch that holds it, less the segment's base offset
 *
 * Timestamps strictly increase, offsets too. An entry is tried whenever the offset index gets one, and when the segment is
 * sealed or closed. Source: Kafka's TimeIndex.
 */
import type { Disk } from '../kernel/env.ts';
import { IndexEntries } from './index-entries.ts';

export const TIME_INDEX_ENTRY_BYTES = 12;

export interface TimestampAtOffset {
  readonly timestamp: bigint;
  readonly offset: number;
}

export class TimeIndex {
  readonly entries: IndexEntries;
  readonly #baseOffset: number;
  #lastTimestamp: bigint;

  /** `persisted.lastTimestamp` is that of the last entry in the file, -1n when there is none. */
  constructor(
    disk: Disk,
    path: string,
    baseOffset: number,
    persisted: { readonly count: number; readonly crc?: number | undefined; readonly lastTimestamp: bigint },
  ) {
    this.entries = new IndexEntries(disk, path, TIME_INDEX_ENTRY_BYTES, persisted.count, persisted.crc);
    this.#baseOffset = baseOffset;
    this.#lastTimestamp = persisted.lastTimestamp;
  }

  get lastTimestamp(): bigint {
    return this.#lastTimestamp;
  }

  /** Adds the entry unless its timestamp is not above the last one's. */
  maybeAppend(largest: TimestampAtOffset): void {
    if (largest.timestamp <= this.#lastTimestamp) return;
    const { bytes, at } = this.entries.push();
    bytes.writeBigInt64BE(largest.timestamp, at);
    bytes.writeInt32BE(largest.offset - this.#baseOffset, at + 8);
    this.#lastTimestamp = largest.timestamp;
  }

  /**
   * The last entry whose timestamp is below `timestamp`; undefined when there is none. All records up to its offset are older
   * than or as old as its timestamp. The entries must be loaded.
   */
  lookupBelow(timestamp: bigint): TimestampAtOffset | undefined {
    let low = 0;
    let high = this.entries.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#read(middle).timestamp < timestamp) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.#read(low - 1);
  }

  /** The last entry. The entries must be loaded. */
  last(): TimestampAtOffset | undefined {
    return this.entries.count === 0 ? undefined : this.#read(this.entries.count - 1);
  }

  /** Whether all entries increase as they must and lie below `endOffset`. The entries must be loaded. */
  isSound(endOffset: number): boolean {
    let last: TimestampAtOffset = { timestamp: -1n, offset: this.#baseOffset - 1 };
    for (let index = 0; index < this.entries.count; index += 1) {
      const entry = this.#read(index);
      if (entry.timestamp <= last.timestamp || entry.offset <= last.offset) return false;
      last = entry;
    }
    return last.offset < endOffset;
  }

  #read(index: number): TimestampAtOffset {
    const { bytes, at } = this.entries.entry(index);
    return { timestamp: bytes.readBigInt64BE(at), offset: bytes.readInt32BE(at + 8) + this.#baseOffset };
  }
}
