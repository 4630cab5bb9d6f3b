/**
 * A shard's log from its start to its end, record by record, as they are replayed when a coordinator takes the partition over.
 * Transactional batches are passed over, for nobody can commit them here; so are markers, and types of records that came later.
 * Source: Kafka's CoordinatorLoaderImpl.java.
 */
import type { Env } from '../kernel/env.ts';
import { undoCompression } from '../log/undo-compression.ts';
import { decompressedBytesMax } from '../log/validate-batch.ts';
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecOf } from '../protocol/records/compression.ts';
import type { CoordinatorLog } from './coordinator-log.ts';
import { type FoundRecord, forEachGroupRecord } from './group-batch.ts';

export interface LoadOptions {
  readonly env: Env;
  /** Of the partition, for the broker's log. */
  readonly name: string;
  readonly replay: (found: FoundRecord) => void;
  /** Nobody wants the state any more. */
  readonly isOver: () => boolean;
}

/**
 * Answers the offset behind the last batch, which is where the next append belongs.
 * @throws KafkaError as `CoordinatorLog.read`; GroupRecordError, KafkaError INVALID_RECORD for what cannot be read
 */
export async function loadLog(log: CoordinatorLog, options: LoadOptions): Promise<number> {
  const told = { transactions: false };
  let offset = log.startOffset;
  while (!options.isOver()) {
    const chunk = await log.read(offset);
    try {
      if (chunk.slices.length === 0) return offset;
      for (const slice of chunk.slices) await replaySlice(slice, offset, options, told);
    } finally {
      chunk.release();
    }
    offset = chunk.nextOffset;
    await new Promise<void>((resolve) => options.env.clock.soon(resolve));
  }
  return offset;
}

/** The first batch may begin below `fromOffset`, where the log's start lies inside of it: those records are deleted. */
async function replaySlice(
  slice: Buffer,
  fromOffset: number,
  options: LoadOptions,
  told: { transactions: boolean },
): Promise<void> {
  const replay = (found: FoundRecord): void => {
    if (found.offset >= fromOffset) options.replay(found);
  };
  for (let position = 0; position < slice.length; position += batch.batchBytes(slice, position)) {
    const attributes = batch.attributes(slice, position);
    if ((attributes & batch.CONTROL_BIT) !== 0) continue;
    if ((attributes & batch.TRANSACTIONAL_BIT) !== 0) {
      if (!told.transactions) options.env.log.warn(`${options.name}: transactional records are passed over`);
      told.transactions = true;
      continue;
    }
    const end = position + batch.batchBytes(slice, position);
    const start = position + batch.BATCH_HEADER_BYTES;
    const codec = codecOf(attributes);
    if (codec === undefined) throw new KafkaError('INVALID_RECORD', 'no codec has this number');
    if (codec === 'none') {
      forEachGroupRecord(slice, position, { records: slice, start, end }, replay);
      continue;
    }
    const compressed = slice.subarray(start, end);
    const records = await undoCompression(options.env, codec, compressed, decompressedBytesMax(compressed.length));
    forEachGroupRecord(slice, position, { records, start: 0, end: records.length }, replay);
  }
}
