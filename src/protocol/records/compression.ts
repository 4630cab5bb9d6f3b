/**
 * The codecs of a batch's record section (attributes bits 0 to 2; contract 3.2). The section is one stream.
 *
 *     gzip    RFC 1952, members one after the other
 *     snappy  read: one raw block, or xerial's framing of several; written: one raw block, as librdkafka does
 *     lz4     LZ4 frame; written with independent 64 KiB blocks and no checksums, as Java does
 *     zstd    frames one after the other; by Node's own zlib where it has zstd, else by an optional package
 *
 * All input is hostile: no decompression makes more than `maxOutputBytes` (zstd by the package: four times that for a moment).
 */
import { gunzip, gunzipSync, gzip } from 'node:zlib';
import { KafkaError } from '../errors.ts';
import { lz4Frame, readLz4Frames } from './lz4.ts';
import { readSnappy, snappyBlock } from './snappy.ts';
import { unzstd, unzstdSync, zstd, zstdAvailable } from './zstd.ts';

/** By id. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof CODECS)[number];

/** undefined for the ids 5 to 7, which nobody may write. */
export function codecOf(attributes: number): Codec | undefined {
  return CODECS[attributes & 7];
}

export function codecId(codec: Codec): number {
  return CODECS.indexOf(codec);
}

/** False only for zstd on an older Node without the optional package. */
export function codecAvailable(codec: Codec): boolean {
  return codec !== 'zstd' || zstdAvailable();
}

/** Throws KafkaError UNSUPPORTED_COMPRESSION_TYPE, which says what to install, when the codec is not there. */
export async function compress(codec: Codec, bytes: Uint8Array): Promise<Buffer> {
  switch (codec) {
    case 'none':
      return asBuffer(bytes);
    case 'gzip':
      return await new Promise((resolve, reject) => {
        gzip(bytes, (error, output) => (error === null ? resolve(output) : reject(error)));
      });
    case 'snappy':
      return await snappyBlock(bytes);
    case 'lz4':
      return await lz4Frame(bytes);
    case 'zstd':
      return await zstd(bytes);
  }
}

/**
 * Gzip and zstd work on a pool thread, the others before this returns. Throws KafkaError INVALID_RECORD when the bytes are
 * no stream of the codec or hold more than `maxOutputBytes`; UNSUPPORTED_COMPRESSION_TYPE as `compress`.
 */
export async function decompress(codec: Codec, bytes: Uint8Array, maxOutputBytes: number): Promise<Buffer> {
  try {
    switch (codec) {
      case 'gzip':
        return await new Promise((resolve, reject) => {
          gunzip(bytes, gunzipLimit(maxOutputBytes), (error, output) =>
            error === null ? resolve(output) : reject(error),
          );
        });
      case 'zstd':
        return await unzstd(asBuffer(bytes), maxOutputBytes);
      default:
        return decompressSync(codec, bytes, maxOutputBytes);
    }
  } catch (error) {
    throw asInvalidRecord(codec, error);
  }
}

/** As `decompress`, on this thread: for sections that are small, or in a worker. */
export function decompressSync(codec: Codec, bytes: Uint8Array, maxOutputBytes: number): Buffer {
  try {
    switch (codec) {
      case 'none':
        return asBuffer(bytes);
      case 'gzip':
        return gunzipSync(bytes, gunzipLimit(maxOutputBytes));
      case 'snappy':
        return readSnappy(asBuffer(bytes), maxOutputBytes);
      case 'lz4':
        return readLz4Frames(asBuffer(bytes), maxOutputBytes);
      case 'zstd':
        return unzstdSync(asBuffer(bytes), maxOutputBytes);
    }
  } catch (error) {
    throw asInvalidRecord(codec, error);
  }
}

/** zlib takes no limit of 0. */
function gunzipLimit(maxOutputBytes: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, maxOutputBytes) };
}

function asInvalidRecord(codec: Codec, error: unknown): KafkaError {
  return error instanceof KafkaError
    ? error
    : new KafkaError('INVALID_RECORD', `the records are not valid ${codec}`, { cause: error });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
