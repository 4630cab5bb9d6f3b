/** The two ways in which a small file of ours comes to its name: first come by link(), or replaced by rename(). */

import type { Env } from '../kernel/env.ts';
import { errorCodeOf, isNoRegularFile } from '../kernel/error-code.ts';
import { ClusterError } from './cluster-error.ts';
import { temporaryFile } from './layout.ts';

/** What a JSON file of ours may have; an entry has some hundred bytes, with 10,000 partitions 300 KiB. */
export const JSON_FILE_BYTES_MAX = 16 << 20;
/** A snapshot holds all topics: 100,000 partitions, each of a topic of its own with the longest name, are 60 MB. */
export const SNAPSHOT_BYTES_MAX = 256 << 20;

/**
 * Puts `bytes` at `path` unless something is there: tmp + datasync + link. Of all who try, exactly one gets true, and
 * whoever sees the file sees all of it, even after a power cut. The name itself is durable only after the caller's
 * `syncDirectory(folder)`. One sync call. Rejects with RangeError for more than `bytesMax`, which no reader would take.
 */
export async function linkNewFile(
  env: Env,
  folder: string,
  path: string,
  bytes: Buffer,
  bytesMax = JSON_FILE_BYTES_MAX,
): Promise<boolean> {
  if (bytes.length > bytesMax) {
    throw new RangeError(`${path} would have ${bytes.length} bytes, more than the ${bytesMax} that are read`);
  }
  const temporary = temporaryFile(folder, env.random.uuid());
  try {
    await writeTemporary(env, temporary, bytes, true);
    env.fault('cluster.before-link');
    await env.disk.link(temporary, path);
    env.fault('cluster.after-link');
    return true;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'EEXIST') {
      return false;
    }
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP') {
      throw new ClusterError(
        'unsupported',
        `the file system under ${folder} has no hard links, which streamctl needs`,
        {
          cause: error,
        },
      );
    }
    throw error;
  } finally {
    await env.disk.remove(temporary);
  }
}

/**
 * Gives the file at `path` its name anew, with the same content: a sync of the folder that failed may have forgotten the name and
 * left nothing for a later sync to write. Durable after the caller's `syncDirectory(folder)`; nothing happens where there is no file.
 */
export async function renewName(env: Env, folder: string, path: string): Promise<void> {
  const bytes = await readFileIfThere(env, path);
  if (bytes === undefined) return;
  await replaceFile(env, folder, path, bytes, true);
}

/**
 * Replaces `path` at once for every reader. Not synced: after a power cut the old content, the new or none may be there. Throws
 * ClusterError `damaged` where a folder has the name.
 */
export async function replaceFileUnsynced(env: Env, folder: string, path: string, bytes: Buffer): Promise<void> {
  try {
    await replaceFile(env, folder, path, bytes, false);
  } catch (error) {
    throw errorCodeOf(error) === 'EISDIR' ? noRegularFile(path, error) : error;
  }
}

/**
 * undefined when there is no such file. Throws ClusterError `damaged` for what is no regular file, and for more than `bytesMax`, and
 * takes no memory then.
 */
export async function readFileIfThere(
  env: Env,
  path: string,
  bytesMax = JSON_FILE_BYTES_MAX,
): Promise<Buffer | undefined> {
  try {
    return await env.disk.readFile(path, bytesMax);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'ENOENT') {
      return undefined;
    }
    if (code === 'EFBIG') {
      throw new ClusterError('damaged', `${path} is damaged: it has more than ${bytesMax} bytes`, { cause: error });
    }
    if (isNoRegularFile(error)) {
      throw noRegularFile(path, error);
    }
    throw error;
  }
}

async function replaceFile(env: Env, folder: string, path: string, bytes: Buffer, synced: boolean): Promise<void> {
  const temporary = temporaryFile(folder, env.random.uuid());
  try {
    await writeTemporary(env, temporary, bytes, synced);
    await env.disk.rename(temporary, path);
  } catch (error) {
    await env.disk.remove(temporary);
    throw error;
  }
}

function noRegularFile(path: string, cause: unknown): ClusterError {
  return new ClusterError('damaged', `${path} is no regular file; put back what was there`, { cause });
}

async function writeTemporary(env: Env, path: string, bytes: Buffer, synced: boolean): Promise<void> {
  const file = await env.disk.open(path, 'wx+');
  try {
    await file.writev([bytes], 0);
    if (synced) {
      await file.datasync();
    }
  } finally {
    await file.close();
  }
}
