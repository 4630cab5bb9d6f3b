/**
 * <20 digits>.snapshot of a partition directory, Kafka's ProducerStateManager; big endian:
 *
 *   0  int16  version = 1
 *   2  uint32 CRC32C of everything from byte 6
 *   6  int32  number of entries
 *   10 46 bytes an entry: int64 producer id, int16 epoch, int32 last sequence, int64 last offset, int32 offset delta,
 *      int64 timestamp, int32 coordinator epoch, int64 first offset of the open transaction (-1 none)
 *
 * It holds the last batch of each producer only; the whole window is in our close record. A producer without a batch
 * (a marker alone) has sequence -1 and offset -1.
 */
import { crc32c } from '../kernel/crc32c.ts';
import type { BatchMark, ProducerEntry, ProducerTable } from './producer-state.ts';

const VERSION = 1;
const HEADER_BYTES = 10;
const ENTRY_BYTES = 46;

export function formatProducerSnapshot(table: ReadonlyMap<bigint, ProducerEntry>): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + table.size * ENTRY_BYTES);
  let at = HEADER_BYTES;
  for (const entry of table.values()) {
    const newest = entry.batches[entry.batches.length - 1];
    bytes.writeBigInt64BE(entry.producerId, at);
    bytes.writeInt16BE(entry.epoch, at + 8);
    bytes.writeInt32BE(newest?.lastSequence ?? -1, at + 10);
    bytes.writeBigInt64BE(BigInt(newest?.lastOffset ?? -1), at + 14);
    bytes.writeInt32BE(newest?.offsetDelta ?? 0, at + 22);
    bytes.writeBigInt64BE(entry.lastTimestamp, at + 26);
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34);
    bytes.writeBigInt64BE(BigInt(entry.transactionFirstOffset), at + 38);
    at += ENTRY_BYTES;
  }
  bytes.writeInt16BE(VERSION, 0);
  bytes.writeInt32BE(table.size, 6);
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
  if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) return undefined;
  if (crc32c(bytes, 6, bytes.length) !== bytes.readUInt32BE(2)) return undefined;
  const table: ProducerTable = new Map();
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const entry = parseEntry(bytes, at, nowMs);
    table.set(entry.producerId, entry);
  }
  return table;
}

function parseEntry(bytes: Buffer, at: number, nowMs: number): ProducerEntry {
  const mark: BatchMark = {
    lastSequence: bytes.readInt32BE(at + 10),
    lastOffset: Number(bytes.readBigInt64BE(at + 14)),
    offsetDelta: bytes.readInt32BE(at + 22),
    timestamp: bytes.readBigInt64BE(at + 26),
  };
  return {
    producerId: bytes.readBigInt64BE(at),
    epoch: bytes.readInt16BE(at + 8),
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    lastTimestamp: mark.timestamp,
    seenMs: nowMs,
    transactionFirstOffset: Number(bytes.readBigInt64BE(at + 38)),
    batches: mark.lastSequence >= 0 ? [mark] : [],
  };
}
