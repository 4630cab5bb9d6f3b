/** Standard input, output and error of this process. Each is opened at its first use. */
import { writeSync } from 'node:fs';
import type { Clock, Stdio } from '../kernel/env.ts';
import { isAgain } from './real-descriptor.ts';
import { openStdin, type ReadInto } from './real-stdin.ts';
import { openStdout, type WriteAll } from './real-stdout.ts';

const STDERR = 2;
/** How often, a millisecond apart, a line for people is tried again on a standard error that is full. */
const NOTE_RETRY_COUNT = 20;

export function stdioOf(clock: Pick<Clock, 'sleep'>): Stdio {
  let reader: Promise<ReadInto> | undefined;
  let writer: Promise<WriteAll> | undefined;
  return {
    read: async (target) => {
      reader ??= openStdin(clock);
      return (await reader)(target);
    },
    write: async (bytes) => {
      writer ??= openStdout(clock);
      await (await writer)(bytes);
    },
    note: (text) => writeStderr(`${text}\n`),
  };
}

/**
 * Writes at once, so that the words are out before whatever comes next. Standard error may be the pipe of standard output
 * (`2>&1`), which does not block: a full one gets a few milliseconds, then the rest is dropped. A closed one is ignored.
 */
export function writeStderr(text: string): void {
  const bytes = Buffer.from(text);
  let position = 0;
  for (let retryCount = 0; position < bytes.length && retryCount <= NOTE_RETRY_COUNT; ) {
    try {
      position += writeSync(STDERR, bytes, position);
    } catch (error) {
      if (!isAgain(error)) return;
      retryCount += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, 1);
    }
  }
}
