/** `streamctl log index-rebuild`: the two index files of each segment anew, where they are not what the batches make of them. */
import { basename, dirname } from 'node:path';
import { aliveLock } from '../cluster/layout.ts';
import type { HeldLock } from '../kernel/env.ts';
import { noteRebuilt, type RebuiltIndexes, rebuildIndexes } from '../log/offline/rebuild-indexes.ts';
import { segmentFileName } from '../log/segment-files.ts';
import { CliError } from './cli-error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { LineWriter } from './line-writer.ts';
import {
  type BrokerPlace,
  isLive,
  type LogTree,
  logTreeOf,
  partitionsOf,
  refuseOtherFiles,
  segmentsOf,
} from './log-tree.ts';
import { printable, printableJson } from './printable.ts';

export interface RebuildCommand {
  readonly path: string;
  readonly indexIntervalBytes: number;
  /** Whether a real Kafka's directory is touched although its lock file is there. */
  readonly force: boolean;
}

/** As the broker's own. */
const LOCK_STALE_MS = 15_000;

/** Throws CliError 8 while a broker is at work there. Answers 9 when a `.log` holds what is no batch: its indexes stay. */
export async function runLogIndexRebuild(
  host: Host,
  common: CommonOptions,
  command: RebuildCommand,
): Promise<ExitCode> {
  const { env } = host;
  const tree = await logTreeOf(env, command.path);
  refuseOtherFiles(tree);
  const locks = await holdPlaces(host, tree, command);
  try {
    return (await rebuildAll(host, common, tree, command.indexIntervalBytes)) ? EXIT.ok : EXIT.data;
  } finally {
    for (const lock of locks) await lock.release();
  }
}

/** False when a `.log` holds what is no batch. */
async function rebuildAll(
  host: Host,
  common: CommonOptions,
  tree: LogTree,
  indexIntervalBytes: number,
): Promise<boolean> {
  const { env } = host;
  const out = new LineWriter(host.stdio);
  let isWhole = true;
  for (const partition of await partitionsOf(env, tree)) {
    const rebuilt: RebuiltIndexes[] = [];
    for (const base of await segmentsOf(env, tree, partition)) {
      const result = await rebuildIndexes(env, partition, base, indexIntervalBytes);
      for (const { file, entries } of result.replaced) {
        const line = `${file}: built anew, ${entries} entries`;
        await out.line(common.json ? printableJson({ v: 1, kind: 'log.index', file, entries }) : printable(line));
      }
      if (result.replaced.length > 0) rebuilt.push(result);
      if (result.badPosition === undefined) continue;
      isWhole = false;
      const path = `${partition}/${segmentFileName(base, '.log')}`;
      host.stdio.note(`${path}: no batch begins at byte ${result.badPosition}; its indexes stay as they are`);
    }
    const isOurs = tree.kind === 'cluster' || tree.broker !== undefined;
    if (isOurs && rebuilt.length > 0) {
      await noteRebuilt(env, dirname(dirname(partition)), new Map([[basename(partition), rebuilt]]));
    }
  }
  await out.end();
  return isWhole;
}

/** Keeps brokers away while the files change: of ours by their liveness locks, of a real Kafka by asking for --force. */
async function holdPlaces(host: Host, tree: LogTree, command: RebuildCommand): Promise<HeldLock[]> {
  const { env } = host;
  const places = await placesOf(host, tree);
  if (places.length === 0) {
    const directory = tree.kind === 'file' ? dirname(dirname(tree.path)) : tree.directory;
    for (const folder of [directory, dirname(directory)]) {
      if (command.force || (await env.disk.stat(`${folder}/.lock`)) === undefined) continue;
      throw new CliError(
        EXIT.conflict,
        `${folder}/.lock is there: a Kafka broker may be at work; stop it and give --force`,
      );
    }
  }
  const held: HeldLock[] = [];
  for (const place of places) {
    const lock = await env.lock.acquire(aliveLock(place.clusterDirectory, place.brokerId), {
      staleMs: LOCK_STALE_MS,
      onCompromised: (error) => env.log.warn(`the lock was taken away: ${error.message}`),
    });
    if (lock !== undefined) held.push(lock);
    if (lock !== undefined && !(await isLive(env, place))) continue;
    for (const other of held) await other.release();
    throw new CliError(EXIT.conflict, `a broker is at work in ${place.clusterDirectory}; stop it first`);
  }
  return held;
}

async function placesOf({ env }: Host, tree: LogTree): Promise<BrokerPlace[]> {
  if (tree.kind !== 'cluster') return tree.broker === undefined ? [] : [tree.broker];
  const ids = await env.disk.list(`${tree.directory}/brokers`);
  return ids.filter((id) => /^\d+$/.test(id)).map((id) => ({ clusterDirectory: tree.directory, brokerId: Number(id) }));
}
