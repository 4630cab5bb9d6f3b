/**
 * `close-record` beside a broker's log directory (ours, not Kafka's): what every partition looked like when it was last
 * closed cleanly, so that the next open scans nothing and has each producer's whole window (Kafka's .snapshot has one batch
 * of each). Text lines:
 *
 *   streamctl-close-record 1 <number of lines that follow> <CRC32C of what follows, 8 hex digits>\n
 *   <topic>-<partition> <facts as JSON> <producers as base64>\n
 *
 * Lines of partitions that a process did not open are carried over as text. Producers, big endian, one after the other:
 *
 *   0 int64 producer id, 8 int16 epoch, 10 int32 coordinator epoch, 14 int64 last timestamp, 22 int64 first offset of the open
 *   transaction, 30 int64 seen (ms), 38 uint8 batches (n <= 5), then n times, oldest first:
 *   0 int32 last sequence, 4 int64 last offset, 12 int32 offset delta, 16 int64 timestamp
 *
 * A damaged file counts as none: all of it can be derived. One of a later version is refused.
 */
import { crc32c } from '../kernel/crc32c.ts';
import type { BatchMark, ProducerEntry, ProducerTable } from './producer-state.ts';

export const CLOSE_RECORD_FILE = 'close-record';

const TYPE = 'streamctl-close-record';
const VERSION = 1;
const PRODUCER_BYTES = 39;
const MARK_BYTES = 24;

/** A segment's files at the close; `maxTimestamp` in decimal. */
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
  return `${name} ${JSON.stringify(facts)} ${formatProducers(producers).toString('base64')}`;
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
  const table = parseProducers(Buffer.from(producers, 'base64'));
  return table === undefined ? undefined : { ...facts, producers: table };
}

function isClosedFacts(facts: unknown): facts is Omit<ClosedPartition, 'producers'> {
  if (typeof facts !== 'object' || facts === null) return false;
  return (
    'topicId' in facts && 'logStartOffset' in facts && 'endOffset' in facts && 'segments' in facts && 'active' in facts
  );
}

function formatProducers(table: ReadonlyMap<bigint, ProducerEntry>): Buffer {
  let byteCount = 0;
  for (const entry of table.values()) byteCount += PRODUCER_BYTES + entry.batches.length * MARK_BYTES;
  const bytes = Buffer.alloc(byteCount);
  let at = 0;
  for (const entry of table.values()) {
    bytes.writeBigInt64BE(entry.producerId, at);
    bytes.writeInt16BE(entry.epoch, at + 8);
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 10);
    bytes.writeBigInt64BE(entry.lastTimestamp, at + 14);
    bytes.writeBigInt64BE(BigInt(entry.transactionFirstOffset), at + 22);
    bytes.writeBigInt64BE(BigInt(entry.seenMs), at + 30);
    bytes.writeUInt8(entry.batches.length, at + 38);
    at += PRODUCER_BYTES;
    for (const mark of entry.batches) at = writeMark(bytes, at, mark);
  }
  return bytes;
}

function writeMark(bytes: Buffer, at: number, mark: BatchMark): number {
  bytes.writeInt32BE(mark.lastSequence, at);
  bytes.writeBigInt64BE(BigInt(mark.lastOffset), at + 4);
  bytes.writeInt32BE(mark.offsetDelta, at + 12);
  bytes.writeBigInt64BE(mark.timestamp, at + 16);
  return at + MARK_BYTES;
}

function parseProducers(bytes: Buffer): ProducerTable | undefined {
  const table: ProducerTable = new Map();
  let at = 0;
  while (at < bytes.length) {
    if (at + PRODUCER_BYTES > bytes.length) return undefined;
    const end = at + PRODUCER_BYTES + bytes.readUInt8(at + 38) * MARK_BYTES;
    if (end > bytes.length) return undefined;
    const batches: BatchMark[] = [];
    for (let mark = at + PRODUCER_BYTES; mark < end; mark += MARK_BYTES) batches.push(readMark(bytes, mark));
    const producerId = bytes.readBigInt64BE(at);
    table.set(producerId, {
      producerId,
      epoch: bytes.readInt16BE(at + 8),
      coordinatorEpoch: bytes.readInt32BE(at + 10),
      lastTimestamp: bytes.readBigInt64BE(at + 14),
      transactionFirstOffset: Number(bytes.readBigInt64BE(at + 22)),
      seenMs: Number(bytes.readBigInt64BE(at + 30)),
      batches,
    });
    at = end;
  }
  return table;
}

function readMark(bytes: Buffer, at: number): BatchMark {
  return {
    lastSequence: bytes.readInt32BE(at),
    lastOffset: Number(bytes.readBigInt64BE(at + 4)),
    offsetDelta: bytes.readInt32BE(at + 12),
    timestamp: bytes.readBigInt64BE(at + 16),
  };
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
