/**
 * Carries out what a recovery decided: copies aside, cuts, and puts what it keeps on the disk before anybody is told that it is
 * there. Each step may be done again (I-27).
 *
 * Kept bytes past the durable point are written again, the same bytes at the same place, and then synced: if a sync failed
 * before the crash, the page cache holds them as clean although the disk does not, and a sync alone would do nothing (D12).
 */
import { assert } from '../kernel/assert.ts';
import type { DiskFile } from '../kernel/env.ts';
import { readFully } from './batch-scan.ts';
import { contextOf, type LoadOptions } from './loaded-log.ts';
import { Segment } from './segment.ts';
import { setAside } from './set-aside.ts';
import type { Walked, WalkResult } from './walk-log.ts';

const REWRITE_CHUNK_BYTES = 1024 * 1024;

/**
 * Copies aside what holds batches, durably; cuts what is not valid, the newest first; writes again and syncs what is past the
 * durable point, and writes the indexes.
 */
export async function keepAndCut(options: LoadOptions, walk: WalkResult, endOffset: number): Promise<void> {
  const { env } = options;
  const { walked, leftovers, rest, copied, decision } = walk;
  for (const each of copied) await copyAside(options, each.segment.path, each.end.position, each.logBytes, endOffset);
  for (const { baseOffset, logBytes } of [...rest].reverse()) {
    const gone = Segment.planned(contextOf(options), baseOffset);
    if (decision === 'setAside' && logBytes > 0) await copyAside(options, gone.path, 0, logBytes, endOffset);
  }
  for (const { baseOffset, logBytes } of [...rest].reverse()) {
    const gone = Segment.planned(contextOf(options), baseOffset);
    env.log.warn(
      `${gone.path}: ${logBytes} bytes behind the end of the log, ${endOffset}, removed after an unclean end`,
    );
    await gone.remove();
    await env.disk.syncDirectory(options.directory);
  }
  for (const baseOffset of leftovers) {
    const leftover = Segment.planned(contextOf(options), baseOffset);
    env.log.info(`${leftover.path} is empty and no part of the log: removed`);
    await leftover.remove();
  }
  for (const each of walked) {
    await keepSegment(options, each);
    await sealIfRoom(options, each.segment);
  }
  await env.disk.syncDirectory(options.directory);
}

async function copyAside(
  options: LoadOptions,
  source: string,
  from: number,
  to: number,
  endOffset: number,
): Promise<void> {
  const path = await setAside(options, source, from, to);
  options.env.log.warn(
    `${source}: the bytes ${from} to ${to} hold batches behind the first bad one; the log ends at offset ${endOffset}, and they were copied to ${path}`,
  );
}

async function keepSegment(options: LoadOptions, walked: Walked): Promise<void> {
  const { env, files, sync } = options;
  const { segment, end, durableBytes, logBytes } = walked;
  if (end.position === logBytes && end.position === durableBytes) return;
  const file = await files.pin(segment.path, 'open', () => false);
  try {
    if (end.position < logBytes) {
      env.log.warn(`${segment.path}: cut from ${logBytes} to ${end.position} bytes after an unclean end`);
      await file.truncate(end.position);
    }
    await rewrite(file, durableBytes, end.position);
    await sync.run(file);
  } finally {
    files.unpin(segment.path);
  }
}

async function rewrite(file: DiskFile, from: number, to: number): Promise<void> {
  if (from >= to) return;
  const chunk = Buffer.allocUnsafeSlow(Math.min(REWRITE_CHUNK_BYTES, to - from));
  for (let position = from; position < to; position += chunk.length) {
    const length = Math.min(chunk.length, to - position);
    const count = await readFully(file, chunk, length, position);
    assert(count === length, 'a segment does not shrink while it is recovered');
    await file.writev([chunk.subarray(0, length)], position);
  }
}

/** Indexes can be derived: a full disk is no reason not to open. */
async function sealIfRoom(options: LoadOptions, segment: Segment): Promise<void> {
  try {
    await segment.sealIndexes(options.sync);
  } catch (error) {
    options.env.log.warn(`${segment.path}: its index files cannot be written: ${String(error)}`);
  }
}
