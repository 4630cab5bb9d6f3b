/** Decompression of a batch's records for the log: few bytes on the spot, many off the main loop. */
import type { Env } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import { type Codec, decompressSync } from '../protocol/records/compression.ts';

/** Up to these sizes a decompression takes less time than handing it over. */
const INLINE_BYTES_MAX = 64 * 1024;
/** 8 KiB may hold 8 MiB, which take 20 ms: what holds more than this is done elsewhere, however short it came (B-6). */
const INLINE_OUTPUT_BYTES_MAX = 512 * 1024;

/**
 * The records, at once when they are few; a promise when they are decompressed off the main loop, which rejects with KafkaError
 * INVALID_RECORD when they do not decompress or exceed `maxOutputBytes`.
 */
export function undoCompression(
  env: Env,
  codec: Exclude<Codec, 'none'>,
  compressed: Buffer,
  maxOutputBytes: number,
): Buffer | Promise<Buffer> {
  if (compressed.length <= INLINE_BYTES_MAX) {
    try {
      return decompressSync(codec, compressed, Math.min(maxOutputBytes, INLINE_OUTPUT_BYTES_MAX));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      // It is broken, or it holds more: whoever has the time for it finds out.
    }
  }
  return env.offload.run({ kind: 'decompress', codec, bytes: compressed, maxOutputBytes }).catch((cause) => {
    throw cause instanceof KafkaError
      ? cause
      : new KafkaError('INVALID_RECORD', 'the records do not decompress', { cause });
  });
}
