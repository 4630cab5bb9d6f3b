/**
 * Builds the two index files of a segment anew from its batches: what the broker writes while it appends, entry for entry
 * (segment.ts), and so what Kafka 4 does. A time index may also have an entry for each time that the log was closed, which
 * nothing can tell afterwards: so a file that is right and has no fewer entries stays as it is.
 */
import { crc32c } from '../../kernel/crc32c.ts';
import type { DiskFile, Env } from '../../kernel/env.ts';
import type { FileFindings } from '../../kernel/finding.ts';
import { PRODUCERS_FILE_BYTES_MAX, readFileIfThere, replaceFile } from '../atomic-file.ts';
import {
  CLOSE_RECORD_FILE,
  type ClosedPartition,
  formatCloseRecord,
  formatCloseRecordLine,
  hexCrc,
  parseCloseRecord,
  parseCloseRecordLine,
} from '../close-record.ts';
import { OpenFiles } from '../open-files.ts';
import { Segment } from '../segment.ts';
import { segmentFileName } from '../segment-files.ts';
import { writtenBatchOf } from '../segment-indexes.ts';
import { forEachBatch } from './batch-facts.ts';
import { OffsetIndexCheck, TimeIndexCheck } from './verify-indexes.ts';

export interface RebuiltIndexes {
  /** The files that were replaced. */
  readonly replaced: readonly { readonly file: string; readonly suffix: IndexSuffix; readonly entries: number }[];
  /** The segment with its indexes as they were built. */
  readonly segment: Segment;
  /** Where in the `.log` something begins that is no batch; undefined when all of it is batches. Nothing is replaced then. */
  readonly badPosition: number | undefined;
}

type IndexSuffix = '.index' | '.timeindex';

const UNQUEUED = { run: (file: DiskFile): Promise<void> => file.datasync() };

/** The new files are durable when it resolves. No broker may be at work on the partition. */
export async function rebuildIndexes(
  env: Env,
  directory: string,
  baseOffset: number,
  indexIntervalBytes: number,
): Promise<RebuiltIndexes> {
  const segment = Segment.planned({ env, files: new OpenFiles(env.disk, 1, 1), directory }, baseOffset);
  const pathOf = (suffix: IndexSuffix): string => `${directory}/${segmentFileName(baseOffset, suffix)}`;
  const [index, timeIndex] = await Promise.all(
    (['.index', '.timeindex'] as const).map((suffix) => readFileIfThere(env.disk, pathOf(suffix), 2 ** 31)),
  );
  const offsetCheck = new OffsetIndexCheck(pathOf('.index'), index ?? Buffer.alloc(0), baseOffset);
  const timeCheck = new TimeIndexCheck(pathOf('.timeindex'), timeIndex ?? Buffer.alloc(0), baseOffset);
  const badPosition = await walk(env, segment.path, (bytes, at, position) => {
    segment.noteWritten(writtenBatchOf(bytes, at), indexIntervalBytes);
    offsetCheck.batch(bytes, at, position);
    timeCheck.batch(bytes, at);
  });
  if (badPosition !== undefined) return { replaced: [], segment, badPosition };
  offsetCheck.end();
  timeCheck.end();
  segment.timeIndex.maybeAppend(segment.largest);
  const replaced: { file: string; suffix: IndexSuffix; entries: number }[] = [];
  for (const { suffix, content, check, entries } of [
    { suffix: '.index', content: index, check: offsetCheck, entries: segment.offsetIndex.entries },
    { suffix: '.timeindex', content: timeIndex, check: timeCheck, entries: segment.timeIndex.entries },
  ] as const) {
    const wanted = entries.inMemory();
    if (content !== undefined && isSound(check.findings) && content.length >= wanted.length) continue;
    await replaceFile(env.disk, UNQUEUED, pathOf(suffix), wanted);
    replaced.push({ file: pathOf(suffix), suffix, entries: entries.count });
  }
  if (replaced.length > 0) await env.disk.syncDirectory(directory);
  return { replaced, segment, badPosition };
}

/** Lets the close record of a broker's folder say of the rebuilt files what they hold now. Durable when it resolves. */
export async function noteRebuilt(
  env: Env,
  brokerDirectory: string,
  rebuiltByName: ReadonlyMap<string, readonly RebuiltIndexes[]>,
): Promise<void> {
  const path = `${brokerDirectory}/${CLOSE_RECORD_FILE}`;
  const content = await readFileIfThere(env.disk, path, PRODUCERS_FILE_BYTES_MAX);
  const record = content === undefined ? undefined : parseCloseRecord(content);
  if (record === undefined) return;
  for (const [name, rebuilt] of rebuiltByName) {
    const line = record.linesByName.get(name);
    const closed = line === undefined ? undefined : parseCloseRecordLine(line);
    if (closed !== undefined) record.linesByName.set(name, formatCloseRecordLine(name, withIndexes(closed, rebuilt)));
  }
  await replaceFile(env.disk, UNQUEUED, path, formatCloseRecord(record));
  await env.disk.syncDirectory(brokerDirectory);
}

function withIndexes(closed: ClosedPartition, rebuilt: readonly RebuiltIndexes[]): ClosedPartition {
  const lastBase = closed.segments[closed.segments.length - 1]?.baseOffset;
  const active = rebuilt.find(({ segment }) => segment.baseOffset === lastBase);
  const isReplaced = (found: RebuiltIndexes | undefined, suffix: IndexSuffix): boolean =>
    found?.replaced.some((file) => file.suffix === suffix) === true;
  const segments = closed.segments.map((segment) => {
    const found = rebuilt.find((other) => other.segment.baseOffset === segment.baseOffset);
    const { offsetIndex, timeIndex } = found?.segment ?? {};
    return {
      ...segment,
      ...(isReplaced(found, '.index') && offsetIndex !== undefined
        ? { indexEntries: offsetIndex.entries.count, index: digestOf(offsetIndex.entries) }
        : {}),
      ...(isReplaced(found, '.timeindex') && timeIndex !== undefined
        ? { timeIndexEntries: timeIndex.entries.count, timeIndex: digestOf(timeIndex.entries) }
        : {}),
    };
  });
  if (active === undefined) return { ...closed, segments };
  const { bytesSinceIndexEntry, timeIndex } = active.segment;
  return {
    ...closed,
    segments,
    active: {
      ...closed.active,
      ...(isReplaced(active, '.index') ? { bytesSinceIndexEntry } : {}),
      ...(isReplaced(active, '.timeindex') ? { lastIndexedTimestamp: String(timeIndex.lastTimestamp) } : {}),
    },
  };
}

function isSound(findings: FileFindings): boolean {
  return findings.all.every(({ severity }) => severity === 'unchecked');
}

function digestOf(entries: { inMemory(): Buffer }): string {
  return hexCrc(crc32c(entries.inMemory()));
}

/** Answers where something begins that is no batch. */
async function walk(
  env: Env,
  path: string,
  visit: (bytes: Buffer, at: number, position: number) => void,
): Promise<number | undefined> {
  const file = await env.disk.open(path, 'r');
  try {
    const end = await forEachBatch(file, visit, async () => undefined);
    return end.isWhole ? undefined : end.position;
  } finally {
    await file.close();
  }
}
