/**
 * `close-record` beside a broker's log directory (ours, not Kafka's): what every partition looked like when it was last
 * closed cleanly, so that the next open scans nothing and has each producer's whole window (Kafka's .snapshot has one batch
 * of each), and so that a byte that changes while the directory is closed is found. Text lines:
 *
 *   streamctl-close-record 2 <number of lines that follow> <CRC-32C, 8 hex digits> <bytes in the broker's folder, or ->\n
 *   . {"files":{"<name below log/>":"<CRC-32C of its content>",...}}\n                at most once
 *   <topic>-<partition> <facts as JSON> <producers as base64>\n
 *
 * The CRC is over `<number of lines> <bytes>\n` and what follows the header. Version 1 has neither the bytes nor the line `.`,
 * fewer facts, and a CRC over what follows alone; it is read and no longer written.
 *
 * Lines of partitions that a process did not open are carried over as text, and so are the producers that wrote nothing
 * (producer-entries.ts draws their bytes).
 *
 * A damaged file counts as none: all of it can be derived. One of a later version is refused.
 */
import { crc32c, crc32cFrom } from '../kernel/crc32c.ts';
import { parseStrictJson } from '../kernel/strict-json.ts';
import { isClosedFacts, isDigestsByName, isNatural } from './closed-facts.ts';
import { ProducerTable } from './producer-table.ts';

export const CLOSE_RECORD_FILE = 'close-record';

const TYPE = 'streamctl-close-record';
const VERSION = '2';
const VERSION_OF_PART_1 = '1';
/** The name of the line about the log directory's own files: no partition has it. */
const FILES_LINE = '.';

/** A segment's files at the close. */
export interface ClosedSegment {
  readonly baseOffset: number;
  readonly logBytes: number;
  readonly indexEntries: number;
  readonly timeIndexEntries: number;
  /** Decimal text, -1 for none; null or absent: not known. */
  readonly largestTimestamp?: string | null;
  /** CRC-32C in hex over the batches' first bytes (`Segment.headsCrc`), and of the index files; null or absent: not known. */
  readonly heads?: string | null;
  readonly index?: string | null;
  readonly timeIndex?: string | null;
}

/** What only the last segment, the one that is appended to, needs. Timestamps are decimal text: JSON has no int64. */
export interface ClosedActiveSegment {
  readonly createdMs: number;
  /** Largest timestamp of the first batch; null when the segment is empty. */
  readonly firstTimestamp: string | null;
  readonly largestTimestamp: string;
  readonly largestTimestampOffset: number;
  readonly lastIndexedTimestamp: string;
  readonly bytesSinceIndexEntry: number;
}

export interface ClosedPartition {
  readonly topicId: string;
  readonly logStartOffset: number;
  readonly endOffset: number;
  readonly segments: readonly ClosedSegment[];
  readonly active: ClosedActiveSegment;
  /** CRC-32C in hex of leader-epoch-checkpoint; absent: not known. */
  readonly epochs?: string;
  /** Whether offsets may be missing between two batches; absent: none are. */
  readonly gaps?: true;
  /** The offset at which the log was found damaged: such a line is never trusted. */
  readonly damagedAt?: number;
  readonly producers: ProducerTable;
}

/** The file's content. */
export interface CloseRecord {
  /** By partition name; as text, so that lines of partitions that nobody opened are carried over unparsed. */
  readonly linesByName: Map<string, string>;
  /** CRC-32C in hex by name below `log/`: the files of the log directory itself; undefined when not known. */
  readonly files: ReadonlyMap<string, string> | undefined;
  /** Bytes in the broker's folder at the close; undefined when not known. */
  readonly totalBytes: number | undefined;
}

/** A file of ours that a later release wrote. Nothing in its directory may be changed by this one. */
export class UnknownFormatError extends Error {
  override readonly name = 'UnknownFormatError';
}

/** Whether `version` is a version at all, and not one of those known, so that a file which says so is no damaged one of ours. */
export function isLaterVersion(version: string | undefined, known: number): boolean {
  return version !== undefined && /^[1-9]\d{0,3}$/.test(version) && Number(version) > known;
}

/** undefined when the file is damaged. @throws UnknownFormatError */
export function parseCloseRecord(bytes: Buffer): CloseRecord | undefined {
  const headerEnd = bytes.indexOf(10);
  const header = bytes.toString('latin1', 0, Math.max(headerEnd, 0));
  const [type, version, count = '', crc, total = '-'] = header.split(' ');
  if (type !== TYPE) return undefined;
  if (version !== VERSION && version !== VERSION_OF_PART_1) {
    if (!isLaterVersion(version, Number(VERSION))) return undefined;
    throw new UnknownFormatError(`${CLOSE_RECORD_FILE} has format version ${version}; this release knows ${VERSION}`);
  }
  const covered = version === VERSION ? crc32c(Buffer.from(coveredHeader(count, total), 'latin1')) : 0;
  if (crc !== hexCrc(crc32cFrom(covered, bytes, headerEnd + 1, bytes.length))) return undefined;
  const linesByName = new Map<string, string>();
  const lines = bytes.toString('latin1', headerEnd + 1).split('\n');
  lines.pop();
  for (const line of lines) linesByName.set(line.slice(0, line.indexOf(' ')), line);
  if (linesByName.size !== Number(count)) return undefined;
  const files = parseFilesLine(linesByName.get(FILES_LINE));
  linesByName.delete(FILES_LINE);
  return { linesByName, files, totalBytes: isNatural(Number(total)) ? Number(total) : undefined };
}

export function formatCloseRecord(record: {
  readonly linesByName: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, string> | undefined;
  readonly totalBytes: number | undefined;
}): Buffer {
  const { linesByName, files, totalBytes } = record;
  let text = files === undefined ? '' : `${FILES_LINE} ${JSON.stringify({ files: Object.fromEntries(files) })}\n`;
  for (const line of linesByName.values()) text += `${line}\n`;
  const body = Buffer.from(text, 'latin1');
  const count = String(linesByName.size + (files === undefined ? 0 : 1));
  const total = totalBytes === undefined ? '-' : String(totalBytes);
  const covered = crc32c(Buffer.from(coveredHeader(count, total), 'latin1'));
  const crc = hexCrc(crc32cFrom(covered, body, 0, body.length));
  return Buffer.concat([Buffer.from(`${TYPE} ${VERSION} ${count} ${crc} ${total}\n`, 'latin1'), body]);
}

export function formatCloseRecordLine(name: string, closed: ClosedPartition): string {
  const { producers, ...facts } = closed;
  return `${name} ${JSON.stringify(facts)} ${producers.toBytes().toString('base64')}`;
}

/** undefined for a line that does not parse; the file's checksum has held, so that is one of an older mistake. */
export function parseCloseRecordLine(line: string): ClosedPartition | undefined {
  const [, json, producers] = line.split(' ');
  if (json === undefined || producers === undefined) return undefined;
  let facts: unknown;
  try {
    facts = parseStrictJson(json);
  } catch {
    return undefined;
  }
  if (!isClosedFacts(facts)) return undefined;
  const table = ProducerTable.fromBytes(Buffer.from(producers, 'base64'));
  return table === undefined ? undefined : { ...facts, producers: table };
}

/** The line of a log whose segments are being replaced: what it says of their content holds no more. */
export function withoutDigests(closed: ClosedPartition): ClosedPartition {
  const segments = closed.segments.map(({ baseOffset, logBytes, indexEntries, timeIndexEntries }) => {
    return { baseOffset, logBytes, indexEntries, timeIndexEntries };
  });
  return { ...closed, segments, gaps: true };
}

/** The digests of a segment's line as `SegmentFacts` has them. */
export function digestsOf(segment: ClosedSegment): {
  headsCrc: number | undefined;
  indexCrc: number | undefined;
  timeIndexCrc: number | undefined;
  largestTimestamp: bigint | undefined;
} {
  const { largestTimestamp } = segment;
  return {
    headsCrc: parseCrc(segment.heads),
    indexCrc: parseCrc(segment.index),
    timeIndexCrc: parseCrc(segment.timeIndex),
    largestTimestamp:
      largestTimestamp === undefined || largestTimestamp === null ? undefined : BigInt(largestTimestamp),
  };
}

function parseCrc(hex: string | null | undefined): number | undefined {
  return hex === undefined || hex === null ? undefined : Number.parseInt(hex, 16);
}

function coveredHeader(count: string, total: string): string {
  return `${count} ${total}\n`;
}

function parseFilesLine(line: string | undefined): ReadonlyMap<string, string> | undefined {
  if (line === undefined) return undefined;
  try {
    const facts = parseStrictJson(line.slice(FILES_LINE.length));
    return isDigestsByName(facts) ? new Map(Object.entries(facts.files)) : undefined;
  } catch {
    return undefined;
  }
}

/** A CRC as the record writes it: 8 hex digits. */
export function hexCrc(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
