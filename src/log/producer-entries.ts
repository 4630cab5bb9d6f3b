/**
 * Producers as bytes, big endian. A Kafka snapshot entry first, so that a snapshot is made by copying:
 *
 *   0  int64 producer id, 8 int16 epoch, 10 int32 last sequence, 14 int64 last offset, 22 int32 offset delta,
 *   26 int64 timestamp, 34 int32 coordinator epoch, 38 int64 first offset of the open transaction (-1 none)
 *   46 int64 when the broker last saw it, ms
 *   54 uint8 number of older batches (n <= 4)
 *   55 n times, oldest first: int32 last sequence, int64 last offset, int32 offset delta, int64 timestamp
 *
 * The timestamp at 26 is that of the newest batch, or of the marker that came after it. A producer without a batch (a marker
 * alone) has sequence -1 and offset -1.
 */
import { type BatchMark, PRODUCER_WINDOW_BATCHES, type ProducerEntry } from './producer-state.ts';

/** Kafka's part of an entry. */
export const SNAPSHOT_ENTRY_BYTES = 46;

const SEEN_OFFSET = 46;
const OLDER_COUNT_OFFSET = 54;
const OLDER_OFFSET = 55;
const MARK_BYTES = 24;
const ID_HIGH_SHIFT = 32n;

/** Size of the entry at `at`; 0 when the bytes hold no whole entry there. */
export function producerEntryBytes(bytes: Buffer, at: number): number {
  if (at + OLDER_OFFSET > bytes.length) return 0;
  const olderCount = bytes.readUInt8(at + OLDER_COUNT_OFFSET);
  const size = OLDER_OFFSET + olderCount * MARK_BYTES;
  return olderCount < PRODUCER_WINDOW_BATCHES && at + size <= bytes.length ? size : 0;
}

export function seenMsOf(bytes: Buffer, at: number): number {
  return Number(bytes.readBigInt64BE(at + SEEN_OFFSET));
}

export function transactionFirstOffsetOf(bytes: Buffer, at: number): number {
  return Number(bytes.readBigInt64BE(at + 38));
}

/** Where the entry of `producerId` is, -1 when there is none. The bytes hold whole entries. */
export function findProducerEntry(bytes: Buffer, producerId: bigint): number {
  const high = Number(BigInt.asIntN(32, producerId >> ID_HIGH_SHIFT));
  const low = Number(BigInt.asIntN(32, producerId));
  for (let at = 0; at < bytes.length; at += producerEntryBytes(bytes, at)) {
    if (bytes.readInt32BE(at + 4) === low && bytes.readInt32BE(at) === high) return at;
  }
  return -1;
}

export function parseProducerEntry(bytes: Buffer, at: number): ProducerEntry {
  const batches: BatchMark[] = [];
  const olderCount = bytes.readUInt8(at + OLDER_COUNT_OFFSET);
  for (let index = 0; index < olderCount; index++) {
    const mark = at + OLDER_OFFSET + index * MARK_BYTES;
    batches.push({
      lastSequence: bytes.readInt32BE(mark),
      lastOffset: Number(bytes.readBigInt64BE(mark + 4)),
      offsetDelta: bytes.readInt32BE(mark + 12),
      timestamp: bytes.readBigInt64BE(mark + 16),
    });
  }
  const { newest, ...rest } = parseSnapshotEntry(bytes, at);
  if (newest !== undefined) batches.push(newest);
  return { ...rest, seenMs: seenMsOf(bytes, at), batches };
}

/** Kafka's part of an entry. */
export function parseSnapshotEntry(
  bytes: Buffer,
  at: number,
): Omit<ProducerEntry, 'seenMs' | 'batches'> & { readonly newest: BatchMark | undefined } {
  const newest: BatchMark = {
    lastSequence: bytes.readInt32BE(at + 10),
    lastOffset: Number(bytes.readBigInt64BE(at + 14)),
    offsetDelta: bytes.readInt32BE(at + 22),
    timestamp: bytes.readBigInt64BE(at + 26),
  };
  return {
    producerId: bytes.readBigInt64BE(at),
    epoch: bytes.readInt16BE(at + 8),
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    lastTimestamp: newest.timestamp,
    transactionFirstOffset: transactionFirstOffsetOf(bytes, at),
    newest: newest.lastSequence >= 0 ? newest : undefined,
  };
}

export function formatProducerEntry(entry: ProducerEntry): Buffer {
  const older = entry.batches.slice(0, -1);
  const newest = entry.batches[entry.batches.length - 1];
  const bytes = Buffer.alloc(OLDER_OFFSET + older.length * MARK_BYTES);
  bytes.writeBigInt64BE(entry.producerId, 0);
  bytes.writeInt16BE(entry.epoch, 8);
  bytes.writeInt32BE(newest?.lastSequence ?? -1, 10);
  bytes.writeBigInt64BE(BigInt(newest?.lastOffset ?? -1), 14);
  bytes.writeInt32BE(newest?.offsetDelta ?? 0, 22);
  bytes.writeBigInt64BE(entry.lastTimestamp, 26);
  bytes.writeInt32BE(entry.coordinatorEpoch, 34);
  bytes.writeBigInt64BE(BigInt(entry.transactionFirstOffset), 38);
  bytes.writeBigInt64BE(BigInt(entry.seenMs), SEEN_OFFSET);
  bytes.writeUInt8(older.length, OLDER_COUNT_OFFSET);
  for (const [index, mark] of older.entries()) {
    const at = OLDER_OFFSET + index * MARK_BYTES;
    bytes.writeInt32BE(mark.lastSequence, at);
    bytes.writeBigInt64BE(BigInt(mark.lastOffset), at + 4);
    bytes.writeInt32BE(mark.offsetDelta, at + 12);
    bytes.writeBigInt64BE(mark.timestamp, at + 16);
  }
  return bytes;
}
