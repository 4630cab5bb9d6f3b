/** The files of a directory as they lie on the simulated disk, and what was written into its logs, read by nothing but the format of batches. */
import type { Env } from '../../src/kernel/env.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { DIRECTORY } from '../cluster/in-world.ts';
import type { SimMachine } from '../sim/sim-machine.ts';

/** The files of a directory by path. */
export type Tree = ReadonlyMap<string, Buffer>;

/** Of one topic's only partition, by base offset: what a consumer may be given. After a compaction there are two of one offset. */
export type Written = ReadonlyMap<number, ReadonlySet<string>>;

/** A directory as some process left it. */
export interface WrittenDirectory {
  readonly name: string;
  readonly tree: Tree;
  /** Whether that process closed it: any change since is to be found. */
  readonly isClosed: boolean;
  readonly topics: readonly string[];
  readonly written: ReadonlyMap<string, Written>;
  /** Of the group that commits; empty where there is none. */
  readonly committedOffsets: readonly number[];
}

const LOG = `${DIRECTORY}/brokers/1/log`;
/** What the CRC of a batch does not cover, but for the base offset, is no content. */
const CONTENT_START = batch.BATCH_HEADER_BYTES;

export async function filesBelow(env: Env, path: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const name of await env.disk.list(path)) {
    const child = `${path}/${name}`;
    const kind = (await env.disk.stat(child))?.kind;
    if (kind === 'directory') for (const [at, bytes] of await filesBelow(env, child)) found.set(at, bytes);
    else if (kind === 'file') found.set(child, Buffer.from(await env.disk.readFile(child)));
  }
  return found;
}

/** Puts the files on the machine's disk, in no time and without a trace of it. */
export function putTree({ files }: SimMachine, tree: Tree): void {
  for (const [path, bytes] of tree) {
    const names = path.split('/').slice(1, -1);
    for (const depth of names.keys()) {
      const folder = `/${names.slice(0, depth + 1).join('/')}`;
      if (files.find(folder) === undefined) files.create(folder, 'directory', 'mkdir');
    }
    files.create(path, 'file', 'open').content.write(bytes, 0);
  }
}

/** Whole batches from the beginning of `bytes` on, up to one that is cut short or whose CRC is not right. */
export interface Batches {
  readonly found: readonly { readonly offset: number; readonly nextOffset: number; readonly content: string }[];
  /** Whether they are all that is there. */
  readonly isAll: boolean;
}

export function batchesOf(bytes: Buffer): Batches {
  const found: Batches['found'][number][] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + CONTENT_START > bytes.length) return { found, isAll: false };
    const byteCount = batch.batchBytes(bytes, at);
    if (byteCount < CONTENT_START || at + byteCount > bytes.length) return { found, isAll: false };
    if (batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) return { found, isAll: false };
    found.push({
      offset: Number(batch.baseOffset(bytes, at)),
      nextOffset: Number(batch.lastOffset(bytes, at)) + 1,
      content: bytes.toString('latin1', at + CONTENT_START, at + byteCount),
    });
    at += byteCount;
  }
  return { found, isAll: true };
}

/** Everything that stands in the topic's segments, also in those that a compaction makes or replaces. */
export function writtenIn(tree: Tree, topic: string): Written {
  const written = new Map<number, Set<string>>();
  for (const [path, bytes] of tree) {
    if (!path.startsWith(`${LOG}/${topic}-0/`) || !/\/\d{20}\.log/.test(path)) continue;
    for (const { offset, content } of batchesOf(bytes).found) {
      const there = written.get(offset) ?? new Set();
      written.set(offset, there.add(content));
    }
  }
  return written;
}
