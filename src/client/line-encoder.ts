import { murmur2Partition } from '../kernel/murmur2.ts';
import { type BatchSlot, type SourceBytes, singleRecordBatchBytes } from './batch-slot.ts';
import { ClientError } from './client-error.ts';
import type { LineBuffer } from './line-buffer.ts';
import { appendLines } from './line-loops.ts';

export interface LineEncoderOptions {
  /** At least one byte. */
  readonly delimiter: Uint8Array;
  /** Parts key and value; without it every record has a null key. */
  readonly keyDelimiter: Uint8Array | undefined;
  /** Where keyed lines go, of how many; undefined when `currentPartition` is to take them too. */
  readonly keyedPartitionCount: number | undefined;
  /** A batch of one record may not be larger (the topic's max.message.bytes). */
  readonly maxBatchBytes: number;
}

/** Why encoding stopped: more input is needed, or a slot for `wantedPartition` with room for `wantedBytes`. */
export type EncodeStop = 'input' | 'slot';

/**
 * Turns lines into records of open slots, one slot a partition. No object, string or promise is made per line
 * (performance.md section 1); lines without keys go through loops of their own, those of `line-loops.ts`.
 */
export class LineEncoder {
  readonly #options: LineEncoderOptions;
  readonly #delimiter: number | Uint8Array;
  readonly #keyDelimiter: number | Uint8Array | undefined;
  readonly #slots: (BatchSlot | undefined)[] = [];
  /** Where lines without keys go. */
  currentPartition = 0;
  wantedPartition = 0;
  /** The least size of an empty slot that takes the line at hand. */
  wantedBytes = 0;
  /** Lines encoded since the beginning, and the same since the input at hand began. */
  lineCount = 0;
  #inputFirstLine = 0;
  #inputFirstByte = 0;
  #inputName = '';
  /** No delimiter begins before this position of the buffer's input bytes. */
  #searchedTo = 0;

  constructor(options: LineEncoderOptions) {
    this.#options = options;
    this.#delimiter = needle(options.delimiter);
    this.#keyDelimiter = options.keyDelimiter === undefined ? undefined : needle(options.keyDelimiter);
  }

  /** The next line is the first of input `name`. */
  beginInput(name: string, lines: LineBuffer): void {
    this.#inputName = name;
    this.#inputFirstLine = this.lineCount;
    this.#inputFirstByte = lines.byteOffset(lines.start);
    this.#searchedTo = 0;
  }

  slot(partition: number): BatchSlot | undefined {
    return this.#slots[partition];
  }

  setSlot(partition: number, slot: BatchSlot | undefined): void {
    this.#slots[partition] = slot;
  }

  /** Slots that are being filled, with their partitions. */
  *openSlots(): Iterable<[partition: number, slot: BatchSlot]> {
    for (const [partition, slot] of this.#slots.entries()) if (slot !== undefined) yield [partition, slot];
  }

  /** Encodes whole lines until the input or a slot is used up. Throws `ClientError` of kind `data` for a bad line. */
  encode(lines: LineBuffer, nowMs: number): EncodeStop {
    return this.#keyDelimiter === undefined ? this.#encodeValues(lines, nowMs) : this.#encodeKeyed(lines, nowMs);
  }

  /** Encodes what is left as one line, which had no delimiter; the input has ended. */
  encodeLast(lines: LineBuffer, nowMs: number): EncodeStop {
    if (lines.heldBytes === 0) return 'input';
    if (!this.#encodeLine(lines, lines.window(), lines.end, nowMs)) return 'slot';
    this.#taken(lines, 1, lines.end);
    return 'input';
  }

  #encodeValues(lines: LineBuffer, nowMs: number): EncodeStop {
    const partition = this.currentPartition;
    const slot = this.#slots[partition];
    const window = lines.window();
    // A line that arrives in many pieces is searched once, not once a piece.
    if (this.#nextDelimiter(lines, window) < 0) return 'input';
    if (slot !== undefined) {
      if (slot.recordCount === 0) slot.open(nowMs, this.lineCount, lines.byteOffset(lines.start));
      const before = slot.recordCount;
      const run = {
        window,
        source: lines,
        delimiter: this.#delimiter,
        delimiterBytes: this.#options.delimiter.length,
        timestampDelta: slot.timestampDelta(nowMs),
      };
      const start = appendLines(slot, run, lines.start);
      this.#taken(lines, slot.recordCount - before, start);
    }
    const end = this.#nextDelimiter(lines, window);
    if (end < 0) return 'input';
    this.#wantSlot(lines, partition, -1, end - lines.start);
    return 'slot';
  }

  #encodeKeyed(lines: LineBuffer, nowMs: number): EncodeStop {
    const window = lines.window();
    for (;;) {
      const end = this.#nextDelimiter(lines, window);
      if (end < 0) return 'input';
      if (!this.#encodeLine(lines, window, end, nowMs)) return 'slot';
      this.#taken(lines, 1, end + this.#options.delimiter.length);
    }
  }

  /** Encodes the line from `lines.start` to `end`; false when its partition has no slot with room. */
  #encodeLine(lines: LineBuffer, window: Buffer, end: number, nowMs: number): boolean {
    const start = lines.start;
    const keyEnd = this.#keyEnd(lines, window, end);
    const keyStart = keyEnd < 0 ? -1 : start;
    const valueStart = keyEnd < 0 ? start : keyEnd + (this.#options.keyDelimiter?.length ?? 0);
    const partition = this.#partitionOf(lines, keyStart, keyEnd);
    const slot = this.#slots[partition];
    if (slot !== undefined) {
      if (slot.recordCount === 0) slot.open(nowMs, this.lineCount, lines.byteOffset(start));
      if (slot.append(lines, keyStart, keyEnd, valueStart, end, slot.timestampDelta(nowMs))) return true;
    }
    this.#wantSlot(lines, partition, keyEnd < 0 ? -1 : keyEnd - start, end - valueStart);
    return false;
  }

  #partitionOf(source: SourceBytes, keyStart: number, keyEnd: number): number {
    const count = this.#options.keyedPartitionCount;
    if (keyStart < 0 || count === undefined) return this.currentPartition;
    return murmur2Partition(source.bytes, keyStart, keyEnd, count);
  }

  /** Where the key of the line ends, or -1 when lines have no keys. */
  #keyEnd(lines: LineBuffer, window: Buffer, end: number): number {
    const delimiter = this.#keyDelimiter;
    if (delimiter === undefined) return -1;
    const keyEnd = window.indexOf(delimiter, lines.start);
    if (keyEnd < 0 || keyEnd + (this.#options.keyDelimiter?.length ?? 0) > end) {
      throw this.#badLine(lines, 'has no key delimiter');
    }
    return keyEnd;
  }

  /** Where the next line ends; -1 when no whole delimiter has come yet. Throws when the line is too long already. */
  #nextDelimiter(lines: LineBuffer, window: Buffer): number {
    const from = Math.max(lines.start, this.#searchedTo - lines.byteOffset(0));
    const end = window.indexOf(this.#delimiter, from);
    if (end >= 0) return end;
    const searchedTo = Math.max(lines.start, lines.end - this.#options.delimiter.length + 1);
    this.#searchedTo = lines.byteOffset(searchedTo);
    // Key and delimiters are in `heldBytes`, so only a line that is too long for certain stops here.
    const delimitersBytes = this.#options.delimiter.length + (this.#options.keyDelimiter?.length ?? 0);
    if (lines.heldBytes - delimitersBytes > this.#options.maxBatchBytes) throw this.#tooLong(lines);
    return -1;
  }

  #wantSlot(lines: LineBuffer, partition: number, keyLength: number, valueLength: number): void {
    this.wantedPartition = partition;
    this.wantedBytes = singleRecordBatchBytes(keyLength, valueLength);
    if (this.wantedBytes > this.#options.maxBatchBytes) throw this.#tooLong(lines);
  }

  #taken(lines: LineBuffer, lineCount: number, start: number): void {
    this.lineCount += lineCount;
    lines.start = start;
  }

  #tooLong(lines: LineBuffer): ClientError {
    return this.#badLine(lines, `is longer than the topic's max.message.bytes (${this.#options.maxBatchBytes}) allows`);
  }

  #badLine(lines: LineBuffer, what: string): ClientError {
    const line = this.lineCount - this.#inputFirstLine + 1;
    const byte = lines.byteOffset(lines.start) - this.#inputFirstByte;
    return new ClientError('data', `${this.#inputName}: line ${line} (byte offset ${byte}) ${what}`);
  }
}

/** A single byte is found faster as a number. */
function needle(delimiter: Uint8Array): number | Uint8Array {
  const [first] = delimiter;
  if (first === undefined) throw new ClientError('usage', 'a delimiter needs at least one byte');
  return delimiter.length === 1 ? first : delimiter;
}
