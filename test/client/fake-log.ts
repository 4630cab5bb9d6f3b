/** One partition of the fake broker: batches in memory, and Kafka's rules for idempotent producers (contract 3.4). */

import type { ErrorName } from '../../src/protocol/errors.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { codecOf, decompressSync } from '../../src/protocol/records/compression.ts';
import { forEachRecord, walkRecords } from '../../src/protocol/records/record-walk.ts';

interface RememberedBatch {
  readonly first: number;
  readonly last: number;
  readonly baseOffset: number;
}

export interface FakeRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: bigint;
}

const WINDOW = 5;

export class FakeLog {
  readonly batches: Buffer[] = [];
  readonly #windows = new Map<bigint, RememberedBatch[]>();
  logStartOffset = 0;
  endOffset = 0;

  /** Copies the batch. */
  append(records: Buffer): { error: ErrorName; baseOffset: number } {
    const bytes = Buffer.from(records);
    if (bytes.length !== batch.batchBytes(bytes, 0)) return { error: 'INVALID_RECORD', baseOffset: -1 };
    if (batch.baseOffset(bytes, 0) !== 0) return { error: 'INVALID_RECORD', baseOffset: -1 };
    if (batch.crc(bytes, 0) !== batch.computeCrc(bytes, 0)) return { error: 'CORRUPT_MESSAGE', baseOffset: -1 };
    const count = batch.recordCount(bytes, 0);
    const { records: section } = recordSection(bytes);
    const walked = walkRecords(section, 0, section.length, count);
    if (batch.maxTimestamp(bytes, 0) !== batch.baseTimestamp(bytes, 0) + BigInt(walked.maxTimestampDelta)) {
      return { error: 'INVALID_TIMESTAMP', baseOffset: -1 };
    }
    const producerId = batch.producerId(bytes, 0);
    if (producerId >= 0n) {
      const known = this.#checkSequence(producerId, batch.baseSequence(bytes, 0), count);
      if (known !== undefined) return known;
    }
    const baseOffset = this.endOffset;
    this.store(bytes, count);
    return { error: 'NONE', baseOffset };
  }

  /** Appends a batch as it is, giving it the next offset. */
  store(bytes: Buffer, offsetCount: number): void {
    batch.patchBaseOffset(bytes, 0, this.endOffset);
    this.endOffset += offsetCount;
    this.batches.push(bytes);
  }

  /** The broker has lost what it knew of producers. */
  forgetProducers(): void {
    this.#windows.clear();
  }

  /** Whole batches from the one that holds `offset` on, at least one, about `maxBytes`. */
  read(offset: number, maxBytes: number): Buffer {
    const slices: Buffer[] = [];
    let byteCount = 0;
    for (const bytes of this.batches) {
      if (batch.lastOffset(bytes, 0) < offset) continue;
      if (slices.length > 0 && byteCount + bytes.length > maxBytes) break;
      slices.push(bytes);
      byteCount += bytes.length;
    }
    return Buffer.concat(slices);
  }

  records(): FakeRecord[] {
    const found: FakeRecord[] = [];
    for (const bytes of this.batches) {
      const { records } = recordSection(bytes);
      const baseOffset = batch.baseOffset(bytes, 0);
      const baseTimestamp = batch.baseTimestamp(bytes, 0);
      forEachRecord(records, 0, records.length, batch.recordCount(bytes, 0), (record) => {
        const text = (start: number, end: number) => (start < 0 ? null : records.toString('latin1', start, end));
        found.push({
          offset: baseOffset + record.offsetDelta,
          key: text(record.keyStart, record.keyEnd),
          value: text(record.valueStart, record.valueEnd),
          timestamp: baseTimestamp + BigInt(record.timestampDelta),
        });
      });
    }
    return found;
  }

  /** What to answer without appending. */
  #checkSequence(
    producerId: bigint,
    first: number,
    count: number,
  ): { error: ErrorName; baseOffset: number } | undefined {
    const last = (first + count - 1) % 2 ** 31;
    const window = this.#windows.get(producerId);
    const known = window?.find((item) => item.first === first && item.last === last);
    if (known !== undefined) return { error: 'NONE', baseOffset: known.baseOffset };
    const previous = window?.at(-1);
    if (previous !== undefined && first !== (previous.last + 1) % 2 ** 31) {
      return { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', baseOffset: -1 };
    }
    this.#windows.set(producerId, [...(window ?? []), { first, last, baseOffset: this.endOffset }].slice(-WINDOW));
    return undefined;
  }
}

function recordSection(bytes: Buffer): { records: Buffer } {
  const codec = codecOf(batch.attributes(bytes, 0)) ?? 'none';
  return { records: decompressSync(codec, bytes.subarray(batch.BATCH_HEADER_BYTES), 1 << 30) };
}
