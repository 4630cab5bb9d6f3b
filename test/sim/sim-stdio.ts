/**
 * `Stdio` of one simulated process, with the other end in the hands of the scenario: it feeds input when it likes, reads
 * the output or lets it stand, and may close it.
 */
import type { Stdio } from '../../src/kernel/env.ts';
import type { SimProcess } from './sim-process.ts';
import { systemError } from './system-error.ts';

/** What a pipe holds when nobody reads it. */
const PIPE_BYTES = 65536;

export class SimStdio implements Stdio {
  readonly #process: SimProcess;
  readonly #notes: string[] = [];
  #input = Buffer.alloc(0);
  #hasInputEnded = false;
  #wakeReader: (() => void) | undefined;
  #output: Buffer[] = [];
  #outputBytes = 0;
  #unreadBytes = 0;
  #roomBytes = PIPE_BYTES;
  #isRead = true;
  #isReaderGone = false;
  #wakeWriter: (() => void) | undefined;

  constructor(process: SimProcess) {
    this.#process = process;
  }

  async read(target: Uint8Array): Promise<number> {
    while (this.#input.length === 0 && !this.#hasInputEnded) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    return this.#process.perform('disk', 0.05, () => {
      const count = Math.min(target.length, this.#input.length);
      target.set(this.#input.subarray(0, count));
      this.#input = this.#input.subarray(count);
      return count;
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let position = 0; position < bytes.length; ) {
      const room = this.#isRead ? bytes.length : this.#roomBytes - this.#unreadBytes;
      if (room <= 0 && !this.#isReaderGone) {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
        continue;
      }
      const part = bytes.subarray(position, position + room);
      await this.#process.perform(
        'disk',
        0.05,
        () => this.#take(part),
        () => this.#take(part),
      );
      position += part.length;
    }
  }

  note(text: string): void {
    if (this.#process.isDead) return;
    this.#notes.push(text);
    this.#process.note('stderr', text);
  }

  // What follows is the scenario's side.

  feed(bytes: Uint8Array): void {
    this.#input = Buffer.concat([this.#input, bytes]);
    this.#wakeInput();
  }

  endInput(): void {
    this.#hasInputEnded = true;
    this.#wakeInput();
  }

  /** Stops reading the output: after `roomBytes` of it, a pipe's worth by default, writes wait. */
  leaveUnread(roomBytes = PIPE_BYTES): void {
    this.#isRead = false;
    this.#roomBytes = roomBytes;
    this.#unreadBytes = 0;
  }

  readAgain(): void {
    this.#isRead = true;
    this.#wakeOutput();
  }

  /** The reader is gone: writes fail with EPIPE. */
  closeReader(): void {
    this.#isReaderGone = true;
    this.#wakeOutput();
  }

  /** All that was written so far. */
  output(): Buffer {
    this.#output = [Buffer.concat(this.#output)];
    return this.#output[0] as Buffer;
  }

  get outputBytes(): number {
    return this.#outputBytes;
  }

  notes(): readonly string[] {
    return this.#notes;
  }

  #take(bytes: Uint8Array): void {
    if (this.#isReaderGone) throw systemError('EPIPE', 'write');
    this.#output.push(Buffer.from(bytes));
    this.#outputBytes += bytes.length;
    if (!this.#isRead) this.#unreadBytes += bytes.length;
    this.#process.note('stdout', this.#outputBytes);
  }

  #wakeInput(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    if (wake !== undefined) this.#process.deliver('disk', wake);
  }

  #wakeOutput(): void {
    const wake = this.#wakeWriter;
    this.#wakeWriter = undefined;
    if (wake !== undefined) this.#process.deliver('disk', wake);
  }
}
