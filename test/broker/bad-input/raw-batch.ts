/** Batches and records with everything wrong that can be, written byte by byte. */
import { gzipSync } from 'node:zlib';
import { type BatchOptions, batchOf, reseal } from '../../log/batches.ts';

/** A batch whose record section is these bytes, with length and CRC as they must be. */
export function batchWith(
  section: Uint8Array | readonly number[],
  options: BatchOptions & { readonly recordCount: number },
): Buffer {
  const header = batchOf([], { timestamp: BigInt(Date.now()), timestampDeltas: [0], ...options });
  const bytes = Buffer.concat([header.subarray(0, 61), Buffer.from(section)]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(options.lastOffsetDelta ?? options.recordCount - 1, 23);
  return reseal(bytes);
}

/** A proper batch of now. */
export function properBatch(values: readonly string[], options: BatchOptions = {}): Buffer {
  return batchOf(values, { timestamp: BigInt(Date.now()), ...options });
}

/** A batch of one record with this body behind its length. */
export function batchOfBody(...body: readonly (readonly number[] | Buffer)[]): Buffer {
  return batchWith(recordOf(...body), { recordCount: 1 });
}

export function recordOf(...body: readonly (readonly number[] | Buffer)[]): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** Zigzag. */
export function varint(value: number): Buffer {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  const bytes: number[] = [];
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Attributes, timestamp delta 0, offset delta 0: how a first record begins. */
export const HEAD = [0, 0, 0];
export const NULL = varint(-1);
export const NONE = varint(0);

/** Magic 0 or 1: a message set of one message. */
export function oldMessageSet(magic: 0 | 1): Buffer {
  const bytes = Buffer.alloc(magic === 0 ? 26 : 34);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(magic, 16);
  bytes.writeInt32BE(-1, bytes.length - 8);
  return bytes;
}

/** A gzip stream of so many zeros. */
export function gzipBomb(byteCount: number): Buffer {
  return gzipSync(Buffer.alloc(byteCount), { level: 9 });
}
