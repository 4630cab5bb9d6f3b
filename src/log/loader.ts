/**
 * Opens the files of one partition: gathers the facts, lets recovery-cases decide, and carries the decision out. After a clean
 * close nothing is scanned: one listing, one stat and the small files. After any other end the log is recovered; a crash
 * meanwhile changes nothing, as each step may be done again (I-27).
 */
import { crc32c } from '../kernel/crc32c.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { KafkaError } from '../protocol/errors.ts';
import { readFileIfThere } from './atomic-file.ts';
import { type ClosedPartition, type ClosedSegment, digestsOf, hexCrc } from './close-record.ts';
import { finishSwaps } from './finish-swaps.ts';
import { formatLeaderEpochFile, LEADER_EPOCH_FILE, parseLeaderEpochFile } from './leader-epoch-file.ts';
import { cutEpochsFromEnd, type EpochEntry } from './leader-epochs.ts';
import { contextOf, type FoundSegment, type LoadedLog, type LoadOptions } from './loaded-log.ts';
import { compacts } from './log-config.ts';
import { isShortage, storageError } from './log-failure.ts';
import { type NamePlan, planNames } from './name-cases.ts';
import { ProducerTable } from './producer-table.ts';
import { recoverLog } from './recovery.ts';
import { decide, endOfDamaged, logStartOf, OPEN_CASES } from './recovery-cases.ts';
import { NO_TIMESTAMP, Segment } from './segment.ts';
import { segmentFileName } from './segment-files.ts';

/** @throws KafkaError KAFKA_STORAGE_ERROR (rejects) when the files cannot be read: nothing was changed on account of that */
export async function loadLog(options: LoadOptions): Promise<LoadedLog> {
  try {
    return await load(options);
  } catch (error) {
    if (error instanceof KafkaError || isShortage(error) || errorCodeOf(error) === undefined) throw error;
    throw storageError(`${options.directory} cannot be opened`, error);
  }
}

async function load(options: LoadOptions): Promise<LoadedLog> {
  const { closed, logStarts = { state: 'absent', offset: undefined } } = options;
  const plan = await settleNames(options, logStarts.state === 'whole' ? logStarts.offset : undefined);
  const { bases } = plan;
  const last = bases[bases.length - 1];
  const lastBytes = last === undefined ? undefined : await sizeOf(options, last);
  const segments = closedSegments(closed, logStarts.state === 'whole' ? logStarts.offset : undefined);
  const sameFiles =
    plan.unreadableLog === undefined &&
    segments.length === bases.length &&
    segments.every(({ baseOffset }, at) => baseOffset === bases[at]) &&
    segments[segments.length - 1]?.logBytes === lastBytes;
  const epochs = last === undefined ? undefined : await readEpochs(options);
  const facts = {
    marker: options.closedCleanly,
    record: closed === undefined ? 'none' : closed.damagedAt === undefined ? 'line' : 'damaged',
    sameFiles,
    epochs: epochs !== undefined && !(options.closedCleanly && sameFiles && contradicts(closed, epochs)),
  } as const;
  // Nobody reads checkpoints after a clean close.
  const trusted = decide(OPEN_CASES, { ...facts, segments: last === undefined ? 'none' : 'some', promised: true });
  if (trusted === 'trust' && closed !== undefined && epochs !== undefined) {
    return trustedLog(options, closed, segments, epochs);
  }
  const durable = await options.durable();
  const start = logStartOf({
    closed: closed?.logStartOffset,
    ...logStarts,
    checkpoint: durable.logStartOffset > 0 ? durable.logStartOffset : undefined,
    firstBase: bases[0],
  });
  if (start.believed) {
    options.env.log.warn(
      `${options.directory}: the file of log starts is lost; the log is taken to start at offset ${start.offset}`,
    );
  }
  const found = await findSegments(options, bases);
  const restUnreadable = plan.unreadableLog !== undefined || found.length < bases.length;
  const first = found[0]?.baseOffset;
  const decision = decide(OPEN_CASES, {
    ...facts,
    segments: first === undefined ? 'none' : first > start.offset ? 'late' : 'some',
    promised: restUnreadable || Math.max(durable.recoveryPoint, closed?.endOffset ?? 0) > 0,
  });
  if (decision === 'damage') return lostLog(options, start.offset, durable.recoveryPoint, bases);
  if (decision === 'fresh') return emptyLog(options, 0);
  const recovery = {
    ...options,
    recoveryPoint: durable.recoveryPoint,
    logStartOffset: start.offset,
    startBelieved: start.believed,
    restUnreadable,
    mayHaveGaps: closed?.gaps === true || durable.cleanedOffset !== undefined || compacts(options.config),
  };
  const recovered = await recoverLog(recovery, found, plan.snapshots, facts.epochs ? epochs : undefined);
  if (recovered.damagedAt === undefined) await removeNames(options, plan.orphans);
  return recovered;
}

/** The segments that are plain files, up to the first that is not. */
async function findSegments(options: LoadOptions, bases: readonly number[]): Promise<FoundSegment[]> {
  const found: FoundSegment[] = [];
  for (const baseOffset of bases) {
    const logBytes = await sizeOf(options, baseOffset);
    if (logBytes === undefined) {
      options.env.log.error(`${options.directory}/${segmentFileName(baseOffset, '.log')} is no file: left alone`);
      break;
    }
    found.push({ baseOffset, logBytes });
  }
  return found;
}

/** Those that the last close left, without what was deleted since. */
function closedSegments(
  closed: ClosedPartition | undefined,
  provenLogStart: number | undefined,
): readonly ClosedSegment[] {
  const segments = closed?.segments ?? [];
  if (provenLogStart === undefined) return segments;
  return segments.filter((_, index) => (segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY) > provenLogStart);
}

/** Whether the epochs are not those of the close. */
function contradicts(closed: ClosedPartition | undefined, epochs: readonly EpochEntry[]): boolean {
  return closed?.epochs !== undefined && closed.epochs !== hexCrc(crc32c(Buffer.from(formatLeaderEpochFile(epochs))));
}

/** Carries out what the names alone say; what is left is as the result says. */
async function settleNames(options: LoadOptions, provenLogStart: number | undefined): Promise<NamePlan> {
  const { env, directory } = options;
  const plan = planNames(await listIfThere(options), provenLogStart);
  if (plan.strangers.length > 0) {
    env.log.info(`${directory} holds what is no part of a log, left alone: ${plan.strangers.join(', ')}`);
  }
  if (plan.unreadableLog !== undefined) {
    env.log.error(`${directory}/${plan.unreadableLog}: no log reaches that offset; it is left alone`);
  }
  if (plan.swaps.length > 0) await finishSwaps(options, plan.swaps);
  await removeNames(options, plan.remove);
  if (plan.swaps.length === 0) return plan;
  return planNames(await listIfThere(options), provenLogStart);
}

async function removeNames(options: LoadOptions, names: readonly string[]): Promise<void> {
  const { env, directory } = options;
  for (const name of names) await env.disk.remove(`${directory}/${name}`);
  if (names.length > 0) await env.disk.syncDirectory(directory);
}

/** Nothing of it is shown, and it takes nothing: to begin anew would give its offsets to other records. */
function lostLog(
  options: LoadOptions,
  logStartOffset: number,
  recoveryPoint: number,
  bases: readonly number[],
): LoadedLog {
  const { env, directory, closed } = options;
  const durablePoint = Math.max(recoveryPoint, closed?.endOffset ?? 0);
  env.log.error(`${directory}: segments from offset ${logStartOffset} on that were on the disk are missing`);
  return {
    ...emptyLog(options, logStartOffset),
    endOffset: endOfDamaged({ damagedAt: logStartOffset, durablePoint, lastBase: bases[bases.length - 1] ?? 0 }),
    damagedAt: logStartOffset,
    beforeDamage: { closed, durablePoint },
  };
}

function emptyLog(options: LoadOptions, logStartOffset: number): LoadedLog {
  return {
    segments: [Segment.planned(contextOf(options), logStartOffset)],
    logStartOffset,
    endOffset: logStartOffset,
    epochs: [],
    epochsOnDisk: undefined,
    producers: ProducerTable.of([]),
    closeSnapshot: undefined,
    damagedAt: undefined,
    recovered: false,
  };
}

function trustedLog(
  options: LoadOptions,
  closed: ClosedPartition,
  closedSegments: readonly ClosedSegment[],
  epochs: readonly EpochEntry[],
): LoadedLog {
  const proven = options.logStarts?.state === 'whole' ? (options.logStarts.offset ?? 0) : 0;
  const segments = closedSegments.map((segment, index) => {
    const active = index === closedSegments.length - 1 ? closed.active : undefined;
    const { firstTimestamp = null } = active ?? {};
    const facts = {
      baseOffset: segment.baseOffset,
      createdMs: active?.createdMs ?? 0,
      logBytes: segment.logBytes,
      indexEntries: segment.indexEntries,
      timeIndexEntries: segment.timeIndexEntries,
      lastIndexedTimestamp: BigInt(active?.lastIndexedTimestamp ?? -1),
      largest:
        active === undefined
          ? NO_TIMESTAMP
          : { timestamp: BigInt(active.largestTimestamp), offset: active.largestTimestampOffset },
      firstTimestamp: firstTimestamp === null ? undefined : BigInt(firstTimestamp),
      bytesSinceIndexEntry: active?.bytesSinceIndexEntry ?? 0,
      ...digestsOf(segment),
    };
    return new Segment(contextOf(options), facts, true);
  });
  return {
    segments,
    logStartOffset: Math.max(closed.logStartOffset, proven),
    endOffset: closed.endOffset,
    epochs: cutEpochsFromEnd(epochs, closed.endOffset),
    epochsOnDisk: epochs,
    producers: closed.producers,
    closeSnapshot: closed.endOffset,
    damagedAt: undefined,
    recovered: false,
    gaps: closed.gaps === true,
  };
}

async function listIfThere(options: LoadOptions): Promise<string[]> {
  try {
    return await options.env.disk.list(options.directory);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** undefined when it is no plain file. */
async function sizeOf(options: LoadOptions, baseOffset: number): Promise<number | undefined> {
  const stat = await options.env.disk.stat(`${options.directory}/${segmentFileName(baseOffset, '.log')}`);
  return stat?.kind === 'file' ? stat.size : undefined;
}

/** undefined when the file is missing or does not parse. */
async function readEpochs(options: LoadOptions): Promise<readonly EpochEntry[] | undefined> {
  const content = await readFileIfThere(options.env.disk, `${options.directory}/${LEADER_EPOCH_FILE}`);
  return content === undefined ? undefined : parseLeaderEpochFile(content.toString('latin1'));
}
