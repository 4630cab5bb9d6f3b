/** The files that the benchmarks read: lines of one length, made once in a folder of the caller's. */
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Input {
  readonly name: string;
  readonly path: string;
  readonly lines: number;
  /** Without the newline. */
  readonly lineBytes: number;
}

/** `lines` different lines of exactly `lineBytes` bytes in `folder`, made when it is not there. */
export function makeInput(folder: string, lines: number, lineBytes: number): Input {
  const name = `${lines}x${lineBytes}`;
  const path = join(folder, `${name}.txt`);
  if (!existsSync(path)) write(path, lines, lineBytes);
  return { name, path, lines, lineBytes };
}

function write(path: string, lines: number, lineBytes: number): void {
  const file = openSync(path, 'wx');
  const perChunk = Math.max(1, Math.floor(2 ** 20 / (lineBytes + 1)));
  for (let from = 0; from < lines; from += perChunk) {
    const chunk: string[] = [];
    for (let at = from; at < Math.min(lines, from + perChunk); at++) {
      chunk.push(
        `${String(at).padStart(12, '0')} `.padEnd(lineBytes, 'abcdefghijklmnopqrstuvwxyz').slice(0, lineBytes),
      );
    }
    writeSync(file, `${chunk.join('\n')}\n`);
  }
  closeSync(file);
}
