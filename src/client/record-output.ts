import type { ConsumeOutput } from './consumer.ts';
import { COPY_SLACK_BYTES, viewOf } from './copy-bytes.ts';
import type { PartitionCursor } from './fetch-request.ts';
import { takeKernelBytes } from './kernel-memory.ts';
import type { RecordText } from './record-view.ts';

const CHUNK_BYTES = 1 << 20;
/** So many chunks are written or wait for it while one is filled; then the decoder waits. */
const WAITING_COUNT_MAX = 3;
/** A text shorter than this is written character by character, as long as it is ASCII. */
const SHORT_TEXT_CHARACTERS = 24;

/** In `cursor`'s partition all before `nextOffset` is written once the chunk is that has the mark. */
export interface OutputMark {
  readonly cursor: PartitionCursor;
  readonly nextOffset: number;
}

/** Text of records on its way to the output. `bytes` has slack behind `limit`. */
export interface OutputChunk {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly limit: number;
  position: number;
  /** Records that end in this chunk. */
  recordCount: number;
  readonly marks: OutputMark[];
}

/**
 * A ring of chunks between decoder and output: while one is filled, those before it are written, one call at a time. One
 * record may take more than the ring (it then gets memory of its own); `isFull` asks the decoder to wait after it.
 */
export class RecordOutput implements RecordText {
  readonly #output: ConsumeOutput;
  #chunk = newChunk();
  readonly #free: OutputChunk[] = [];
  readonly #waiting: OutputChunk[] = [];
  #isWriting = false;
  #failure: unknown;
  #onChange: (() => void) | undefined;
  #onAccepted: ((marks: readonly OutputMark[]) => void) | undefined;
  #waiters: (() => void)[] = [];
  #rotatedCount = 0;
  #writtenCount = 0;
  #writtenRecords = 0;
  #writtenBytes = 0;

  constructor(output: ConsumeOutput) {
    this.#output = output;
  }

  /** The chunk that takes the next bytes. */
  get chunk(): OutputChunk {
    return this.#chunk;
  }

  /** What the output has accepted. */
  get written(): { readonly records: number; readonly bytes: number } {
    return { records: this.#writtenRecords, bytes: this.#writtenBytes };
  }

  get isFull(): boolean {
    return this.#waiting.length >= WAITING_COUNT_MAX;
  }

  /** What the output answered in place of accepting; nothing is written after it. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Calls `listener`, one at most, after each write, failed ones included. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Calls `listener`, one at most, with the marks of each chunk that the output has accepted. */
  onAccepted(listener: (marks: readonly OutputMark[]) => void): void {
    this.#onAccepted = listener;
  }

  /** Comes behind all text so far; a later mark of the same cursor counts. */
  mark(cursor: PartitionCursor, nextOffset: number): void {
    const { marks } = this.#chunk;
    cursor.decodedOffset = nextOffset;
    if (marks.at(-1)?.cursor === cursor) marks.pop();
    marks.push({ cursor, nextOffset });
  }

  /** Hands what there is to the output. */
  flush(): void {
    const { position, recordCount, marks } = this.#chunk;
    if (position > 0 || recordCount > 0 || marks.length > 0) this.#rotate();
  }

  /** Resolves when all that was handed over before is written, or one write has failed. */
  async caughtUp(): Promise<void> {
    const wantedCount = this.#rotatedCount;
    while (this.#failure === undefined && this.#writtenCount < wantedCount) await this.#changed();
  }

  /** Resolves when all that was handed over is written, or one write has failed. */
  async finished(): Promise<void> {
    while (this.#failure === undefined && (this.#isWriting || this.#waiting.length > 0)) await this.#changed();
  }

  /** Resolves when the decoder may go on. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.isFull) await this.#changed();
  }

  bytes(source: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      if (this.#chunk.position === this.#chunk.limit) this.#rotate();
      const chunk = this.#chunk;
      const length = Math.min(end - from, chunk.limit - chunk.position);
      chunk.bytes.set(source.subarray(from, from + length), chunk.position);
      chunk.position += length;
      from += length;
    }
  }

  text(text: string): void {
    if (text.length < SHORT_TEXT_CHARACTERS && this.#shortText(text)) return;
    const encoded = Buffer.from(text, 'utf8');
    this.bytes(encoded, 0, encoded.length);
  }

  byte(value: number): void {
    if (this.#chunk.position === this.#chunk.limit) this.#rotate();
    const chunk = this.#chunk;
    chunk.bytes[chunk.position++] = value;
  }

  /** False, and nothing is written, when the text is not ASCII or does not fit. */
  #shortText(text: string): boolean {
    const chunk = this.#chunk;
    if (chunk.limit - chunk.position < text.length) return false;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      chunk.bytes[chunk.position + index] = code;
    }
    chunk.position += text.length;
    return true;
  }

  #rotate(): void {
    this.#waiting.push(this.#chunk);
    this.#rotatedCount++;
    this.#chunk = this.#free.pop() ?? newChunk();
    if (!this.#isWriting) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    for (let chunk = this.#waiting[0]; chunk !== undefined && this.#failure === undefined; chunk = this.#waiting[0]) {
      try {
        // Records may leave nothing to write: empty values with an empty delimiter.
        if (chunk.position > 0) await this.#output.write(chunk.bytes.subarray(0, chunk.position));
        this.#writtenRecords += chunk.recordCount;
        this.#writtenBytes += chunk.position;
        this.#writtenCount++;
        if (chunk.marks.length > 0) this.#onAccepted?.(chunk.marks);
      } catch (error) {
        this.#failure = error ?? new Error('the output failed');
      }
      this.#waiting.shift();
      this.#keep(chunk);
      this.#wakeAll();
      this.#onChange?.();
    }
    this.#isWriting = false;
    this.#wakeAll();
  }

  #keep(chunk: OutputChunk): void {
    chunk.position = 0;
    chunk.recordCount = 0;
    chunk.marks.length = 0;
    if (this.#free.length < WAITING_COUNT_MAX) this.#free.push(chunk);
  }

  #wakeAll(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}

function newChunk(): OutputChunk {
  const bytes = takeKernelBytes(CHUNK_BYTES + COPY_SLACK_BYTES);
  return { bytes, view: viewOf(bytes), limit: CHUNK_BYTES, position: 0, recordCount: 0, marks: [] };
}
