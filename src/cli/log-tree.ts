/** What the path is that a `log` command was given: a directory of ours, a part of one, a real Kafka's, or one file. */
import { basename, dirname, resolve } from 'node:path';
import { readOwnerRecord } from '../cluster/owner-record.ts';
import type { Env } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { parseSegmentFileName } from '../log/segment-files.ts';
import { CliError, usageError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import type { TargetChoice } from './target.ts';

export type LogTree =
  /** A cluster directory of ours. */
  | { readonly kind: 'cluster'; readonly directory: string }
  /** A log directory, and the broker folder of ours that it is in. */
  | { readonly kind: 'logDirectory'; readonly directory: string; readonly broker: BrokerPlace | undefined }
  | { readonly kind: 'partition'; readonly directory: string; readonly broker: BrokerPlace | undefined }
  | { readonly kind: 'file'; readonly path: string; readonly broker: BrokerPlace | undefined };

/** The broker of ours that has a log directory. */
export interface BrokerPlace {
  readonly clusterDirectory: string;
  readonly brokerId: number;
}

/** Throws CliError 5 when nothing is there, 2 when it is nothing of a log. */
export async function logTreeOf(env: Env, given: string): Promise<LogTree> {
  const path = resolve(given);
  const stat = await env.disk.stat(path);
  if (stat === undefined) throw new CliError(EXIT.notFound, `there is no ${path}`);
  if (stat.kind === 'file') return { kind: 'file', path, broker: await brokerAbove(env, dirname(dirname(path))) };
  if (await isThere(env, `${path}/cluster.json`)) return { kind: 'cluster', directory: path };
  const names = await namesIn(env, path);
  if (names.includes('log') && /^\d+$/.test(basename(path)) && (await brokerAbove(env, `${path}/log`)) !== undefined) {
    return { kind: 'logDirectory', directory: `${path}/log`, broker: await brokerAbove(env, `${path}/log`) };
  }
  if (names.includes('partition.metadata') || names.some((name) => parseSegmentFileName(name) !== undefined)) {
    return { kind: 'partition', directory: path, broker: await brokerAbove(env, dirname(path)) };
  }
  if (names.includes('meta.properties') || names.some((name) => /-\d+$/.test(name))) {
    return { kind: 'logDirectory', directory: path, broker: await brokerAbove(env, path) };
  }
  throw new CliError(EXIT.usage, `${path} is no directory of streamctl's or Kafka's, and no part of one`);
}

/** A link to a directory is as good as one. */
async function namesIn(env: Env, path: string): Promise<string[]> {
  try {
    return await env.disk.list(path);
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOTDIR') throw error;
    throw new CliError(EXIT.usage, `${path} is neither a regular file nor a directory`, { cause: error });
  }
}

/** Throws a usage error where the path is a file that is no segment. */
export function refuseOtherFiles(tree: LogTree): void {
  if (tree.kind !== 'file' || parseSegmentFileName(basename(tree.path))?.suffix === '.log') return;
  throw usageError('give a .log file with its name of 20 digits, or a directory');
}

/** The broker whose log directory `directory` is: DIR/brokers/<id>/log. */
async function brokerAbove(env: Env, directory: string): Promise<BrokerPlace | undefined> {
  const match = /^(.*)\/brokers\/(\d+)\/log$/.exec(directory);
  if (match === null) return undefined;
  const place = { clusterDirectory: match[1] || '/', brokerId: Number(match[2]) };
  return (await isThere(env, `${place.clusterDirectory}/cluster.json`)) ? place : undefined;
}

/** Whether a broker of ours is at work there, or may be: one of another host cannot be asked. */
export async function isLive(env: Env, place: BrokerPlace): Promise<boolean> {
  const owner = await readOwnerRecord(env, place.clusterDirectory, place.brokerId).catch(() => undefined);
  return owner !== undefined && !owner.released && env.proc.judge(owner.process) !== 'dead';
}

async function isThere(env: Env, path: string): Promise<boolean> {
  return (await env.disk.stat(path)) !== undefined;
}

/** The path that was given, else the directory that is the cluster. Throws a usage error where there is neither. */
export function logPathOf(given: string | undefined, target: TargetChoice): string {
  if (given !== undefined) return given;
  if (target.kind === 'bootstrap') throw usageError('log commands read files: give a path or --dir, not -b');
  return target.path;
}

/** The partition directories at the path, and of one file its own; ascending by name. */
export async function partitionsOf(env: Env, tree: LogTree): Promise<string[]> {
  if (tree.kind === 'partition') return [tree.directory];
  if (tree.kind === 'file') return [dirname(tree.path)];
  if (tree.kind === 'logDirectory') return partitionsIn(env, tree.directory);
  const brokers = `${tree.directory}/brokers`;
  const found: string[] = [];
  for (const id of await env.disk.list(brokers)) {
    if (await isThere(env, `${brokers}/${id}/log`)) found.push(...(await partitionsIn(env, `${brokers}/${id}/log`)));
  }
  return found;
}

/** Base offsets of the segments in a partition directory; of one `.log` its own. Ascending. Throws CliError 9 for one that is no regular file. */
export async function segmentsOf(env: Env, tree: LogTree, partition: string): Promise<number[]> {
  const names = tree.kind === 'file' ? [basename(tree.path)] : await env.disk.list(partition);
  const bases: number[] = [];
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed?.suffix !== '.log') continue;
    const path = `${partition}/${name}`;
    if ((await env.disk.stat(path))?.kind !== 'file') throw new CliError(EXIT.data, `${path} is no regular file`);
    bases.push(parsed.offset);
  }
  return bases;
}

/** Topic and number of a partition directory's name. */
export function topicOf(partition: string): { topic: string; partition: number } {
  const match = /^(.*)-(\d+)$/.exec(basename(partition));
  return { topic: match?.[1] ?? basename(partition), partition: Number(match?.[2] ?? 0) };
}

/** Of a log directory: the folders that are partitions, but those that are on their way out. */
async function partitionsIn(env: Env, directory: string): Promise<string[]> {
  const names = await env.disk.list(directory);
  return names.filter((name) => /-\d+$/.test(name)).map((name) => `${directory}/${name}`);
}
