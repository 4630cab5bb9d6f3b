/**
 * The part of an append that looks at bytes alone: header, CRC and records of one batch. It changes nothing, and is at once
 * except for large compressed batches, whose records are decompressed off the main loop.
 */
import type { Env } from '../kernel/env.ts';
import * as batch from '../protocol/records/batch.ts';
import type { LogConfig } from './log-config.ts';
import { undoCompression } from './undo-compression.ts';
import {
  type AppendOrigin,
  canWalk,
  checkBatchHeader,
  checkRecords,
  codecToUndo,
  decompressedBytesMax,
  type TimestampRange,
  timestampsOfHeader,
} from './validate-batch.ts';

export interface AppendRequest {
  /** One batch, in one piece or several. It is patched in place and must stay untouched until `written` settles. */
  readonly records: readonly Buffer[];
  readonly origin: AppendOrigin;
  /** The partition's leader epoch, from the metadata log. */
  readonly leaderEpoch: number;
  /** The offset that the batch must get; left out where any will do. */
  readonly expectedBaseOffset?: number;
  /** Of the Produce request; left out by callers inside the broker. */
  readonly apiVersion?: number;
}

export interface PreparedBatch {
  readonly bytes: Buffer;
  readonly timestamps: TimestampRange;
}

/** @throws KafkaError (or rejects with it) when the batch must not be appended */
export function prepareAppend(
  env: Env,
  request: AppendRequest,
  config: LogConfig,
): PreparedBatch | Promise<PreparedBatch> {
  const bytes = inOnePiece(request.records);
  checkBatchHeader(bytes, request.origin, config, request.apiVersion);
  const codec = codecToUndo(bytes);
  // A follower's leader has looked at the records; a codec that is missing here leaves the header to be believed.
  if (request.origin === 'follower' || (codec !== undefined && !canWalk(codec))) {
    return { bytes, timestamps: timestampsOfHeader(bytes) };
  }
  if (codec === undefined) return { bytes, timestamps: checkRecords(bytes, bytes, batch.BATCH_HEADER_BYTES, config) };
  const compressed = bytes.subarray(batch.BATCH_HEADER_BYTES);
  const records = undoCompression(env, codec, compressed, decompressedBytesMax(compressed.length));
  if (Buffer.isBuffer(records)) return { bytes, timestamps: checkRecords(bytes, records, 0, config) };
  return records.then((undone) => ({ bytes, timestamps: checkRecords(bytes, undone, 0, config) }));
}

function inOnePiece(records: readonly Buffer[]): Buffer {
  const [first] = records;
  if (first === undefined) return Buffer.alloc(0);
  return records.length === 1 ? first : Buffer.concat(records);
}
