/**
 * Recovery of a partition that was not closed cleanly: walks the batches, ends the log at the first one that is not valid when
 * that lies past the durable point, and puts what it keeps on the disk before anybody is told that it is there.
 *
 * Kept bytes past the durable point are written again, the same bytes at the same place, and then synced: if a sync failed
 * before the crash, the page cache holds them as clean although the disk does not, and a sync alone would do nothing (D12).
 */
import { assert } from '../kernel/assert.ts';
import type { DiskFile } from '../kernel/env.ts';
import { readFileIfThere } from './atomic-file.ts';
import { readFully } from './batch-scan.ts';
import { digestsOf } from './close-record.ts';
import type { DurableOffsets } from './directory-records.ts';
import { cutEpochsFromEnd, type EpochEntry } from './leader-epochs.ts';
import { contextOf, type FoundSegment, type LoadedLog, type LoadOptions } from './loaded-log.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts';
import { parseProducerSnapshot } from './producer-snapshot.ts';
import { ProducerTable } from './producer-table.ts';
import { decideAfterScan, planReplay, type ReplayPlan } from './recovery-cases.ts';
import { type SegmentWalk, type WalkState, walkSegment } from './recovery-walk.ts';
import { NO_TIMESTAMP, Segment, type SegmentFacts } from './segment.ts';
import { segmentFileName } from './segment-files.ts';
import { TIME_INDEX_ENTRY_BYTES } from './time-index.ts';

const REWRITE_CHUNK_BYTES = 1024 * 1024;

/** A walked segment with what its file held. */
interface Walked extends SegmentWalk {
  readonly segment: Segment;
  readonly logBytes: number;
}

/**
 * @param found the segments' files, ascending, at least one
 * @param snapshots the offsets in the names of the producer snapshots, ascending
 * @param epochs undefined when leader-epoch-checkpoint is missing or broken: all batches are then walked
 */
export async function recoverLog(
  options: LoadOptions & DurableOffsets,
  found: readonly FoundSegment[],
  snapshots: readonly number[],
  epochs: readonly EpochEntry[] | undefined,
): Promise<LoadedLog> {
  const { closed, env } = options;
  const isStray = strayTest(snapshots);
  const lastBase = found.findLast((segment) => !isStray(segment))?.baseOffset ?? found[0]?.baseOffset ?? 0;
  const durablePoint = Math.max(options.recoveryPoint, closed?.endOffset ?? 0, lastBase);
  const plan = planReplay({
    segments: found,
    durablePoint,
    closedEnd: closed?.endOffset,
    hasEpochs: epochs !== undefined,
    missingSegment: missingSegment(options, found),
  });
  const state = await startOfWalk(options, found, plan, epochs, durablePoint);
  const kept: Segment[] = [];
  for (const segment of found.slice(0, plan.firstIndex)) kept.push(await sealedSegment(options, segment));
  const { walked, leftovers, badBytes } = await walkAll(options, state, found.slice(plan.firstIndex), isStray);
  const moreSegments = plan.firstIndex + walked.length + leftovers.length < found.length;
  const decision = decideAfterScan({ endOffset: state.endOffset, badBytes, moreSegments, durablePoint });
  const segments = [...kept, ...walked.map(({ segment }) => segment)];
  await addMissingProducers(options, state.producers, snapshots, state.endOffset);
  state.producers.truncate(state.endOffset);
  const loaded: LoadedLog = {
    segments,
    logStartOffset: Math.max(options.logStartOffset, found[0]?.baseOffset ?? 0),
    endOffset: state.endOffset,
    epochs: cutEpochsFromEnd(state.epochs, state.endOffset),
    epochsOnDisk: epochs,
    producers: state.producers,
    closeSnapshot: snapshots.findLast((offset) => offset <= state.endOffset),
    damagedAt: decision === 'damage' ? state.endOffset : undefined,
    recovered: true,
  };
  if (decision === 'damage') {
    env.log.error(
      `${options.directory}: bytes at offset ${state.endOffset} that were on the disk are missing or broken`,
    );
    return loaded;
  }
  await keepAndCut(options, walked, leftovers);
  await removeStraySnapshots(options, snapshots, loaded);
  return loaded;
}

async function startOfWalk(
  options: LoadOptions,
  found: readonly FoundSegment[],
  plan: ReplayPlan,
  epochs: readonly EpochEntry[] | undefined,
  durablePoint: number,
): Promise<WalkState> {
  const { closed, env, config } = options;
  const byRecord = plan.producersFrom === 'record' && closed !== undefined;
  const snapshotBase = plan.producersFrom === 'record' ? 0 : (found[plan.producersFrom]?.baseOffset ?? 0);
  const nowMs = env.clock.wallMs();
  return {
    durablePoint,
    indexIntervalBytes: config.indexIntervalBytes,
    nowMs,
    producersFrom: byRecord ? closed.endOffset : snapshotBase,
    producers: byRecord
      ? closed.producers.copy()
      : ((await readSnapshot(options, snapshotBase)) ?? ProducerTable.of([])),
    epochs: epochs ?? [],
    endOffset: found[plan.firstIndex]?.baseOffset ?? 0,
    leaderEpoch: -1,
  };
}

/**
 * Tells the empty segments that no log has rolled to: a roll writes a producer snapshot of the same offset first. (The first
 * segment of a log has none either; nothing is asked about it.)
 */
function strayTest(snapshots: readonly number[]): (segment: FoundSegment) => boolean {
  const rolledTo = new Set(snapshots);
  return ({ baseOffset, logBytes }) => logBytes === 0 && !rolledTo.has(baseOffset);
}

/**
 * Walks until the first bytes that are no valid batch; a segment that overlaps the one before it begins with such, and so does
 * one that leaves a hole: a log rolls at its end. Bytes after
 * the last batch of a segment whose end is where the next one begins are no loss: they are cut, and the walk goes on. An
 * empty segment that begins among the batches of the one before is what a roll that failed left: it holds nothing, and to
 * keep it would hide those batches; nor is one behind the end part of the log when no roll made it.
 */
async function walkAll(
  options: LoadOptions,
  state: WalkState,
  found: readonly FoundSegment[],
  isStray: (segment: FoundSegment) => boolean,
): Promise<{ walked: Walked[]; leftovers: number[]; badBytes: boolean }> {
  const walked: Walked[] = [];
  const leftovers: number[] = [];
  for (const [index, foundSegment] of found.entries()) {
    const { baseOffset, logBytes } = foundSegment;
    if (walked.length > 0 && baseOffset !== state.endOffset) {
      const isLeftover = baseOffset < state.endOffset ? logBytes === 0 : isStray(foundSegment);
      if (!isLeftover) return { walked, leftovers, badBytes: true };
      leftovers.push(baseOffset);
      continue;
    }
    const segment = new Segment(contextOf(options), factsOf(options, baseOffset, logBytes), true);
    const walk = await options.files.use(segment.path, (file) => walkSegment(state, segment, file, logBytes));
    walked.push({ ...walk, segment, logBytes });
    const isWhole = walk.end.outcome !== 'bad' || found[index + 1]?.baseOffset === state.endOffset;
    if (!isWhole) return { walked, leftovers, badBytes: true };
  }
  return { walked, leftovers, badBytes: false };
}

/** The first segment of the close record that is not there; those before the first that is were deleted by retention. */
function missingSegment(options: LoadOptions, found: readonly FoundSegment[]): number | undefined {
  const there = new Set(found.map(({ baseOffset }) => baseOffset));
  const first = found[0]?.baseOffset ?? 0;
  const closed = options.closed?.segments ?? [];
  return closed.find(({ baseOffset }) => baseOffset > first && !there.has(baseOffset))?.baseOffset;
}

/** Cuts what is not valid, writes again and syncs what is past the durable point, and writes the indexes. */
async function keepAndCut(
  options: LoadOptions,
  walked: readonly Walked[],
  leftovers: readonly number[],
): Promise<void> {
  for (const baseOffset of leftovers) {
    const leftover = Segment.planned(contextOf(options), baseOffset);
    options.env.log.info(`${leftover.path} is empty and no part of the log: removed`);
    await leftover.remove();
  }
  for (const each of walked) {
    await keepSegment(options, each);
    await sealIfRoom(options, each.segment);
  }
  await options.env.disk.syncDirectory(options.directory);
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

/** A segment that is not walked: what its index files hold is found out when they are used. */
async function sealedSegment(options: LoadOptions, found: FoundSegment): Promise<Segment> {
  const { disk } = options.env;
  const base = `${options.directory}/`;
  const index = await disk.stat(base + segmentFileName(found.baseOffset, '.index'));
  const timeIndex = await disk.stat(base + segmentFileName(found.baseOffset, '.timeindex'));
  const facts = {
    ...factsOf(options, found.baseOffset, found.logBytes),
    indexEntries: Math.floor((index?.size ?? 0) / OFFSET_INDEX_ENTRY_BYTES),
    timeIndexEntries: Math.floor((timeIndex?.size ?? 0) / TIME_INDEX_ENTRY_BYTES),
    ...carriedOver(options, found),
  };
  return new Segment(contextOf(options), facts, true);
}

/** What the record says of a file that still has the size that it had. Its indexes may have changed since. */
function carriedOver(options: LoadOptions, found: FoundSegment): Partial<SegmentFacts> {
  const recorded = options.closed?.segments.find(({ baseOffset }) => baseOffset === found.baseOffset);
  if (recorded?.logBytes !== found.logBytes) return {};
  const { headsCrc, largestTimestamp } = digestsOf(recorded);
  return { headsCrc, largestTimestamp };
}

function factsOf(options: LoadOptions, baseOffset: number, logBytes: number): SegmentFacts {
  return {
    baseOffset,
    createdMs: options.env.clock.wallMs(),
    logBytes,
    indexEntries: 0,
    timeIndexEntries: 0,
    lastIndexedTimestamp: -1n,
    largest: NO_TIMESTAMP,
    firstTimestamp: undefined,
    bytesSinceIndexEntry: 0,
  };
}

/** Producers that wrote nothing in the walked part: from the close record or the newest snapshot that is whole. */
async function addMissingProducers(
  options: LoadOptions,
  producers: ProducerTable,
  snapshots: readonly number[],
  endOffset: number,
): Promise<void> {
  const add = (older: ProducerTable): void => {
    for (const entry of older.all()) if (producers.get(entry.producerId) === undefined) producers.set(entry);
  };
  for (const offset of [...snapshots].reverse()) {
    const snapshot = offset <= endOffset ? await readSnapshot(options, offset) : undefined;
    if (snapshot === undefined) continue;
    add(snapshot);
    break;
  }
  if (options.closed !== undefined) add(options.closed.producers);
}

/** undefined when it is missing or broken. */
async function readSnapshot(options: LoadOptions, offset: number): Promise<ProducerTable | undefined> {
  const path = `${options.directory}/${segmentFileName(offset, '.snapshot')}`;
  const content = await readFileIfThere(options.env.disk, path);
  return content === undefined ? undefined : parseProducerSnapshot(content, options.env.clock.wallMs());
}

/** Kafka keeps the snapshots at the bases of segments, and the newest one. */
async function removeStraySnapshots(
  options: LoadOptions,
  snapshots: readonly number[],
  loaded: LoadedLog,
): Promise<void> {
  const kept = new Set(loaded.segments.map(({ baseOffset }) => baseOffset));
  if (loaded.closeSnapshot !== undefined) kept.add(loaded.closeSnapshot);
  for (const offset of snapshots) {
    if (kept.has(offset)) continue;
    await options.env.disk.remove(`${options.directory}/${segmentFileName(offset, '.snapshot')}`);
  }
}
