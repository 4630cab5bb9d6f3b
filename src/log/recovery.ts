/**
 * Recovery of a partition that was not closed cleanly: walks the batches (walk-log), decides by the tables of
 * recovery-cases, and has that carried out (recovery-cut).
 */
import { type ClosedPartition, digestsOf } from './close-record.ts';
import { cutEpochsFromEnd, type EpochEntry } from './leader-epochs.ts';
import { contextOf, type FoundSegment, factsOf, type LoadedLog, type LoadOptions } from './loaded-log.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts';
import { ProducerTable } from './producer-table.ts';
import {
  addMissingProducers,
  type ProducersAtBase,
  producersAtBase,
  removeStraySnapshots,
} from './recovered-producers.ts';
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
  /** Whether offsets may be missing between the batches of a segment. Between two segments none ever are. */
  readonly mayHaveGaps: boolean;
}

/**
 * @param found the segments' files, ascending, at least one
 * @param snapshotOffsets the offsets in the names of the producer snapshots, ascending
 * @param epochs undefined when leader-epoch-checkpoint is missing or broken: all batches are then walked
 */
export async function recoverLog(
  options: RecoveryOptions,
  found: readonly FoundSegment[],
  snapshotOffsets: readonly number[],
  epochs: readonly EpochEntry[] | undefined,
): Promise<LoadedLog> {
  const { closed } = options;
  const isStray = strayTest(snapshotOffsets);
  const bases = found.filter((segment, index) => index === 0 || !isStray(segment)).map(({ baseOffset }) => baseOffset);
  const { recoveryPoint } = options;
  const lines = { recoveryPoint, closedEnd: closed?.endOffset, unsyncedCountMax: SEALED_UNSYNCED_MAX };
  const durablePoint = durablePointOf({ ...lines, bases });
  const plan = planOf(found, closed, durablePoint, epochs !== undefined);
  const snapshots = { offsets: snapshotOffsets, broken: new Set<number>() };
  const older =
    plan.producersFrom === 'record' ? undefined : await producersAtBase(options, snapshots, found, plan.producersFrom);
  const firstIndex = Math.min(plan.firstIndex, older?.index ?? plan.firstIndex);
  const state = startOfWalk(options, found, firstIndex, older, epochs, durablePoint);
  const kept: Segment[] = [];
  for (const segment of found.slice(0, firstIndex)) kept.push(await sealedSegment(options, segment));
  const walk = await walkAll(options, state, found.slice(firstIndex), isStray, durablePoint);
  // Several batches against one file without a checksum, and nothing else is wrong: it is the file.
  if (epochs !== undefined && state.contradicted.length > 1 && walk.decision === 'keep') {
    return await recoverLog(options, found, snapshotOffsets, undefined);
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
    closeSnapshot: snapshotOffsets.findLast((offset) => offset <= state.endOffset && !snapshots.broken.has(offset)),
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

function planOf(
  found: readonly FoundSegment[],
  closed: ClosedPartition | undefined,
  durablePoint: number,
  hasEpochs: boolean,
): ReplayPlan {
  const bases = found.map(({ baseOffset }) => baseOffset);
  // The record's producers are those of the end: where the log was damaged, the batches say what is known of them.
  const closedEnd = closed?.damagedAt === undefined ? closed?.endOffset : undefined;
  return planReplay({ segments: found, durablePoint, closedEnd, hasEpochs, suspect: suspectOffset(bases, closed) });
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

/** `older`: the producers when they are not those of the close record. */
function startOfWalk(
  options: RecoveryOptions,
  found: readonly FoundSegment[],
  firstIndex: number,
  older: ProducersAtBase | undefined,
  epochs: readonly EpochEntry[] | undefined,
  durablePoint: number,
): WalkState {
  const { closed, env, config } = options;
  const producers = older?.producers ?? closed?.producers.copy() ?? ProducerTable.of([]);
  const producersFrom = older === undefined ? closed?.endOffset : found[older.index]?.baseOffset;
  const suspectBase = found.findLast(({ baseOffset }) => baseOffset <= (closed?.damagedAt ?? -1))?.baseOffset;
  return {
    // Without the epochs' file, that a batch's epoch is right is only seen by those around it: all is checked.
    checkedFromOffset: epochs === undefined ? 0 : Math.min(durablePoint, suspectBase ?? durablePoint),
    knownEpochs: epochs,
    logStartOffset: Math.max(options.logStartOffset, found[0]?.baseOffset ?? 0),
    gaps: options.mayHaveGaps,
    indexIntervalBytes: config.indexIntervalBytes,
    nowMs: env.clock.wallMs(),
    producersFrom: producersFrom ?? 0,
    producers,
    epochs: epochs ?? [],
    endOffset: found[firstIndex]?.baseOffset ?? 0,
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
