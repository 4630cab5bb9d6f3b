/**
 * `brokers/<id>/owner.json`: what the broker says of itself to other processes that have the directory. Replaced by rename
 * and never synced: the metadata log alone says who the owner is, and a record counts only if it carries the broker epoch
 * of the newest registration.
 *
 *     {"v":1,"brokerId":1,"brokerEpoch":N,"process":ProcessFacts,"command":"serve","endpoints":[Endpoint...],
 *      "socket":"<path>"|absent,"released":false,"successor":ProcessFacts|absent,"hasLogs":true|absent,
 *      "unsynced":true|absent}
 */
import type { Env, ProcessFacts } from '../kernel/env.ts';
import { sealJson, unsealJson } from './checked-json.ts';
import { ClusterError } from './cluster-error.ts';
import type { Endpoint } from './cluster-image.ts';
import { readFileIfThere, replaceFileUnsynced } from './durable-file.ts';
import { brokerFolder, FORMAT_VERSION, ownerFile } from './layout.ts';
import { withReserve } from './reserve.ts';

export interface OwnerRecord {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  readonly process: ProcessFacts;
  readonly command: string;
  readonly endpoints: readonly Endpoint[];
  /** Where commands on the same host connect; undefined before it listens, and once released. */
  readonly socket: string | undefined;
  /** The owner has closed its files and touches them no more: the place is free, whether its process lives or not. */
  readonly released: boolean;
  /** Who asked for the place; others leave it to that process for SUCCESSOR_WAIT_MS. */
  readonly successor: ProcessFacts | undefined;
  /** The last entry of this owner could not be made durable. */
  readonly unsynced?: true;
  /** This owner made the log directory, durably. */
  readonly hasLogs?: true;
}

/** undefined when there is none or it cannot be read; it is a hint, and the log has the facts. Throws ClusterError `format`. */
export async function readOwnerRecord(env: Env, directory: string, brokerId: number): Promise<OwnerRecord | undefined> {
  const path = ownerFile(directory, brokerId);
  try {
    const bytes = await readFileIfThere(env, path);
    if (bytes === undefined) {
      return undefined;
    }
    const fields = unsealJson('owner', path, bytes) as unknown as OwnerRecord;
    return { ...fields, process: factsFrom(fields.process), socket: fields.socket, successor: fields.successor };
  } catch (error) {
    if (error instanceof ClusterError && error.kind === 'damaged') {
      return undefined;
    }
    throw error;
  }
}

export async function writeOwnerRecord(env: Env, directory: string, record: OwnerRecord): Promise<void> {
  const bytes = sealJson('owner', { v: FORMAT_VERSION, ...record });
  const path = ownerFile(directory, record.brokerId);
  await withReserve(env, directory, () =>
    replaceFileUnsynced(env, brokerFolder(directory, record.brokerId), path, bytes),
  );
}

/** Facts as JSON carried them: what the system did not tell is absent there. */
export function factsFrom(facts: ProcessFacts): ProcessFacts {
  return {
    hostId: facts.hostId,
    bootId: facts.bootId,
    pidNamespace: facts.pidNamespace,
    pid: facts.pid,
    startTime: facts.startTime,
  };
}

export function isSameProcess(one: ProcessFacts, other: ProcessFacts): boolean {
  return (
    one.hostId === other.hostId &&
    one.bootId === other.bootId &&
    one.pidNamespace === other.pidNamespace &&
    one.pid === other.pid &&
    one.startTime === other.startTime
  );
}
