/** How far a member's partitions are accepted by the output, and how far committed (R11). */
import type { PartitionCursor } from './fetch-request.ts';
import { type PartitionOffset, partitionKey } from './group-offsets.ts';
import type { OutputMark } from './record-output.ts';

interface Progress {
  /** Next offset: all before it is accepted by the output, without a gap. */
  accepted: number;
  /** undefined: nothing is committed, or it is not known. */
  committed: number | undefined;
}

export class GroupProgress {
  readonly #byCursor = new Map<PartitionCursor, Progress>();
  /** Cursors that were given up with text still on its way to the output, and the last of each partition. */
  readonly #earlier = new WeakMap<PartitionCursor, Progress>();
  readonly #pending = new Map<string, { readonly cursor: PartitionCursor; readonly progress: Progress }>();

  /** Reading begins at the cursor's offset, which is committed too where nothing was (`latest` stays where it was then). */
  begin(cursor: PartitionCursor, committed: number | undefined): void {
    this.#byCursor.set(cursor, { accepted: cursor.fetchOffset, committed });
  }

  /**
   * For the cursor of a partition that comes back to a member whose output has not taken yet all that was read before it was given
   * up: sets it behind that. False where nothing is left, or where somebody else has committed meanwhile.
   */
  resume(cursor: PartitionCursor, committed: number | undefined): boolean {
    const key = partitionKey(cursor);
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    if (pending === undefined || pending.progress.committed !== committed) return false;
    const { cursor: earlier, progress } = pending;
    cursor.fetchOffset = earlier.decodedOffset ?? progress.accepted;
    cursor.decodedOffset = cursor.fetchOffset;
    this.#byCursor.set(cursor, progress);
    return true;
  }

  /** Marks of cursors that were lost mean nothing. */
  accepted(marks: readonly OutputMark[]): void {
    for (const { cursor, nextOffset } of marks) {
      const progress = this.#byCursor.get(cursor) ?? this.#earlier.get(cursor);
      if (progress !== undefined) progress.accepted = nextOffset;
    }
  }

  /** What is accepted and not committed, of these cursors or of all. */
  due(cursors: Iterable<PartitionCursor> = this.#byCursor.keys()): (PartitionOffset & { cursor: PartitionCursor })[] {
    const due: (PartitionOffset & { cursor: PartitionCursor })[] = [];
    for (const cursor of cursors) {
      const progress = this.#byCursor.get(cursor);
      if (progress === undefined || progress.accepted === progress.committed) continue;
      due.push({ topic: cursor.topic, partition: cursor.partition, offset: progress.accepted, cursor });
    }
    return due;
  }

  committed(offsets: readonly { readonly cursor: PartitionCursor; readonly offset: number }[]): void {
    for (const { cursor, offset } of offsets) {
      const progress = this.#byCursor.get(cursor);
      if (progress !== undefined) progress.committed = offset;
    }
  }

  /** As `end`, but the partition may come back: what is on its way to the output then need not be read again. */
  pause(cursors: readonly PartitionCursor[]): void {
    for (const cursor of cursors) {
      const progress = this.#byCursor.get(cursor);
      if (progress === undefined || progress.accepted === (cursor.decodedOffset ?? progress.accepted)) continue;
      this.#pending.set(partitionKey(cursor), { cursor, progress });
      this.#earlier.set(cursor, progress);
    }
    this.end(cursors);
  }

  end(cursors: readonly PartitionCursor[]): void {
    for (const cursor of cursors) this.#byCursor.delete(cursor);
  }
}
