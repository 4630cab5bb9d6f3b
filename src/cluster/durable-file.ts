/** The two ways in which a small file of ours comes to its name: first come by link(), or replaced by rename(). */

import type { Env } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { ClusterError } from './cluster-error.ts';
import { temporaryFile } from './layout.ts';

/**
 * Puts `bytes` at `path` unless something is there: tmp + datasync + link. Of all who try, exactly one gets true, and
 * whoever sees the file sees all of it, even after a power cut. The name itself is durable only after the caller's
 * `syncDirectory(folder)`. One sync call.
 */
export async function linkNewFile(env: Env, folder: string, path: string, bytes: Buffer): Promise<boolean> {
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

/** Replaces `path` at once for every reader. Not synced: after a power cut the old content, the new or none may be there. */
export async function replaceFileUnsynced(env: Env, folder: string, path: string, bytes: Buffer): Promise<void> {
  const temporary = temporaryFile(folder, env.random.uuid());
  try {
    await writeTemporary(env, temporary, bytes, false);
    await env.disk.rename(temporary, path);
  } catch (error) {
    await env.disk.remove(temporary);
    throw error;
  }
}

/** undefined when there is no such file. */
export async function readFileIfThere(env: Env, path: string): Promise<Buffer | undefined> {
  try {
    return await env.disk.readFile(path);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
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
