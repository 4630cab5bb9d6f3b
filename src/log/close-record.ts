/**
 * `close-record` beside a broker's log directory (ours, not Kafka's): what every partition looked like when it was last
 * closed cleanly, so that the next open scans nothing and has each producer's whole window (Kafka's .snapshot has one batch
 * of each). Text lines:
 *
 *   streamctl-close-record 1 <number of lines that follow> <CRC32C of what follows, 8 hex digits>\n
 *   <topic>-<partition> <facts as JSON> <producers as base64>\n
 *
 * Lines of partitions that a process did not open are carried over as text, and so are the producers that wrote nothing
 * (producer-entries.ts draws their bytes).
 *
 * A damaged file counts as none: all of it can be derived. One of a later version is refused.
 */
import { crc32c } from '../kernel/crc32c.ts';
import { ProducerTable } from './producer-table.ts';

export const CLOSE_RECORD_FILE = 'close-record';

const TYPE = 'streamctl-close-record';
const VERSION = 1;

/** A segment's files at the close. */
export interface ClosedSegment {
  readonly baseOffset: number;
  readonly logBytes: number;
  readonly indexEntries: number;
  readonly timeIndexEntries: number;
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
  readonly producers: ProducerTable;
}

/** A file of ours that a later release wrote. Nothing in its directory may be changed by this one. */
export class UnknownFormatError extends Error {
  override readonly name = 'UnknownFormatError';
}

/** Lines by partition name; undefined when the file is damaged. @throws UnknownFormatError */
export function parseCloseRecord(bytes: Buffer): Map<string, string> | undefined {
  const headerEnd = bytes.indexOf(10);
  const [type, version, count, crc] = bytes.toString('latin1', 0, Math.max(headerEnd, 0)).split(' ');
  if (type !== TYPE) return undefined;
  if (version !== String(VERSION)) {
    throw new UnknownFormatError(`${CLOSE_RECORD_FILE} has format version ${version}; this release knows ${VERSION}`);
  }
  if (crc !== hex(crc32c(bytes, headerEnd + 1, bytes.length))) return undefined;
  const linesByName = new Map<string, string>();
  const lines = bytes.toString('latin1', headerEnd + 1).split('\n');
  lines.pop();
  for (const line of lines) linesByName.set(line.slice(0, line.indexOf(' ')), line);
  return linesByName.size === Number(count) ? linesByName : undefined;
}

export function formatCloseRecord(linesByName: ReadonlyMap<string, string>): Buffer {
  let text = '';
  for (const line of linesByName.values()) text += `${line}\n`;
  const body = Buffer.from(text, 'latin1');
  const header = `${TYPE} ${VERSION} ${linesByName.size} ${hex(crc32c(body, 0, body.length))}\n`;
  return Buffer.concat([Buffer.from(header, 'latin1'), body]);
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
    facts = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isClosedFacts(facts)) return undefined;
  const table = ProducerTable.fromBytes(Buffer.from(producers, 'base64'));
  return table === undefined ? undefined : { ...facts, producers: table };
}

function isClosedFacts(facts: unknown): facts is Omit<ClosedPartition, 'producers'> {
  if (typeof facts !== 'object' || facts === null) return false;
  return (
    'topicId' in facts && 'logStartOffset' in facts && 'endOffset' in facts && 'segments' in facts && 'active' in facts
  );
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
