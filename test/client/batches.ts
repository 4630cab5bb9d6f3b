/** Batches written record by record, the slow and plain way: what the client's own loops are tested against. */
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../../src/kernel/varint.ts';
import * as batch from '../../src/protocol/records/batch.ts';

export interface PlainRecord {
  readonly key?: string | null;
  readonly value: string | null;
  readonly timestampDelta?: number;
  /** The record's number when left out. */
  readonly offsetDelta?: number;
  readonly headers?: readonly (readonly [name: string, value: string | null])[];
}

export interface PlainBatchOptions {
  readonly attributes?: number;
  readonly baseTimestamp?: bigint;
  readonly maxTimestamp?: bigint;
  readonly lastOffsetDelta?: number;
  readonly producerId?: bigint;
  /** The record section as it is to stand there, in place of `records` written one by one, and how many it holds. */
  readonly records?: Buffer;
  readonly count?: number;
}

/** Texts are latin1: one byte a character. */
export function dataBatch(records: readonly PlainRecord[], options: PlainBatchOptions = {}): Buffer {
  const section = options.records ?? Buffer.concat(records.map((record, index) => recordBytes(record, index)));
  const bytes = Buffer.concat([Buffer.alloc(batch.BATCH_HEADER_BYTES), section]);
  const count = options.count ?? records.length;
  const baseTimestamp = options.baseTimestamp ?? 0n;
  const maxDelta = Math.max(0, ...records.map(({ timestampDelta }) => timestampDelta ?? 0));
  batch.sealBatch(bytes, 0, bytes.length, {
    baseOffset: 0,
    leaderEpoch: 0,
    attributes: options.attributes ?? 0,
    lastOffsetDelta: options.lastOffsetDelta ?? count - 1,
    baseTimestamp,
    maxTimestamp: options.maxTimestamp ?? baseTimestamp + BigInt(maxDelta),
    producerId: options.producerId ?? -1n,
    producerEpoch: 0,
    baseSequence: 0,
    recordCount: count,
  });
  return bytes;
}

/** The marker that ends a transaction (contract 3.5). */
export function controlBatch(producerId: bigint, kind: 'abort' | 'commit'): Buffer {
  const record = { key: `\0\0\0${kind === 'commit' ? '\x01' : '\0'}`, value: '\0\0\0\0\0\0' };
  return dataBatch([record], { producerId, attributes: batch.CONTROL_BIT | batch.TRANSACTIONAL_BIT });
}

function recordBytes(record: PlainRecord, index: number): Buffer {
  const timestampDelta = record.timestampDelta ?? 0;
  const body = Buffer.concat([
    Buffer.alloc(1),
    write(varlongBytes(timestampDelta), (target) => writeVarlong(target, 0, timestampDelta)),
    varint(record.offsetDelta ?? index),
    field(record.key ?? null),
    field(record.value),
    varint(record.headers?.length ?? 0),
    ...(record.headers ?? []).flatMap(([name, value]) => [field(name), field(value)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

function field(text: string | null): Buffer {
  return text === null ? varint(-1) : Buffer.concat([varint(text.length), Buffer.from(text, 'latin1')]);
}

function varint(value: number): Buffer {
  return write(varintBytes(value), (target) => writeVarint(target, 0, value));
}

function write(byteCount: number, fill: (target: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(byteCount);
  fill(bytes);
  return bytes;
}
