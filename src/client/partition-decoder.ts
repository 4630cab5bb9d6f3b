import type { Env } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { decompress } from '../protocol/records/compression.ts';
import { ClientError } from './client-error.ts';
import type { ConsumeOptions } from './consumer.ts';
import { DecodableBatch, openBatch, type Packing, RECORDS_BYTES_MAX, type WantedOffsets } from './decodable-batch.ts';
import type { FetchedPartition, PartitionCursor } from './fetch-request.ts';
import { checkBatch, TransactionFilter, wholeBatches } from './fetched-batches.ts';
import { decodeRecords } from './record-decoder.ts';
import type { RecordOutput } from './record-output.ts';
import type { RecordSink } from './record-view.ts';
import { decodeValues } from './value-decoder.ts';

/** Above this, decompression leaves the main loop to others. */
const OFFLOAD_BYTES_MIN = 64 << 10;
/** So much is decoded without a break. */
const YIELD_BYTES = 512 << 10;

/** Turns fetched bytes into output, one partition's answer after the other, and counts towards the limit. */
export class PartitionDecoder {
  readonly #env: Env;
  readonly #options: ConsumeOptions;
  readonly #output: RecordOutput;
  readonly #sink: RecordSink | undefined;
  /** Whether the output is told how far each partition is read. */
  readonly #marks: boolean;
  #recordsWanted: number;
  #sinceYieldBytes = 0;

  constructor(env: Env, options: ConsumeOptions, output: RecordOutput, marks = false) {
    this.#env = env;
    this.#options = options;
    this.#output = output;
    this.#sink = options.sink?.(output);
    this.#marks = marks;
    this.#recordsWanted = options.maxRecords ?? Infinity;
  }

  /** How many more records are to be written. */
  get recordsWanted(): number {
    return this.#recordsWanted;
  }

  /** Reading goes on elsewhere, without what would come next. */
  moved(cursor: PartitionCursor): void {
    if (!this.#marks) return;
    this.#output.mark(cursor, cursor.fetchOffset);
    this.#output.flush();
  }

  /**
   * Decodes all whole batches of the answer, waiting for the output where it is full. Ends early when the limit is reached
   * or `mustStop` says so. Throws `ClientError` of kind `data` for what is damaged.
   */
  async decode(
    cursor: PartitionCursor,
    fetched: FetchedPartition,
    wanted: WantedOffsets,
    mustStop: () => boolean,
  ): Promise<void> {
    const where = `topic '${cursor.topic}' partition ${cursor.partition}`;
    const isCommittedOnly = this.#options.isolation === 'read_committed';
    const filter = new TransactionFilter(isCommittedOnly ? fetched.abortedTransactions : null);
    const unpack = (codec: Packing, packed: Buffer) => this.#unpack(codec, packed);
    for (const item of wholeBatches(fetched.records ?? [])) {
      checkBatch(item, where);
      const isWanted = filter.wants(item) && batch.recordCount(item.bytes, item.position) > 0;
      const nextOffset = batch.lastOffset(item.bytes, item.position) + 1;
      if (!isWanted || nextOffset <= wanted.fromOffset) {
        if (this.#marks && nextOffset > wanted.fromOffset) {
          this.#output.mark(cursor, Math.min(nextOffset, wanted.untilOffset));
        }
        continue;
      }
      try {
        // Small batches are many: only what must wait does.
        const opened = openBatch(cursor, item, wanted, unpack);
        const decodable = opened instanceof DecodableBatch ? opened : await opened;
        while (decodable.recordsLeft > 0 && !mustStop()) {
          this.#decodeSome(decodable);
          if (this.#marks) this.#output.mark(cursor, Math.max(wanted.fromOffset, decodable.nextOffset));
          if (this.#output.isFull) await this.#output.room();
        }
        this.#sinceYieldBytes += item.end - item.position;
        if (this.#sinceYieldBytes >= YIELD_BYTES) await this.#yield();
      } catch (error) {
        throw damaged(error, `${where}, offset ${batch.baseOffset(item.bytes, item.position)}`);
      }
      if (mustStop()) return;
    }
  }

  /** Lets others on the loop have their turn: the socket with the next answer, and whoever lives on our broker. */
  async #yield(): Promise<void> {
    this.#sinceYieldBytes = 0;
    await new Promise<void>((resolve) => this.#env.clock.soon(resolve));
  }

  #decodeSome(decodable: DecodableBatch): void {
    this.#recordsWanted -=
      this.#sink === undefined
        ? decodeValues(decodable, this.#options.delimiter, this.#output, this.#recordsWanted)
        : decodeRecords(decodable, this.#sink, this.#output, this.#recordsWanted);
  }

  async #unpack(codec: Packing, packed: Buffer): Promise<Buffer> {
    if (packed.length < OFFLOAD_BYTES_MIN) return await decompress(codec, packed, RECORDS_BYTES_MAX);
    const task = { kind: 'decompress', codec, bytes: packed, maxOutputBytes: RECORDS_BYTES_MAX } as const;
    return await this.#env.offload.run(task);
  }
}

/** Only bytes that are not what their checksum or codec promised make these errors. */
function damaged(error: unknown, where: string): unknown {
  if (error instanceof KafkaError && error.errorName === 'UNSUPPORTED_COMPRESSION_TYPE') {
    return new ClientError('usage', `${where}: ${error.message}`, { cause: error });
  }
  if (error instanceof KafkaError || error instanceof RangeError) {
    return new ClientError('data', `${where}: ${error.message}`, { cause: error });
  }
  return error;
}
