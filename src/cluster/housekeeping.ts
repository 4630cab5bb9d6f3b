/**
 * What a broker does beside its work: compaction when it is due (from time to time while it lives, and on its way out), and on
 * its way out the reserve, and what processes that were killed left behind. None of it is anybody's promise: a failure is
 * told and ends nothing.
 */
import type { Env } from '../kernel/env.ts';
import { compact, snapshotIsDue } from './compaction.ts';
import { brokerFolder, isTemporaryName, socketEpoch } from './layout.ts';
import type { MetadataLog } from './metadata-log.ts';
import { fillReserve } from './reserve.ts';

export async function keepHouse(
  env: Env,
  directory: string,
  log: MetadataLog,
  broker: { readonly brokerId: number; readonly brokerEpoch: number },
): Promise<void> {
  await compactIfDue(env, directory, log);
  try {
    await fillReserve(env, directory);
    await removeLeftovers(env, brokerFolder(directory, broker.brokerId), broker.brokerEpoch);
  } catch (error) {
    env.log.warn(`keeping house in ${directory}: ${String(error)}`);
  }
}

export async function compactIfDue(env: Env, directory: string, log: MetadataLog): Promise<void> {
  const { image } = log;
  if (!snapshotIsDue(image.lastNumber, log.newestSnapshot)) {
    return;
  }
  try {
    await compact(env, directory, image);
    log.snapshotWritten(image.lastNumber);
  } catch (error) {
    env.log.warn(`compacting the metadata log: ${String(error)}`);
  }
}

/** Sockets of earlier registrations, which nobody listens on, and files that never came to their name. */
async function removeLeftovers(env: Env, folder: string, brokerEpoch: number): Promise<void> {
  for (const name of await env.disk.list(folder)) {
    const epoch = socketEpoch(name);
    if (isTemporaryName(name) || (epoch !== undefined && epoch < brokerEpoch)) {
      await env.disk.remove(`${folder}/${name}`);
    }
  }
}
