/**
 * A directory on a network file system: other machines see it too, and neither its locks nor its syncs hold what the directory
 * relies on. No broker runs there unless it is told to; clients of one that runs are not asked.
 */
import { dirname } from 'node:path';
import type { Env, FileSystemFacts } from '../kernel/env.ts';
import { usageError } from './cli-error.ts';

export const ALLOW_NETWORK_FS_FLAG = 'allow-network-fs';
export const ALLOW_NETWORK_FS_VARIABLE = 'STREAMCTL_ALLOW_NETWORK_FS';

/** Throws a usage error where `directory` is on a network file system, or will be, and `allowed` is not set. */
export async function refuseNetworkFileSystem(env: Env, directory: string, allowed: boolean): Promise<void> {
  if (allowed) return;
  const facts = await fileSystemOfNearest(env, directory);
  if (facts?.isNetwork !== true) return;
  throw usageError(
    `${directory} is on a network file system (${facts.kind}), where a broker cannot be sure to be alone nor that data is kept; ` +
      `use a local disk, or give --${ALLOW_NETWORK_FS_FLAG}`,
  );
}

/** Of the directory, or of the folder in which it would be made; undefined where the system does not say. */
export async function fileSystemOfNearest(env: Env, directory: string): Promise<FileSystemFacts | undefined> {
  for (let path = directory; ; path = dirname(path)) {
    try {
      return await env.disk.fileSystem(path);
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing || dirname(path) === path) return undefined;
    }
  }
}

/** The directory, or the folder in which it would be made. */
export async function nearestFolder(env: Env, directory: string): Promise<string> {
  let path = directory;
  while ((await env.disk.stat(path)) === undefined && dirname(path) !== path) path = dirname(path);
  return path;
}
