/** Decompression of a batch's records for the log: small ones on the spot, large ones off the main loop. */
import type { Env } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import { type Codec, decompressSync } from '../protocol/records/compression.ts';

/** Up to this size a decompression takes less time than handing it over. */
const INLINE_BYTES_MAX = 64 * 1024;

/**
 * The records, at once when they are few; a promise when they are decompressed off the main loop.
 * @throws KafkaError INVALID_RECORD (or rejects with it) when they do not decompress or exceed `maxOutputBytes`
 */
export function undoCompression(
  env: Env,
  codec: Exclude<Codec, 'none'>,
  compressed: Buffer,
  maxOutputBytes: number,
): Buffer | Promise<Buffer> {
  if (compressed.length <= INLINE_BYTES_MAX) return decompressSync(codec, compressed, maxOutputBytes);
  return env.offload.run({ kind: 'decompress', codec, bytes: compressed, maxOutputBytes }).catch((cause) => {
    throw cause instanceof KafkaError
      ? cause
      : new KafkaError('INVALID_RECORD', 'the records do not decompress', { cause });
  });
}
