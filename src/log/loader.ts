/**
 * Opens the files of one partition: gathers the facts, lets recovery-cases decide, and carries the decision out. After a clean
 * close nothing is scanned: one listing, one stat and the small files. After any other end the log is recovered; a crash
 * meanwhile changes nothing, as each step may be done again (I-27).
 */
import { errorCodeOf } from '../kernel/error-code.ts';
import { readFileIfThere } from './atomic-file.ts';
import { type ClosedPartition, digestsOf } from './close-record.ts';
import { LEADER_EPOCH_FILE, parseLeaderEpochFile } from './leader-epoch-file.ts';
import { cutEpochsFromEnd, type EpochEntry } from './leader-epochs.ts';
import { contextOf, type FoundSegment, type LoadedLog, type LoadOptions } from './loaded-log.ts';
import { ProducerTable } from './producer-table.ts';
import { recoverLog } from './recovery.ts';
import { beginningIsGone, decideOpen } from './recovery-cases.ts';
import { NO_TIMESTAMP, Segment } from './segment.ts';
import { parseSegmentFileName, type SegmentSuffix, segmentFileName } from './segment-files.ts';

export async function loadLog(options: LoadOptions): Promise<LoadedLog> {
  const names = await listIfThere(options);
  const bases = offsetsOf(names, '.log');
  const { closed } = options;
  const last = bases[bases.length - 1];
  const lastBytes = last === undefined ? 0 : await sizeOf(options, last);
  const sameSegments =
    closed?.segments.length === bases.length && closed.segments.every(({ baseOffset }, at) => baseOffset === bases[at]);
  const sameActiveBytes = closed?.segments[closed.segments.length - 1]?.logBytes === lastBytes;
  const decision = decideOpen({
    hasSegments: bases.length > 0,
    closedCleanly: options.closedCleanly,
    record: closed === undefined ? undefined : { sameSegments, sameActiveBytes },
  });
  const epochs = decision === 'fresh' ? undefined : await readEpochs(options);
  if (decision === 'trust' && closed !== undefined && epochs !== undefined) return trustedLog(options, closed, epochs);
  const durable = await options.durable();
  const logStartOffset = Math.max(durable.logStartOffset, closed?.logStartOffset ?? 0);
  const durablePoint = Math.max(durable.recoveryPoint, closed?.endOffset ?? 0);
  if (beginningIsGone(bases[0], logStartOffset, durablePoint)) return lostLog(options, logStartOffset);
  if (decision === 'fresh') return emptyLog(options, 0);
  const found: FoundSegment[] = [];
  for (const baseOffset of bases) {
    found.push({ baseOffset, logBytes: baseOffset === last ? lastBytes : await sizeOf(options, baseOffset) });
  }
  return recoverLog({ ...options, ...durable }, found, offsetsOf(names, '.snapshot'), epochs);
}

/** Nothing of it is shown, and it takes nothing: to begin anew would give its offsets to other records. */
function lostLog(options: LoadOptions, logStartOffset: number): LoadedLog {
  const { env, directory } = options;
  env.log.error(`${directory}: segments from offset ${logStartOffset} on that were on the disk are missing`);
  return { ...emptyLog(options, logStartOffset), damagedAt: logStartOffset };
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

function trustedLog(options: LoadOptions, closed: ClosedPartition, epochs: readonly EpochEntry[]): LoadedLog {
  const segments = closed.segments.map((segment, index) => {
    const active = index === closed.segments.length - 1 ? closed.active : undefined;
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
    logStartOffset: closed.logStartOffset,
    endOffset: closed.endOffset,
    epochs: cutEpochsFromEnd(epochs, closed.endOffset),
    epochsOnDisk: epochs,
    producers: closed.producers,
    closeSnapshot: closed.endOffset,
    damagedAt: undefined,
    recovered: false,
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

function offsetsOf(names: readonly string[], suffix: SegmentSuffix): number[] {
  const offsets: number[] = [];
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed?.suffix === suffix) offsets.push(parsed.offset);
  }
  return offsets;
}

async function sizeOf(options: LoadOptions, baseOffset: number): Promise<number> {
  const stat = await options.env.disk.stat(`${options.directory}/${segmentFileName(baseOffset, '.log')}`);
  return stat?.size ?? 0;
}

/** undefined when the file is missing or does not parse. */
async function readEpochs(options: LoadOptions): Promise<readonly EpochEntry[] | undefined> {
  const content = await readFileIfThere(options.env.disk, `${options.directory}/${LEADER_EPOCH_FILE}`);
  return content === undefined ? undefined : parseLeaderEpochFile(content.toString('latin1'));
}
