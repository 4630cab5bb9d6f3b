/**
 * Standard output by what it is:
 *
 * - a file, or a device such as /dev/null: one `fs.write` at a time in the pool, looping over short writes;
 * - a pipe or socket: written without blocking, waited for on the loop (see net/descriptor-stream.ts for why not in the pool);
 * - a terminal: reopened without blocking and tried again after waits, so a halted one (Ctrl-S) blocks nothing. Where it cannot
 *   be opened again (macOS, another user's terminal) a halted terminal holds one thread of the pool.
 */
import { constants, write } from 'node:fs';
import type { Clock } from '../kernel/env.ts';
import { kindOf, reopened, retried } from './real-descriptor.ts';

const STDOUT = 1;

/** Writes all of it; rejects with EPIPE, ENOSPC and the like. */
export type WriteAll = (bytes: Uint8Array) => Promise<void>;

export async function openStdout(clock: Pick<Clock, 'sleep'>): Promise<WriteAll> {
  const kind = kindOf(STDOUT);
  if (kind === 'stream') {
    const { WritableDescriptor } = await import('../net/descriptor-stream.ts');
    const writable = new WritableDescriptor(STDOUT);
    return (bytes) => writable.write(bytes);
  }
  const descriptor = kind === 'terminal' ? reopened(STDOUT, constants.O_WRONLY) : STDOUT;
  return async (bytes) => {
    for (let position = 0; position < bytes.length; ) {
      position += await retried(clock, () => writeOnce(descriptor, bytes, position));
    }
  };
}

function writeOnce(descriptor: number, bytes: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, position, bytes.length - position, null, (error, byteCount) => {
      if (error === null) resolve(byteCount);
      else reject(error);
    });
  });
}
