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

/**
 * Runs `write`; when the disk is full, gives up the reserve piece by piece until it succeeds. Not all at once: whoever filled the
 * disk fills what is freed too, and the next owner needs a piece to begin with.
 */
export async function withReserve<T>(env: Env, directory: string, write: () => Promise<T>): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await write();
    } catch (error) {
      if (!isDiskFull(error) || !(await giveUpPiece(env, directory))) {
        throw error;
      }
      if (isFirst) {
        env.log.warn(`the disk under ${directory} is full: giving up some of the reserve`);
      }
    }
  }
}

/** False when nothing is left of the reserve. */
async function giveUpPiece(env: Env, directory: string): Promise<boolean> {
  const path = reserveFile(directory);
  const left = (await env.disk.stat(path))?.size ?? 0;
  if (left <= RESERVE_PIECE_BYTES) {
    await env.disk.remove(path);
    return left > 0;
  }
  const file = await env.disk.open(path, 'r+');
  try {
    await file.truncate(left - RESERVE_PIECE_BYTES);
  } finally {
    await file.close();
  }
  return true;
}

/** Makes the reserve where it is missing or less than whole. A full disk is no error: the next owner tries again. */
export async function fillReserve(env: Env, directory: string): Promise<void> {
  if ((await env.disk.stat(reserveFile(directory)))?.size === RESERVE_BYTES) {
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
