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
import { type FoundRecord, forEachGroupRecord, type RecordSink } from './group-batch.ts';
import { LatestOffsets } from './latest-offsets.ts';

export interface LoadOptions {
  readonly env: Env;
  /** Of the partition, for the broker's log. */
  readonly name: string;
  readonly replay: (found: FoundRecord) => void;
  /** Nobody wants the state any more. */
  readonly isOver: () => boolean;
}

/** Records that are replayed before others get their turn. */
const REPLAYED_AT_A_TIME = 5000;

/**
 * Answers the offset behind the last batch, which is where the next append belongs. Of committed offsets that follow each other the
 * last alone may be replayed, and that later than what stands behind it.
 * @throws KafkaError as `CoordinatorLog.read`; GroupRecordError, KafkaError INVALID_RECORD for what cannot be read
 */
export async function loadLog(log: CoordinatorLog, options: LoadOptions): Promise<number> {
  const load = new Load(options);
  let offset = log.startOffset;
  while (!options.isOver()) {
    const chunk = await log.read(offset);
    try {
      if (chunk.slices.length === 0) break;
      for (const slice of chunk.slices) await load.slice(slice, offset);
    } finally {
      chunk.release();
    }
    offset = chunk.nextOffset;
    await load.othersTurn();
  }
  await load.finish();
  return offset;
}

interface PlainRecords {
  readonly records: Buffer;
  readonly start: number;
  readonly end: number;
}

class Load {
  readonly #options: LoadOptions;
  readonly #offsets = new LatestOffsets();
  #isTransactionTold = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** The first batch may begin below `fromOffset`, where the log's start lies inside of it: those records are deleted. */
  async slice(slice: Buffer, fromOffset: number): Promise<void> {
    const sink: RecordSink = {
      offset: (key, source, valueStart, valueEnd, offset, wallMs) => {
        if (offset >= fromOffset) this.#offsets.note(key, source, valueStart, valueEnd, offset, wallMs);
      },
      other: (found) => {
        if (found.offset >= fromOffset) this.#options.replay(found);
      },
    };
    for (let position = 0; position < slice.length; position += batch.batchBytes(slice, position)) {
      const found = this.#recordsOf(slice, position);
      // Most batches have nothing to wait for, and many hold one record.
      const records = found instanceof Promise ? await found : found;
      if (records !== undefined) forEachGroupRecord(slice, position, records, sink);
      if (this.#offsets.isFull) await this.finish();
    }
    this.#offsets.settle();
  }

  /** Replays the offsets that were not yet. */
  async finish(): Promise<void> {
    let count = 0;
    for (const found of this.#offsets.take()) {
      this.#options.replay(found);
      count += 1;
      if (count % REPLAYED_AT_A_TIME === 0) await this.othersTurn();
    }
  }

  othersTurn(): Promise<void> {
    return new Promise((resolve) => this.#options.env.clock.soon(resolve));
  }

  /** Where the records of a batch lie uncompressed; undefined where they do not count. */
  #recordsOf(slice: Buffer, position: number): PlainRecords | undefined | Promise<PlainRecords> {
    const { env, name } = this.#options;
    const attributes = batch.attributes(slice, position);
    if ((attributes & batch.CONTROL_BIT) !== 0) return undefined;
    if ((attributes & batch.TRANSACTIONAL_BIT) !== 0) {
      if (!this.#isTransactionTold) env.log.warn(`${name}: transactional records are passed over`);
      this.#isTransactionTold = true;
      return undefined;
    }
    const end = position + batch.batchBytes(slice, position);
    const start = position + batch.BATCH_HEADER_BYTES;
    const codec = codecOf(attributes);
    if (codec === undefined) throw new KafkaError('INVALID_RECORD', 'no codec has this number');
    if (codec === 'none') return { records: slice, start, end };
    const compressed = slice.subarray(start, end);
    const undone = undoCompression(env, codec, compressed, decompressedBytesMax(compressed.length));
    const plain = (records: Buffer): PlainRecords => ({ records, start: 0, end: records.length });
    return undone instanceof Promise ? undone.then(plain) : plain(undone);
  }
}
