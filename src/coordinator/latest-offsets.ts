/**
 * Committed offsets as a log is loaded: most of them are followed by newer ones of the same partition, and only the last is looked into.
 * What compaction may drop a load may pass over.
 */
import { decodeGroupRecord } from '../protocol/group/group-record.ts';
import type { FoundRecord } from './group-batch.ts';

interface Latest {
  /** Bytes that hold the value from `start` to `end` (exclusive); a tombstone's `start` is -1. */
  source: Buffer;
  start: number;
  end: number;
  offset: number;
  wallMs: number;
  /** Whether `source` belongs to a read, whose memory is given back. */
  isBorrowed: boolean;
}

/** Keys that wait at a time: what a load takes of memory. */
const COUNT_MAX = 100_000;

export class LatestOffsets {
  /** By the keys' bytes as `latin1` reads them. */
  readonly #latest = new Map<string, Latest>();
  #borrowed: Latest[] = [];

  /** An offset whose value stands in `source` from `valueStart` to `valueEnd` (exclusive); -1: a tombstone. */
  note(key: string, source: Buffer, valueStart: number, valueEnd: number, offset: number, wallMs: number): void {
    let latest = this.#latest.get(key);
    if (latest === undefined) {
      latest = { source, start: valueStart, end: valueEnd, offset, wallMs, isBorrowed: true };
      this.#latest.set(key, latest);
      this.#borrowed.push(latest);
      return;
    }
    latest.source = source;
    latest.start = valueStart;
    latest.end = valueEnd;
    latest.offset = offset;
    latest.wallMs = wallMs;
    if (latest.isBorrowed) return;
    latest.isBorrowed = true;
    this.#borrowed.push(latest);
  }

  /** Copies what waits; to be called before the memory of a `source` is used for something else. */
  settle(): void {
    for (const latest of this.#borrowed) {
      if (latest.start !== -1) {
        latest.source = Buffer.from(latest.source.subarray(latest.start, latest.end));
        latest.end -= latest.start;
        latest.start = 0;
      }
      latest.isBorrowed = false;
    }
    this.#borrowed = [];
  }

  get isFull(): boolean {
    return this.#latest.size >= COUNT_MAX;
  }

  /** Takes out what waits, in the order of the log. Throws GroupRecordError. */
  *take(): Iterable<FoundRecord> {
    const taken = [...this.#latest].sort(([, left], [, right]) => left.offset - right.offset);
    this.#latest.clear();
    this.#borrowed = [];
    for (const [key, { source, start, end, offset, wallMs }] of taken) {
      const value = start === -1 ? null : source.subarray(start, end);
      const record = decodeGroupRecord(Buffer.from(key, 'latin1'), value);
      if (record !== undefined) yield { record, offset, wallMs };
    }
  }
}
