/**
 * Recovery of a partition that was not closed cleanly: walks the batches (walk-log), decides by the tables of
 * recovery-cases, and has that carried out (recovery-cut).
 */
import { PRODUCERS_FILE_BYTES_MAX, readFileIfThere } from './atomic-file.ts';
import { digestsOf } from './close-record.ts';
import { cutEpochsFromEnd, type EpochEntry } from './leader-epochs.ts';
import { contextOf, type FoundSegment, factsOf, type LoadedLog, type LoadOptions } from './loaded-log.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts';
import { parseProducerSnapshot } from './producer-snapshot.ts';
import { ProducerTable } from './producer-table.ts';
import {
  decide,
  durablePointOf,
  endOfDamaged,
  planReplay,
  type ReplayPlan,
  START_CASES,
  type StartDecision,
  suspectOffset,
} from './recovery-cases.ts';
import { keepAndCut } from './recovery-cut.ts';
import type { WalkState } from './recovery-walk.ts';
import { Segment, type SegmentFacts } from './segment.ts';
import { segmentFileName } from './segment-files.ts';
import { TIME_INDEX_ENTRY_BYTES } from './time-index.ts';
import { SEALED_UNSYNCED_MAX } from './unsynced-files.ts';
import { type WalkResult, walkAll } from './walk-log.ts';

export interface RecoveryOptions extends LoadOptions {
  readonly recoveryPoint: number;
  readonly logStartOffset: number;
  /** Whether the log start is only believed: it then counts as far as the log reaches. */
  readonly startBelieved: boolean;
  /** Whether something that is no segment stands behind those that were found: the rest cannot be seen. */
  readonly restUnreadable: boolean;
}

/**
 * @param found the segments' files, ascending, at least one
 * @param snapshots the offsets in the names of the producer snapshots, ascending
 * @param epochs undefined when leader-epoch-checkpoint is missing or broken: all batches are then walked
 */
export async function recoverLog(
  options: RecoveryOptions,
  found: readonly FoundSegment[],
  snapshots: readonly number[],
  epochs: readonly EpochEntry[] | undefined,
): Promise<LoadedLog> {
  const { closed } = options;
  const isStray = strayTest(snapshots);
  const bases = found.filter((segment, index) => index === 0 || !isStray(segment)).map(({ baseOffset }) => baseOffset);
  const closedEnd = closed?.endOffset;
  const { recoveryPoint } = options;
  const durablePoint = durablePointOf({ recoveryPoint, closedEnd, bases, unsyncedCountMax: SEALED_UNSYNCED_MAX });
  const plan = planReplay({
    segments: found,
    durablePoint,
    // Its producers are those of the end; what is known of them where the log is damaged, the batches say.
    closedEnd: closed?.damagedAt === undefined ? closedEnd : undefined,
    hasEpochs: epochs !== undefined,
    suspect: suspectOffset(
      found.map(({ baseOffset }) => baseOffset),
      closed,
    ),
  });
  const state = await startOfWalk(options, found, plan, epochs, durablePoint);
  const kept: Segment[] = [];
  for (const segment of found.slice(0, plan.firstIndex)) kept.push(await sealedSegment(options, segment));
  const walk = await walkAll(options, state, found.slice(plan.firstIndex), isStray, durablePoint);
  // Several batches against one file without a checksum, and nothing else is wrong: it is the file.
  if (epochs !== undefined && state.contradicted.length > 1 && walk.decision === 'keep') {
    return await recoverLog(options, found, snapshots, undefined);
  }
  const start = startOf(options, found, state.endOffset, durablePoint);
  if (start.decision === 'empty') return await emptiedLog(options, found, state, start.offset);
  await addMissingProducers(options, state.producers, snapshots, state.endOffset);
  const damaged = damageOf(options, state, walk, start.decision);
  if (damaged !== undefined) state.endOffset = Math.min(state.endOffset, damaged);
  state.producers.truncate(state.endOffset);
  const endOffset =
    damaged === undefined
      ? state.endOffset
      : endOfDamaged({ damagedAt: damaged, durablePoint, lastBase: bases[bases.length - 1] ?? 0 });
  const loaded: LoadedLog = {
    segments: [...kept, ...walk.walked.map(({ segment }) => segment)],
    logStartOffset: start.offset,
    endOffset,
    epochs: cutEpochsFromEnd(state.epochs, endOffset),
    epochsOnDisk: epochs,
    producers: state.producers,
    closeSnapshot: snapshots.findLast((offset) => offset <= state.endOffset),
    damagedAt: damaged,
    ...(damaged === undefined ? {} : { beforeDamage: { closed, durablePoint } }),
    recovered: true,
    gaps: state.gaps,
  };
  if (damaged !== undefined) return loaded;
  await keepAndCut(options, walk, state.endOffset);
  await removeStraySnapshots(options, snapshots, loaded);
  return loaded;
}

/** The offset from which on the log is damaged, told once; undefined when it is whole. */
function damageOf(
  options: RecoveryOptions,
  state: WalkState,
  walk: WalkResult,
  start: StartDecision,
): number | undefined {
  const [contradicted] = state.contradicted;
  const broken = walk.decision === 'damage' || start === 'damage' || options.restUnreadable;
  if (!broken && contradicted === undefined) return undefined;
  const offset = Math.max(contradicted ?? state.endOffset, options.startBelieved ? 0 : options.logStartOffset);
  const { directory, env, recoveryPoint } = options;
  env.log.error(
    `${directory}: bytes at offset ${offset} that were on the disk are missing or broken; nothing is cut, and nothing appended (close record, batches and recovery-point-offset-checkpoint, which says ${recoveryPoint}, do not agree)`,
  );
  return offset;
}

function startOf(
  options: RecoveryOptions,
  found: readonly FoundSegment[],
  endOffset: number,
  durablePoint: number,
): { offset: number; decision: StartDecision } {
  const firstBase = found[0]?.baseOffset ?? 0;
  const { logStartOffset, startBelieved } = options;
  const offset = Math.max(startBelieved ? Math.min(logStartOffset, endOffset) : logStartOffset, firstBase);
  const decision = decide(START_CASES, {
    end: endOffset < offset ? 'belowStart' : 'atOrAboveStart',
    durablePoint: durablePoint > offset ? 'aboveStart' : 'notAboveStart',
  });
  return { offset, decision };
}

/** All that is there was deleted: an empty log at its start, whose file is there before the others go. */
async function emptiedLog(
  options: RecoveryOptions,
  found: readonly FoundSegment[],
  state: WalkState,
  startOffset: number,
): Promise<LoadedLog> {
  const { env, directory, sync } = options;
  const segment = new Segment(contextOf(options), factsOf(options, startOffset, 0), true);
  segment.resetIndexes();
  const file = await env.disk.open(segment.path, 'w+');
  try {
    await file.truncate(0);
    await sync.run(file);
  } finally {
    await file.close();
  }
  await env.disk.syncDirectory(directory);
  for (const { baseOffset } of [...found].reverse()) {
    if (baseOffset !== startOffset) await Segment.planned(contextOf(options), baseOffset).remove();
  }
  await env.disk.syncDirectory(directory);
  return {
    segments: [segment],
    logStartOffset: startOffset,
    endOffset: startOffset,
    epochs: cutEpochsFromEnd(state.epochs, startOffset),
    epochsOnDisk: state.knownEpochs,
    producers: state.producers,
    closeSnapshot: undefined,
    damagedAt: undefined,
    recovered: true,
  };
}

async function startOfWalk(
  options: RecoveryOptions,
  found: readonly FoundSegment[],
  plan: ReplayPlan,
  epochs: readonly EpochEntry[] | undefined,
  durablePoint: number,
): Promise<WalkState> {
  const { closed, env, config } = options;
  const byRecord = plan.producersFrom === 'record' && closed !== undefined;
  const snapshotBase = plan.producersFrom === 'record' ? 0 : (found[plan.producersFrom]?.baseOffset ?? 0);
  const firstBase = found[plan.firstIndex]?.baseOffset ?? 0;
  const suspectBase = found.findLast(({ baseOffset }) => baseOffset <= (closed?.damagedAt ?? -1))?.baseOffset;
  return {
    // Without the epochs' file, that a batch's epoch is right is only seen by those around it: all is checked.
    checkedFromOffset: epochs === undefined ? 0 : Math.min(durablePoint, suspectBase ?? durablePoint),
    knownEpochs: epochs,
    logStartOffset: Math.max(options.logStartOffset, found[0]?.baseOffset ?? 0),
    gaps: closed?.gaps === true,
    indexIntervalBytes: config.indexIntervalBytes,
    nowMs: env.clock.wallMs(),
    producersFrom: byRecord ? closed.endOffset : snapshotBase,
    producers: byRecord
      ? closed.producers.copy()
      : ((await readSnapshot(options, snapshotBase)) ?? ProducerTable.of([])),
    epochs: epochs ?? [],
    endOffset: firstBase,
    leaderEpoch: -1,
    contradicted: [],
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
  const content = await readFileIfThere(options.env.disk, path, PRODUCERS_FILE_BYTES_MAX);
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
