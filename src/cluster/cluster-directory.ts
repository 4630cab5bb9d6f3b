/**
 * Finding and making a cluster directory. `cluster.json` makes a directory a cluster; it is linked into place last, so that
 * of any number who make one at the same time all end up with the same cluster id, and a crash leaves either a cluster or
 * folders that the next one takes over.
 */

import type { Env } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { sealJson, unsealJson } from './checked-json.ts';
import { ClusterError } from './cluster-error.ts';
import { linkNewFile, readFileIfThere } from './durable-file.ts';
import { randomKafkaUuid } from './kafka-uuid.ts';
import { brokersFolder, clusterFile, clusterFolder, entryFolder, entryNumber, FORMAT_VERSION } from './layout.ts';
import { fillReserve } from './reserve.ts';

/** What the system says of syncing a folder that this user may not read, or of a file system that cannot. */
const NOT_OURS_TO_SYNC: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ENOTSUP'];

/** The cluster id of the directory; undefined when there is no cluster. Throws ClusterError `format` or `damaged`. */
export async function readClusterId(env: Env, directory: string): Promise<string | undefined> {
  const path = clusterFile(directory);
  const bytes = await readFileIfThere(env, path).catch((error: unknown) => {
    if (errorCodeOf(error) === 'ENOTDIR') {
      throw new ClusterError('foreign', `${directory} is not a directory`);
    }
    throw error;
  });
  if (bytes === undefined) {
    return undefined;
  }
  const clusterId = unsealJson('cluster', path, bytes)['clusterId'];
  if (typeof clusterId !== 'string') {
    throw new ClusterError('damaged', `${path} is damaged: it has no cluster id`);
  }
  return clusterId;
}

/**
 * Makes the directory a cluster, or takes the one that is there; answers its id. Durable when it resolves. Throws ClusterError
 * `foreign` when other things lie there, so that a wrong --dir does not spread our folders over somebody's home, and `damaged`
 * when a cluster's metadata lies there without its id: with another one its logs would be nobody's.
 */
export async function ensureCluster(env: Env, directory: string): Promise<string> {
  const present = await readClusterId(env, directory);
  if (present !== undefined) {
    return present;
  }
  await makeDurably(env, directory);
  await refuseForeign(env, directory);
  if (await hasEntries(env, directory)) {
    return await idBesideEntries(env, directory);
  }
  for (const folder of [entryFolder(directory), brokersFolder(directory)]) {
    await env.disk.makeDirectory(folder);
  }
  await fillReserve(env, directory);
  await env.disk.syncDirectory(clusterFolder(directory));
  // All folders before the file that others go by: who finds it need not ask whether the way to it will last.
  await env.disk.syncDirectory(directory);
  const fields = { v: FORMAT_VERSION, clusterId: randomKafkaUuid(env.random) };
  await linkNewFile(env, directory, clusterFile(directory), sealJson('cluster', fields));
  await env.disk.syncDirectory(directory);
  const clusterId = await readClusterId(env, directory);
  if (clusterId === undefined) {
    throw new ClusterError('missing', `${directory} was removed while a cluster was made in it`);
  }
  return clusterId;
}

/**
 * Makes the directory, with a name that lasts: a maker that was killed may have left it, or folders above it, with names that no
 * sync has reached yet, so all the way up is synced, as far as this user may.
 */
async function makeDurably(env: Env, directory: string): Promise<void> {
  await env.disk.makeDirectory(directory);
  for (let at = directory; parentOf(at) !== at; at = parentOf(at)) {
    try {
      await env.disk.syncDirectory(parentOf(at));
    } catch (error) {
      if (!NOT_OURS_TO_SYNC.includes(errorCodeOf(error))) {
        throw error;
      }
    }
  }
}

async function refuseForeign(env: Env, directory: string): Promise<void> {
  const foreign = (await env.disk.list(directory)).find(
    (name) => !name.startsWith('.') && !['cluster.json', 'cluster', 'brokers', 'lost+found'].includes(name),
  );
  if (foreign !== undefined) {
    throw new ClusterError('foreign', `${directory} is not a cluster and not empty: it holds ${foreign}`);
  }
}

async function hasEntries(env: Env, directory: string): Promise<boolean> {
  const folder = entryFolder(directory);
  if ((await env.disk.stat(folder)) === undefined) {
    return false;
  }
  return (await env.disk.list(folder)).some((name) => entryNumber(name) !== undefined);
}

/** The first entry follows the file with the id: whoever made the cluster meanwhile has linked it. */
async function idBesideEntries(env: Env, directory: string): Promise<string> {
  const clusterId = await readClusterId(env, directory);
  if (clusterId === undefined) {
    throw new ClusterError(
      'damaged',
      `${clusterFile(directory)} is missing, and ${entryFolder(directory)} is there; put it back`,
    );
  }
  return clusterId;
}

function parentOf(directory: string): string {
  const trimmed = directory.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  if (slash < 0) {
    return directory.startsWith('/') ? '/' : '.';
  }
  return trimmed.slice(0, slash) || '/';
}
