/** Record batches for the tests of the log: written byte by byte here, not by the code that the product writes them with. */
import { gzipSync } from 'node:zlib';
import { crc32cInJavaScript } from '../../src/kernel/crc32c.ts';

export interface BatchOptions {
  readonly producerId?: bigint;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly timestamp?: bigint;
  /** Of each record, relative to `timestamp`; 0, 1, 2, ... by default. */
  readonly timestampDeltas?: readonly number[];
  /** What the header says; the true maximum by default. */
  readonly maxTimestamp?: bigint;
  readonly attributes?: number;
  readonly gzip?: boolean;
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  readonly recordCount?: number;
  readonly lastOffsetDelta?: number;
  readonly offsetDeltas?: readonly number[];
}

export const DEFAULT_TIMESTAMP = 1_767_225_600_000n;

export function batchOf(values: readonly (string | Buffer)[], options: BatchOptions = {}): Buffer {
  const deltas = options.timestampDeltas ?? values.map((_, index) => index);
  const records = values.map((value, index) =>
    record(value, deltas[index] ?? 0, options.offsetDeltas?.[index] ?? index),
  );
  return assembleBatch(records, deltas, options);
}

/** The batch of these records, as bytes each; `timestampDeltas` are theirs, and say the maximum that the header tells. */
export function assembleBatch(
  records: readonly Buffer[],
  timestampDeltas: readonly number[],
  options: BatchOptions = {},
): Buffer {
  const plain = Buffer.concat(records);
  const section = options.gzip === true ? gzipSync(plain) : plain;
  const timestamp = options.timestamp ?? DEFAULT_TIMESTAMP;
  const bytes = Buffer.concat([Buffer.alloc(61), section]);
  bytes.writeBigInt64BE(BigInt(options.baseOffset ?? 0), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(options.leaderEpoch ?? -1, 12);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE((options.attributes ?? 0) | (options.gzip === true ? 1 : 0), 21);
  bytes.writeInt32BE(options.lastOffsetDelta ?? records.length - 1, 23);
  bytes.writeBigInt64BE(timestamp, 27);
  bytes.writeBigInt64BE(options.maxTimestamp ?? timestamp + BigInt(Math.max(0, ...timestampDeltas)), 35);
  bytes.writeBigInt64BE(options.producerId ?? -1n, 43);
  bytes.writeInt16BE(options.epoch ?? (options.producerId === undefined ? -1 : 0), 51);
  bytes.writeInt32BE(options.sequence ?? -1, 53);
  bytes.writeInt32BE(options.recordCount ?? records.length, 57);
  return reseal(bytes);
}

/** Puts the right CRC into a batch that was changed. */
export function reseal(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32cInJavaScript(bytes, 21, bytes.length), 17);
  return bytes;
}

function record(value: string | Buffer, timestampDelta: number, offsetDelta: number): Buffer {
  const bytes = Buffer.from(value);
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(offsetDelta),
    varint(-1),
    varint(bytes.length),
    bytes,
    varint(0),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** Zigzag, seven bits a byte, the low ones first. */
export function varint(value: number): Buffer {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  const out: number[] = [];
  while (rest > 127) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Buffer.from(out);
}

export interface SeenBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestamp: bigint;
  /** The batch without base offset and leader epoch, which a broker sets. */
  readonly body: Buffer;
}

/** Splits what a read returned. */
export function splitBatches(slices: readonly Buffer[]): SeenBatch[] {
  const bytes = Buffer.concat(slices);
  const seen: SeenBatch[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    const baseOffset = Number(bytes.readBigInt64BE(at));
    seen.push({
      baseOffset,
      lastOffset: baseOffset + bytes.readInt32BE(at + 23),
      leaderEpoch: bytes.readInt32BE(at + 12),
      maxTimestamp: bytes.readBigInt64BE(at + 35),
      body: Buffer.from(bytes.subarray(at + 16, end)),
    });
    at = end;
  }
  return seen;
}
