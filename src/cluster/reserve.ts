/**
 * `cluster/reserve`: 1 MiB of disk that is given up when an entry or an owner record meets a full disk, so that a cluster
 * that cannot take records any more can still change hands, and be told to delete. Refilled by a later owner.
 *
 * The content is random: zeros cost nothing on a file system that compresses.
 */

import type { Env } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { clusterFolder, reserveFile, temporaryFile } from './layout.ts';

export const RESERVE_BYTES = 1024 * 1024;

/** The content is one piece of so many bytes, again and again. */
export const RESERVE_PIECE_BYTES = 64 * 1024;

/** Runs `write`; when the disk is full, gives the reserve up and runs it once more. */
export async function withReserve<T>(env: Env, directory: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isDiskFull(error) || (await env.disk.stat(reserveFile(directory))) === undefined) {
      throw error;
    }
    env.log.warn(`the disk under ${directory} is full: giving up the reserve`);
    await env.disk.remove(reserveFile(directory));
    return await write();
  }
}

/** Makes the reserve where it is missing. A full disk is no error: the next owner tries again. */
export async function fillReserve(env: Env, directory: string): Promise<void> {
  if ((await env.disk.stat(reserveFile(directory))) !== undefined) {
    return;
  }
  const temporary = temporaryFile(clusterFolder(directory), env.random.uuid());
  try {
    const file = await env.disk.open(temporary, 'wx+');
    try {
      const piece = env.random.bytes(RESERVE_PIECE_BYTES);
      await file.writev(Array<Buffer>(RESERVE_BYTES / RESERVE_PIECE_BYTES).fill(piece), 0);
    } finally {
      await file.close();
    }
    await env.disk.rename(temporary, reserveFile(directory));
  } catch (error) {
    await env.disk.remove(temporary);
    if (!isDiskFull(error)) {
      throw error;
    }
  }
}

function isDiskFull(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
