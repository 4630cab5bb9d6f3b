/** `streamctl log verify`: every file below a path, one line a finding. Never writes. */
import { basename, dirname } from 'node:path';
import type { ClusterImage } from '../cluster/cluster-image.ts';
import { brokerFolder } from '../cluster/layout.ts';
import { hadLogs } from '../cluster/lost-folder.ts';
import { readOwnerRecord } from '../cluster/owner-record.ts';
import { verifyCluster } from '../cluster/verify-cluster.ts';
import type { Env } from '../kernel/env.ts';
import { FileFindings, type Finding } from '../kernel/finding.ts';
import { type OwnDirectory, verifyLogDirectory } from '../log/offline/verify-log-directory.ts';
import { verifyPartition } from '../log/offline/verify-partition.ts';
import { verifySegment } from '../log/offline/verify-segment.ts';
import { parseSegmentFileName } from '../log/segment-files.ts';
import { describeBytes } from './byte-size.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { LineWriter } from './line-writer.ts';
import { type BrokerPlace, isLive, type LogTree, logTreeOf } from './log-tree.ts';
import { printable, printableJson } from './printable.ts';

export interface VerifyOptions {
  readonly deep?: boolean;
  /** Bytes of segments that were read, as they are. */
  readonly onProgress?: (bytes: number) => void;
  /** A remark on how much can be checked. */
  readonly onNote?: (text: string) => void;
}

/** Findings of everything at `path`. Throws CliError 5 when nothing is there, and the system's errors. */
export async function* verify(env: Env, path: string, options: VerifyOptions): AsyncGenerator<Finding> {
  const tree = await logTreeOf(env, path);
  if (tree.kind === 'cluster') yield* verifyWholeCluster(env, tree.directory, options);
  else if (tree.kind === 'logDirectory') yield* verifyOneDirectory(env, tree.directory, tree.broker, options);
  else yield* await verifyPart(env, tree, options);
}

export async function runLogVerify(
  host: Host,
  common: CommonOptions,
  command: { readonly path: string; readonly deep: boolean },
): Promise<ExitCode> {
  const out = new LineWriter(host.stdio);
  const counts = { damage: 0, derivable: 0, unchecked: 0 };
  let readBytes = 0;
  const note = (text: string): void => {
    if (!common.quiet) host.stdio.note(text);
  };
  const options = { deep: command.deep, onProgress: (bytes: number) => (readBytes += bytes), onNote: note };
  for await (const finding of verify(host.env, command.path, options)) {
    counts[finding.severity] += 1;
    await out.line(common.json ? printableJson({ v: 1, kind: 'log.finding', ...finding }) : lineOf(finding));
  }
  await out.end();
  const { damage, derivable, unchecked } = counts;
  note(
    `${describeBytes(readBytes)} of segments read: ${damage} damaged, ${derivable} to be made anew (streamctl log index-rebuild), ` +
      `${unchecked} that nothing here can check`,
  );
  return damage + derivable > 0 ? EXIT.data : EXIT.ok;
}

function lineOf(finding: Finding): string {
  const { severity, file, position, offset, rule, text } = finding;
  const place = [
    position === undefined ? '' : ` at byte ${position}`,
    offset === undefined || Number.isNaN(offset) ? '' : ` (offset ${offset})`,
  ].join('');
  return printable(`${severity}  ${file}${place}: ${rule}: ${text}`);
}

async function* verifyWholeCluster(env: Env, directory: string, options: VerifyOptions): AsyncGenerator<Finding> {
  const cluster = await verifyCluster(env, directory);
  yield* cluster.findings;
  for (const brokerId of cluster.brokerIds) {
    const place = { clusterDirectory: directory, brokerId };
    yield* verifyOwnLogs(env, place, cluster, options);
  }
}

async function* verifyOneDirectory(
  env: Env,
  directory: string,
  place: BrokerPlace | undefined,
  options: VerifyOptions,
): AsyncGenerator<Finding> {
  if (place === undefined) {
    yield* verifyLogDirectory(env, directory, undefined, optionsOf(false, options));
  } else {
    yield* verifyOwnLogs(env, place, await verifyCluster(env, place.clusterDirectory), options);
  }
}

async function* verifyOwnLogs(
  env: Env,
  place: BrokerPlace,
  cluster: { readonly clusterId: string | undefined; readonly image: ClusterImage | undefined },
  options: VerifyOptions,
): AsyncGenerator<Finding> {
  const { clusterDirectory, brokerId } = place;
  const brokerDirectory = brokerFolder(clusterDirectory, brokerId);
  const directory = `${brokerDirectory}/log`;
  const live = await isLive(env, place);
  if (live)
    options.onNote?.(
      `a broker is at work in ${brokerDirectory}: what it writes just now is not checked, nor any digest`,
    );
  const { image, clusterId } = cluster;
  const owner = await readOwnerRecord(env, clusterDirectory, brokerId).catch(() => undefined);
  const own: OwnDirectory = {
    brokerDirectory,
    clusterId,
    brokerId,
    brokerEpoch: image?.brokers.get(brokerId)?.brokerEpoch,
    hadLogs: image !== undefined && image.topics.size > 0 && hadLogs(image, brokerId, owner),
    topicIds: image === undefined ? undefined : topicIdsOf(image),
  };
  yield* verifyLogDirectory(env, directory, own, optionsOf(live, options));
}

/** A partition or file by itself: what the files above it say of it does not count. */
async function verifyPart(
  env: Env,
  tree: Extract<LogTree, { kind: 'partition' | 'file' }>,
  options: VerifyOptions,
): Promise<readonly Finding[]> {
  const live = tree.broker !== undefined && (await isLive(env, tree.broker));
  const wanted = {
    ours: tree.broker !== undefined,
    compacted: false,
    topicId: undefined,
    closed: undefined,
    promisedEnd: live ? 0 : Number.POSITIVE_INFINITY,
    logStartOffset: 0,
    ...optionsOf(live, options),
  };
  if (tree.kind === 'partition') return (await verifyPartition(env, tree.directory, wanted)).findings;
  const name = basename(tree.path);
  const suffix = parseSegmentFileName(name)?.suffix;
  if (suffix === '.log' || name.endsWith('.checkpoint')) {
    const firstOffset = parseSegmentFileName(name)?.offset ?? 0;
    const { deep } = wanted;
    const segment = {
      firstOffset,
      dense: wanted.ours,
      tellGaps: !wanted.ours,
      epochs: undefined,
      lastEpoch: -1,
      promisedEnd: wanted.promisedEnd,
      deep,
    };
    const result = await verifySegment(env, tree.path, segment);
    options.onProgress?.(result.fileBytes);
    return result.findings.all;
  }
  if (suffix !== undefined || name === 'leader-epoch-checkpoint' || name === 'partition.metadata') {
    const { findings } = await verifyPartition(env, dirname(tree.path), wanted);
    return findings.filter(({ file }) => file === tree.path);
  }
  const findings = new FileFindings(tree.path);
  findings.add('unchecked', 'no checksum', 'a file of its own says nothing of whether it is right: give the directory');
  return findings.all;
}

function optionsOf(
  live: boolean,
  options: VerifyOptions,
): { live: boolean; deep: boolean; onBytes: ((bytes: number) => void) | undefined } {
  return { live, deep: options.deep === true, onBytes: options.onProgress };
}

function topicIdsOf(image: ClusterImage): ReadonlyMap<string, string> {
  return new Map([...image.topics.values()].map(({ name, topicId }) => [name, topicId]));
}
