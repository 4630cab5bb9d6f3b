/** Standard input, output and error of this process. Each is opened at its first use. */
import { constants, fstatSync, fsync, write, writeSync } from 'node:fs';
import type { Clock, Stdio } from '../kernel/env.ts';
import { printable } from './printable.ts';
import { isAgain, reopened } from './real-descriptor.ts';
import { openOutput, type WriteAll } from './real-output.ts';
import { openStdin, type ReadInto } from './real-stdin.ts';

const STDOUT = 1;
const STDERR = 2;
/** How often, a millisecond apart, a line for people is tried again on a standard error that is full. */
const NOTE_RETRY_COUNT = 20;

let stderrDescriptor: number | undefined;

export function stdioOf(clock: Pick<Clock, 'sleep'>): Stdio {
  let reader: Promise<ReadInto> | undefined;
  let writer: Promise<WriteAll> | undefined;
  return {
    read: async (target) => {
      reader ??= openStdin(clock);
      return (await reader)(target);
    },
    write: async (bytes) => {
      writer ??= openOutput(STDOUT, clock);
      try {
        await (await writer)(bytes);
      } catch (error) {
        throw isClosed(error) ? Object.assign(new Error('standard output is closed'), { code: 'EBADF' }) : error;
      }
    },
    note: (text) => writeStderr(`${text}\n`),
  };
}

/** A descriptor that nothing can be written to is what `bin/streamctl` puts in the place of a closed one. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBADF';
}

/**
 * Writes at once, so that the words are out before whatever comes next, with nothing in it that a terminal would obey. A full
 * pipe or a halted terminal gets a few milliseconds, then the rest is dropped; one that nobody reads any more is ignored.
 */
export function writeStderr(text: string): void {
  const bytes = Buffer.from(printable(text));
  let position = 0;
  for (let retryCount = 0; position < bytes.length && retryCount <= NOTE_RETRY_COUNT; ) {
    try {
      position += writeSync(stderr(), bytes, position);
    } catch (error) {
      if (!isAgain(error)) return;
      retryCount += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, 1);
    }
  }
}

/** Makes durable what was written to standard output; a pipe or a device has nothing to make durable. */
export function syncStdout(): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(STDOUT, (error) => {
      if (error === null || error.code === 'EINVAL' || error.code === 'ENOTSUP' || error.code === 'EROFS') resolve();
      else reject(error);
    });
  });
}

/** Draws on the terminal behind standard error, raw; `onDone` also when that failed. */
export function drawOnStderr(text: string, onDone: () => void): void {
  write(stderr(), text, onDone);
}

/** Without blocking where that can be had: a pipe that is full, or a halted terminal, must not hold up the loop. */
function stderr(): number {
  if (stderrDescriptor === undefined) {
    // Not by `kindOf`, which loads much in order to tell terminals from other devices.
    const stat = fstatSync(STDERR);
    const mayBlock = stat.isFIFO() || stat.isCharacterDevice();
    stderrDescriptor = mayBlock ? reopened(STDERR, constants.O_WRONLY) : STDERR;
  }
  return stderrDescriptor;
}
