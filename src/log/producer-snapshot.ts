/**
 * <20 digits>.snapshot of a partition directory, Kafka's ProducerStateManager; big endian:
 *
 *   0  int16  version = 1
 *   2  uint32 CRC32C of everything from byte 6
 *   6  int32  number of entries
 *   10 46 bytes an entry: the first part of what producer-entries.ts draws
 *
 * It holds the last batch of each producer only; the whole window is in our close record.
 */
import { crc32c } from '../kernel/crc32c.ts';
import { parseSnapshotEntry, producerEntryBytes, SNAPSHOT_ENTRY_BYTES } from './producer-entries.ts';
import type { ProducerEntry } from './producer-state.ts';
import { ProducerTable } from './producer-table.ts';

const VERSION = 1;
const HEADER_BYTES = 10;

export function formatProducerSnapshot(table: ProducerTable): Buffer {
  const entries = table.toBytes();
  const starts: number[] = [];
  for (let at = 0; at < entries.length; at += producerEntryBytes(entries, at)) starts.push(at);
  const bytes = Buffer.alloc(HEADER_BYTES + starts.length * SNAPSHOT_ENTRY_BYTES);
  for (const [index, at] of starts.entries()) {
    entries.copy(bytes, HEADER_BYTES + index * SNAPSHOT_ENTRY_BYTES, at, at + SNAPSHOT_ENTRY_BYTES);
  }
  bytes.writeInt16BE(VERSION, 0);
  bytes.writeInt32BE(starts.length, 6);
  bytes.writeUInt32BE(crc32c(bytes, 6, bytes.length), 2);
  return bytes;
}

/**
 * undefined when version, length or checksum is wrong: the state is then derived from the log. The file does not say when
 * the broker last saw a producer; `nowMs` is taken for it.
 */
export function parseProducerSnapshot(bytes: Buffer, nowMs: number): ProducerTable | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readInt16BE(0) !== VERSION) return undefined;
  const count = bytes.readInt32BE(6);
  if (bytes.length !== HEADER_BYTES + count * SNAPSHOT_ENTRY_BYTES) return undefined;
  if (crc32c(bytes, 6, bytes.length) !== bytes.readUInt32BE(2)) return undefined;
  const entries: ProducerEntry[] = [];
  for (let at = HEADER_BYTES; at < bytes.length; at += SNAPSHOT_ENTRY_BYTES) {
    const { newest, ...rest } = parseSnapshotEntry(bytes, at);
    entries.push({ ...rest, seenMs: nowMs, batches: newest === undefined ? [] : [newest] });
  }
  return ProducerTable.of(entries);
}
