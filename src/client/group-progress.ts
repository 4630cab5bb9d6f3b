/** How far a member's partitions are accepted by the output, and how far committed (R11). */
import type { PartitionCursor } from './fetch-request.ts';
import type { PartitionOffset } from './group-offsets.ts';
import type { OutputMark } from './record-output.ts';

interface Progress {
  /** Next offset: all before it is accepted by the output, without a gap. */
  accepted: number;
  /** undefined: nothing is committed, or it is not known. */
  committed: number | undefined;
}

export class GroupProgress {
  readonly #byCursor = new Map<PartitionCursor, Progress>();

  /** Reading begins at the cursor's offset, which is committed too where nothing was (`latest` stays where it was then). */
  begin(cursor: PartitionCursor, committed: number | undefined): void {
    this.#byCursor.set(cursor, { accepted: cursor.fetchOffset, committed });
  }

  /** Marks of cursors that were given up mean nothing. */
  accepted(marks: readonly OutputMark[]): void {
    for (const { cursor, nextOffset } of marks) {
      const progress = this.#byCursor.get(cursor);
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

  end(cursors: readonly PartitionCursor[]): void {
    for (const cursor of cursors) this.#byCursor.delete(cursor);
  }
}
