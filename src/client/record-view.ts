/**
 * One record as a formatter sees it: positions in a buffer, valid until the call returns. The decoder reuses one object
 * for all records, so whoever wants to keep something copies it.
 */
export interface RecordView {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; the batch's time of append when `timestampType` says so; -1 when there is none. */
  readonly timestamp: bigint;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** What the positions below point into; ends are exclusive. */
  readonly source: Buffer;
  /** -1 for a null key. */
  readonly keyStart: number;
  readonly keyEnd: number;
  /** -1 for a null value. */
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly headerCount: number;
  /** Calls `visit` for each header in order; `valueStart` is -1 for a null value. */
  forEachHeader(visit: (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void): void;
}

/** Where a formatter puts the text of a record. */
export interface RecordText {
  /** A copy of `source` from `start` to `end` (exclusive). */
  bytes(source: Uint8Array, start: number, end: number): void;
  /** UTF-8 of `text`. */
  text(text: string): void;
  byte(value: number): void;
}

/** Takes one record after the other, for `-f`, `-J` and the like. */
export interface RecordSink {
  record(view: RecordView): void;
}
