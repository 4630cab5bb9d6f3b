/** Lines for standard output, put together to writes of a good size: one after the other, as `Stdio.write` asks. */
import type { Stdio } from '../kernel/env.ts';

const WRITE_CHARACTERS = 64 * 1024;

export class LineWriter {
  readonly #stdio: Pick<Stdio, 'write'>;
  #text = '';

  constructor(stdio: Pick<Stdio, 'write'>) {
    this.#stdio = stdio;
  }

  async line(text: string): Promise<void> {
    this.#text += `${text}\n`;
    if (this.#text.length >= WRITE_CHARACTERS) await this.end();
  }

  /** Writes what waits. */
  async end(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await this.#stdio.write(Buffer.from(text));
  }
}
