/**
 * `<20 digits>.index`: where in the segment an offset is, sparsely. 8 bytes an entry, big endian:
 *
 *   0 int32 offset of the batch's last record, less the segment's base offset
 *   4 int32 file position of the batch's first byte
 *
 * Both strictly increase. A batch is entered when more than index.interval.bytes were written since the last entry, so
 * the first batch never is. Source: Kafka's OffsetIndex and LogSegment.append.
 */
import type { Disk } from '../kernel/env.ts';
import { IndexEntries } from './index-entries.ts';

export const OFFSET_INDEX_ENTRY_BYTES = 8;

export class OffsetIndex {
  readonly entries: IndexEntries;
  readonly #baseOffset: number;

  constructor(disk: Disk, path: string, baseOffset: number, persistedCount: number, persistedCrc?: number) {
    this.entries = new IndexEntries(disk, path, OFFSET_INDEX_ENTRY_BYTES, persistedCount, persistedCrc);
    this.#baseOffset = baseOffset;
  }

  append(lastOffset: number, position: number): void {
    const { bytes, at } = this.entries.push();
    bytes.writeInt32BE(lastOffset - this.#baseOffset, at);
    bytes.writeInt32BE(position, at + 4);
  }

  /**
   * The last entered batch whose last offset is not above `offset`; undefined when there is none: the batch that holds `offset`
   * begins there, or later, or before the first entry. The entries must be loaded.
   */
  lookup(offset: number): { readonly lastOffset: number; readonly position: number } | undefined {
    const relative = offset - this.#baseOffset;
    const index = this.#lastAtMost((bytes, at) => bytes.readInt32BE(at) <= relative);
    if (index < 0) return undefined;
    const { bytes, at } = this.entries.entry(index);
    return { lastOffset: bytes.readInt32BE(at) + this.#baseOffset, position: bytes.readInt32BE(at + 4) };
  }

  /** Whether all entries increase as they must and lie within the log's `logBytes`. The entries must be loaded. */
  isSound(logBytes: number): boolean {
    let offset = -1;
    let position = 0;
    for (let index = 0; index < this.entries.count; index += 1) {
      const { bytes, at } = this.entries.entry(index);
      if (bytes.readInt32BE(at) <= offset || bytes.readInt32BE(at + 4) <= position) return false;
      offset = bytes.readInt32BE(at);
      position = bytes.readInt32BE(at + 4);
    }
    return position < Math.max(logBytes, 1);
  }

  /** Index of the last entry for which `holds` is true, -1 for none; it is true for a prefix of the entries. */
  #lastAtMost(holds: (bytes: Buffer, at: number) => boolean): number {
    let low = 0;
    let high = this.entries.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { bytes, at } = this.entries.entry(middle);
      if (holds(bytes, at)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
