/**
 * Checks the files of a cluster directory that are not Kafka's: each has a checksum or a known content, and the numbers of the
 * metadata log's entries have no gap. Answers what the whole ones say, so that the logs can be compared with it.
 */
import type { Env } from '../kernel/env.ts';
import { FileFindings, type Finding } from '../kernel/finding.ts';
import { unsealJson } from './checked-json.ts';
import { readClusterId } from './cluster-directory.ts';
import { ClusterError } from './cluster-error.ts';
import type { ClusterImage } from './cluster-image.ts';
import { readFileIfThere, SNAPSHOT_BYTES_MAX } from './durable-file.ts';
import {
  brokerFolder,
  brokersFolder,
  clusterFile,
  clusterFolder,
  entryFolder,
  entryNumber,
  ownerFile,
  reserveFile,
  snapshotNumber,
} from './layout.ts';
import { MetadataLog } from './metadata-log.ts';
import { RESERVE_BYTES, RESERVE_PIECE_BYTES } from './reserve.ts';
import { decodeSnapshot } from './snapshot.ts';

export interface VerifiedCluster {
  readonly findings: readonly Finding[];
  readonly clusterId: string | undefined;
  /** undefined when the metadata cannot be read. */
  readonly image: ClusterImage | undefined;
  readonly brokerIds: readonly number[];
}

export async function verifyCluster(env: Env, directory: string): Promise<VerifiedCluster> {
  const findings: Finding[] = [];
  const check = async <T>(path: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      findings.push(...one(path, 'damage', 'checksum', error.message));
      return undefined;
    }
  };
  const clusterId = await check(clusterFile(directory), () => readClusterId(env, directory));
  await checkMetadataFiles(env, directory, check);
  const image = await check(entryFolder(directory), async () => {
    return clusterId === undefined ? undefined : (await MetadataLog.open(env, directory, clusterId)).image;
  });
  findings.push(...(await checkReserve(env, directory)));
  const brokerIds = (await listIfThere(env, brokersFolder(directory))).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const brokerId of image === undefined || image.topics.size === 0 ? [] : image.brokers.keys()) {
    if (brokerIds.includes(brokerId)) continue;
    findings.push(...one(brokerFolder(directory, brokerId), 'damage', 'missing', 'it is missing with all its records'));
  }
  for (const brokerId of brokerIds) {
    const path = ownerFile(directory, brokerId);
    await check(path, async () => {
      const content = await readFileIfThere(env, path);
      if (content !== undefined) unsealJson('owner', path, content);
    });
  }
  return { findings: withoutEcho(findings), clusterId, image, brokerIds };
}

/** Of one broken file one finding, the folder's own only where no file in it was found broken. */
function withoutEcho(findings: readonly Finding[]): Finding[] {
  return findings.filter(
    ({ file }, index) => !findings.some((other, at) => at !== index && other.file.startsWith(`${file}/`)),
  );
}

async function checkMetadataFiles(
  env: Env,
  directory: string,
  check: (path: string, work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  for (const name of await listIfThere(env, entryFolder(directory))) {
    const path = `${entryFolder(directory)}/${name}`;
    if (entryNumber(name) === undefined) continue;
    await check(path, async () => {
      const content = await readFileIfThere(env, path);
      if (content !== undefined) unsealJson('entry', path, content);
    });
  }
  for (const name of await listIfThere(env, clusterFolder(directory))) {
    const path = `${clusterFolder(directory)}/${name}`;
    if (snapshotNumber(name) === undefined) continue;
    await check(path, async () => {
      const content = await readFileIfThere(env, path, SNAPSHOT_BYTES_MAX);
      if (content !== undefined) decodeSnapshot(path, content);
    });
  }
}

/** The reserve is one random piece over and over: a byte that changed differs from the other pieces. */
async function checkReserve(env: Env, directory: string): Promise<Finding[]> {
  const path = reserveFile(directory);
  const sizeBytes = (await env.disk.stat(path))?.size ?? 0;
  // On a full disk it is given up piece by piece.
  if (sizeBytes > RESERVE_BYTES || sizeBytes % RESERVE_PIECE_BYTES !== 0)
    return one(path, 'derivable', 'size', `${sizeBytes} bytes are not whole pieces of at most 1 MiB`);
  const content = await readFileIfThere(env, path);
  if (content === undefined) return [];
  for (let at = RESERVE_PIECE_BYTES; at < content.length; at += RESERVE_PIECE_BYTES) {
    if (content.compare(content, 0, RESERVE_PIECE_BYTES, at, at + RESERVE_PIECE_BYTES) === 0) continue;
    return one(path, 'derivable', 'content', 'it is not one piece over and over: it holds nothing, and may be removed');
  }
  return [];
}

async function listIfThere(env: Env, path: string): Promise<string[]> {
  return (await env.disk.stat(path)) === undefined ? [] : await env.disk.list(path);
}

function one(path: string, severity: Finding['severity'], rule: string, text: string): Finding[] {
  const findings = new FileFindings(path);
  findings.add(severity, rule, text);
  return findings.all;
}
