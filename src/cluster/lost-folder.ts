/**
 * Whether the folders with a broker's records were taken away. A topic that was never written has no folder, and a cluster without
 * records no log directory, so what is missing is lost only where somebody noted that it was there: a registration is the note that
 * lasts; the owner record has it for the time from the first append to the next registration, and may be lost with the power.
 */
import type { Env } from '../kernel/env.ts';
import type { ClusterImage } from './cluster-image.ts';
import { brokerFolder, brokerLogFolder } from './layout.ts';
import type { OwnerRecord } from './owner-record.ts';

/** The uppermost folder that is missing, and with it records of topics; undefined when nothing is known to be lost. */
export async function lostFolder(
  env: Env,
  directory: string,
  brokerId: number,
  image: ClusterImage,
  owner: OwnerRecord | undefined,
): Promise<string | undefined> {
  if (image.topics.size === 0 || !image.brokers.has(brokerId)) return undefined;
  const folder = brokerFolder(directory, brokerId);
  if ((await env.disk.stat(folder)) === undefined) return folder;
  const logs = brokerLogFolder(directory, brokerId);
  return hadLogs(image, brokerId, owner) && (await env.disk.stat(logs)) === undefined ? logs : undefined;
}

/** Whether there are logs although no registration is known: then the metadata log lost its entries, as a registration precedes them. */
export async function lostEntries(
  env: Env,
  directory: string,
  brokerId: number,
  image: ClusterImage,
): Promise<boolean> {
  if (image.brokers.has(brokerId)) return false;
  return (await env.disk.stat(brokerLogFolder(directory, brokerId))) !== undefined;
}

/** Whether somebody noted that the broker has a log directory whose name lasts. */
export function hadLogs(image: ClusterImage, brokerId: number, owner: OwnerRecord | undefined): boolean {
  const registration = image.brokers.get(brokerId);
  if (registration?.hasLogs === true) return true;
  return owner?.hasLogs === true && owner.brokerEpoch === registration?.brokerEpoch;
}
