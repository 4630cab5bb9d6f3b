/**
 * Standard output, and other descriptors that the caller of the program opened for writing, by what they are:
 *
 * - a file, or a device such as /dev/null: one `fs.write` at a time in the pool, looping over short writes;
 * - a pipe or socket: written without blocking, waited for on the loop (see net/descriptor-stream.ts for why not in the pool); a
 *   pipe by a description of our own, which others who hold it do not see;
 * - a terminal: reopened without blocking and tried again after waits, so a halted one (Ctrl-S) blocks nothing. Where it cannot
 *   be opened again (macOS, another user's terminal) a halted terminal holds one thread of the pool.
 */
import { constants, write } from 'node:fs';
import type { Clock } from '../kernel/env.ts';
import { kindOf, reopened, retried } from './real-descriptor.ts';

/** Writes all of it; rejects with EPIPE, ENOSPC and the like. One call at a time. */
export type WriteAll = (bytes: Uint8Array) => Promise<void>;

/** Throws EBADF when the descriptor is not open. */
export async function openOutput(descriptor: number, clock: Pick<Clock, 'sleep'>): Promise<WriteAll> {
  const kind = kindOf(descriptor);
  const own = kind === 'terminal' || kind === 'stream' ? reopened(descriptor, constants.O_WRONLY) : descriptor;
  if (kind === 'stream') {
    const { WritableDescriptor } = await import('../net/descriptor-stream.ts');
    const writable = new WritableDescriptor(own);
    return (bytes) => writable.write(bytes);
  }
  return async (bytes) => {
    for (let position = 0; position < bytes.length; ) {
      position += await retried(clock, () => writeOnce(own, bytes, position));
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
