/**
 * Replacing a small file so that a crash leaves the old content or the new, never a mixture (C-5): the new content goes to
 * `<name>.tmp` in the same directory, is synced, and is renamed over. The rename is durable once the caller has synced the
 * directory; callers that replace several files sync it once. A `.tmp` that a crash left is overwritten by the next writer.
 */

import type { Disk, DiskFile } from '../kernel/env.ts';
import { errorCodeOf, isNoRegularFile } from '../kernel/error-code.ts';

/** Where syncs of files go, so that all of a process share one bounded queue (C-2). */
export interface FileSync {
  run(file: DiskFile): Promise<void>;
}

export async function replaceFile(disk: Disk, sync: FileSync, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await disk.open(temporary, 'w+');
  try {
    await file.writev([bytes], 0);
    await file.truncate(bytes.length);
    await sync.run(file);
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
}

/** Checkpoints and the like: 100,000 partitions with the longest names stay below. */
export const SMALL_FILE_BYTES_MAX = 64 * 1024 * 1024;
/** What holds producers: the close record, snapshots. */
export const PRODUCERS_FILE_BYTES_MAX = 1024 * 1024 * 1024;

/** The file's content, or undefined when there is none. @throws EFBIG for more than `bytesMax`, and takes no memory then */
export async function readFileIfThere(
  disk: Disk,
  path: string,
  bytesMax = SMALL_FILE_BYTES_MAX,
): Promise<Buffer | undefined> {
  try {
    return await disk.readFile(path, bytesMax);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A folder, a FIFO, a socket or a link stands where a file of a log directory should be. Nothing was changed. */
export class NoRegularFileError extends Error {
  override readonly name = 'NoRegularFileError';
}

/** As `readFileIfThere`, of a file without which the log directory is not opened. @throws NoRegularFileError */
export async function readOwnFile(disk: Disk, path: string, bytesMax?: number): Promise<Buffer | undefined> {
  try {
    return await readFileIfThere(disk, path, bytesMax);
  } catch (error) {
    if (!isNoRegularFile(error)) throw error;
    throw new NoRegularFileError(`${path} is no regular file; put back what was there, or remove it`, { cause: error });
  }
}
