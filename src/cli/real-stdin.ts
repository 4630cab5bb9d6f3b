/**
 * Standard input by what it is:
 *
 * - a file: `readSync` on the loop, which is faster than the pool and does not block for long;
 * - a pipe or socket: read without blocking, waited for on the loop (see net/descriptor-stream.ts for why not in the pool); a
 *   pipe by descriptions of our own, which others who hold it do not see;
 * - a terminal: Node's tty stream;
 * - another device: reopened without blocking and tried again after waits.
 */
import { constants, read, readSync } from 'node:fs';
import type { Clock } from '../kernel/env.ts';
import { isAgain, kindOf, reopened, retried } from './real-descriptor.ts';

const STDIN = 0;
/** A file is read in steps of this size: larger ones gain nothing and hold up the others on the loop. */
const FILE_READ_BYTES = 256 << 10;
/** After so many bytes that were there at once the event loop gets its turn. */
const YIELD_BYTES = 1 << 20;

/** Next bytes into `target`; 0 at the end. */
export type ReadInto = (target: Uint8Array) => Promise<number>;

export async function openStdin(clock: Pick<Clock, 'sleep'>): Promise<ReadInto> {
  switch (kindOf(STDIN)) {
    case 'file':
      return yielding((target) => readSync(STDIN, target, 0, Math.min(target.length, FILE_READ_BYTES), null));
    case 'stream':
      return streamReader();
    case 'terminal':
      return terminalReader();
    case 'device': {
      const descriptor = reopened(STDIN, constants.O_RDONLY);
      return (target) => retried(clock, () => readOnce(descriptor, target));
    }
  }
}

/** Answers from `readNow`, with a turn of the event loop in between now and then. */
function yielding(readNow: (target: Uint8Array) => number | Promise<number>): ReadInto {
  let sinceTurnBytes = 0;
  return async (target) => {
    const byteCount = await readNow(target);
    sinceTurnBytes += byteCount;
    if (sinceTurnBytes >= YIELD_BYTES) {
      sinceTurnBytes = 0;
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    return byteCount;
  };
}

async function streamReader(): Promise<ReadInto> {
  const { ReadableDescriptor } = await import('../net/descriptor-stream.ts');
  // One to read by and one to wait by: Node closes the latter at the end of the input.
  const descriptor = reopened(STDIN, constants.O_RDONLY);
  const readable = new ReadableDescriptor(descriptor === STDIN ? STDIN : reopened(STDIN, constants.O_RDONLY));
  return yielding((target) => readAvailable(descriptor, target, 0) ?? readWhenReady(descriptor, readable, target));
}

async function readWhenReady(
  descriptor: number,
  readable: { next(): Promise<number | undefined> },
  target: Uint8Array,
): Promise<number> {
  const byte = await readable.next();
  // The end, or the error, comes from the descriptor itself.
  if (byte === undefined) return readSync(descriptor, target, 0, target.length, null);
  target[0] = byte;
  return 1 + (target.length > 1 ? (readAvailable(descriptor, target, 1) ?? 0) : 0);
}

/** Reads what is there; undefined when nothing is there yet. */
function readAvailable(descriptor: number, target: Uint8Array, offset: number): number | undefined {
  try {
    return readSync(descriptor, target, offset, target.length - offset, null);
  } catch (error) {
    if (isAgain(error)) return undefined;
    throw error;
  }
}

async function terminalReader(): Promise<ReadInto> {
  const { ReadStream } = await import('node:tty');
  const terminal = new ReadStream(STDIN);
  // In paused mode the stream reads ahead by one buffer and no more.
  const chunks = terminal[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Uint8Array = new Uint8Array(0);
  return async (target) => {
    if (rest.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return 0;
      rest = next.value;
    }
    const part = rest.subarray(0, target.length);
    target.set(part);
    rest = rest.subarray(part.length);
    return part.length;
  };
}

function readOnce(descriptor: number, target: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, target, 0, target.length, null, (error, byteCount) => {
      if (error === null) resolve(byteCount);
      else reject(error);
    });
  });
}
