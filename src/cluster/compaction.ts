/**
 * Compaction of the metadata log: a snapshot every SNAPSHOT_EVERY entries; entries more than ENTRIES_KEPT behind the newest
 * snapshot, and all but the newest SNAPSHOTS_KEPT snapshots, go. Whoever was the broker does it on its way out, so that
 * no one waits for it; a crash at any point leaves more files than needed, never fewer.
 */
import type { Env } from '../kernel/env.ts';
import type { ClusterImage } from './cluster-image.ts';
import { linkNewFile, SNAPSHOT_BYTES_MAX } from './durable-file.ts';
import {
  clusterFolder,
  entryFile,
  entryFolder,
  entryNumber,
  isTemporaryName,
  snapshotFile,
  snapshotNumber,
} from './layout.ts';
import { encodeSnapshot } from './snapshot.ts';

export const SNAPSHOT_EVERY = 100;
export const ENTRIES_KEPT = 1000;
export const SNAPSHOTS_KEPT = 2;

/** A file under a temporary name that is older than this was left by a process that died. */
const TEMPORARY_AGE_MAX_MS = 60 * 60 * 1000;

export function snapshotIsDue(lastNumber: number, newestSnapshot: number): boolean {
  return lastNumber - newestSnapshot >= SNAPSHOT_EVERY;
}

/**
 * Writes the snapshot of `image` and deletes what it makes superfluous. The snapshot's name is made durable before anything
 * is deleted: a deletion that survives a power cut must not outlive the snapshot that allowed it. Two sync calls.
 */
export async function compact(env: Env, directory: string, image: ClusterImage): Promise<void> {
  const folder = clusterFolder(directory);
  const path = snapshotFile(directory, image.lastNumber);
  // Not first: somebody else wrote the same snapshot, for all replay alike.
  await linkNewFile(env, folder, path, encodeSnapshot(image), SNAPSHOT_BYTES_MAX);
  await env.disk.syncDirectory(folder);
  env.fault('cluster.snapshot-durable');
  const snapshots = (await env.disk.list(folder)).map(snapshotNumber).filter((number) => number !== undefined);
  const kept = snapshots.sort((a, b) => b - a).slice(0, SNAPSHOTS_KEPT);
  for (const number of snapshots.filter((candidate) => !kept.includes(candidate))) {
    await env.disk.remove(snapshotFile(directory, number));
  }
  await removeOldEntries(env, directory, (kept[0] ?? 0) - ENTRIES_KEPT);
}

/** Removes the entries up to `lastNumber`, inclusive, in order: what is left never has a hole. */
async function removeOldEntries(env: Env, directory: string, lastNumber: number): Promise<void> {
  const folder = entryFolder(directory);
  for (const name of await env.disk.list(folder)) {
    const number = entryNumber(name);
    if (number !== undefined && number <= lastNumber) {
      await env.disk.remove(entryFile(directory, number));
    } else if (isTemporaryName(name)) {
      await removeIfOld(env, `${folder}/${name}`);
    }
  }
}

async function removeIfOld(env: Env, path: string): Promise<void> {
  const stat = await env.disk.stat(path);
  if (stat !== undefined && env.clock.wallMs() - stat.modifiedMs > TEMPORARY_AGE_MAX_MS) {
    await env.disk.remove(path);
  }
}
