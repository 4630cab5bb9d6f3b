/**
 * An open file by its descriptor. The callback calls of node:fs are wrapped here by hand: on the path of each append and
 * each sync they cost a third of what `fs/promises` does.
 */
import {
  close as closeDescriptor,
  fdatasync,
  fstat,
  ftruncate,
  read as readDescriptor,
  writev as writevDescriptor,
} from 'node:fs';
import type { DiskFile } from '../kernel/env.ts';

/** Most buffers that one writev takes on Linux and macOS. */
export const IOV_MAX = 1024;

export class NodeFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  read(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      readDescriptor(this.#descriptor, target, offset, length, position, (error, byteCount) => {
        if (error === null) resolve(byteCount);
        else reject(error);
      });
    });
  }

  writev(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return writeAll(writevOnce, this.#descriptor, buffers, position);
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => fdatasync(this.#descriptor, settle(resolve, reject)));
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => ftruncate(this.#descriptor, size, settle(resolve, reject)));
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fstat(this.#descriptor, (error, stat) => {
        if (error !== null) reject(error);
        else if (stat.isFile()) resolve(stat.size);
        else
          reject(
            Object.assign(new Error('this is no regular file'), { code: stat.isDirectory() ? 'EISDIR' : 'EINVAL' }),
          );
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => closeDescriptor(this.#descriptor, settle(resolve, reject)));
  }
}

/** One system call: writes some of the buffers (IOV_MAX at most) at `position` and answers how many bytes that were. */
export type WritevOnce = (descriptor: number, buffers: readonly Uint8Array[], position: number) => Promise<number>;

/** Writes all buffers one after the other, by as many system calls as it takes. Throws EIO when a call writes nothing. */
export async function writeAll(
  writeOnce: WritevOnce,
  descriptor: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = buffers.filter((buffer) => buffer.length > 0);
  let next = position;
  while (rest.length > 0) {
    const byteCount = await writeOnce(descriptor, rest.length > IOV_MAX ? rest.slice(0, IOV_MAX) : rest, next);
    if (byteCount === 0) throw Object.assign(new Error('the file takes no bytes'), { code: 'EIO' });
    next += byteCount;
    rest = withoutFirst(rest, byteCount);
  }
}

const writevOnce: WritevOnce = (descriptor, buffers, position) =>
  new Promise((resolve, reject) => {
    writevDescriptor(descriptor, buffers as Uint8Array[], position, (error, byteCount) => {
      if (error === null) resolve(byteCount);
      else reject(error);
    });
  });

/** What remains of the (non-empty) buffers when their first `byteCount` bytes are gone. */
function withoutFirst(buffers: readonly Uint8Array[], byteCount: number): Uint8Array[] {
  let remaining = byteCount;
  for (const [index, buffer] of buffers.entries()) {
    if (remaining < buffer.length) return [buffer.subarray(remaining), ...buffers.slice(index + 1)];
    remaining -= buffer.length;
  }
  return [];
}

/** The callback of a call without a result. */
export function settle(
  resolve: () => void,
  reject: (error: Error) => void,
): (error: NodeJS.ErrnoException | null) => void {
  return (error) => {
    if (error === null) resolve();
    else reject(error);
  };
}
