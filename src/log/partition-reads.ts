/** Reads of a partition's log, and look-ups by time, while its end grows and its beginning may be deleted. */
import { KafkaError } from '../protocol/errors.ts';
import { isDescriptorShortage, storageError } from './log-failure.ts';
import type { LogHost } from './log-host.ts';
import type { LogReader } from './log-reader.ts';
import type { SegmentContext } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import {
  type FoundTimestamp,
  findOffsetForTimestamp,
  findOffsetOfMaxTimestamp,
  type TimestampSearch,
} from './timestamp-lookup.ts';

export interface ReadRequest {
  /** A batch that holds it is returned whole (I-11). */
  readonly offset: number;
  readonly maxBytes: number;
  /** Whether the first batch is returned although it alone exceeds `maxBytes`. */
  readonly minOneBatch: boolean;
  readonly isolation: 'read_uncommitted' | 'read_committed';
  readonly upTo: 'highWatermark' | 'logEnd';
  /** Who checks the CRCs of bytes that this process has not checked yet: `log` (the default), or the reader, who checks all. */
  readonly crcBy?: 'log' | 'reader';
}

export interface LogRead {
  /** Whole batches, in pooled memory: valid until `release`, which is called exactly once. */
  readonly slices: readonly Buffer[];
  readonly byteCount: number;
  /** Memory taken until `release`: at least `byteCount`, more where bytes were read that do not count. */
  readonly heldBytes: number;
  release(): void;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** null with read_uncommitted. */
  readonly abortedTransactions: readonly { readonly producerId: bigint; readonly firstOffset: number }[] | null;
  /** The offset after the last batch; absent when nothing was read. */
  readonly nextOffset?: number;
}

/** The log as it is at the moment. */
export interface ReadableLog {
  readonly name: string;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly damagedAt: number | undefined;
  readonly closed: boolean;
}

export interface ReadParts {
  readonly host: LogHost;
  readonly context: SegmentContext;
  readonly segments: SegmentList;
  readonly reader: LogReader;
}

export class PartitionReads {
  readonly #log: ReadableLog;
  readonly #parts: ReadParts;

  constructor(log: ReadableLog, parts: ReadParts) {
    this.#log = log;
    this.#parts = parts;
  }

  /** @throws KafkaError OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER once closed */
  async read(request: ReadRequest, indexIntervalBytes: number): Promise<LogRead> {
    const { offset } = request;
    const { name, logEndOffset, damagedAt, closed } = this.#log;
    if (closed) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `${name} is closed`);
    if (offset < this.#log.logStartOffset) throw this.#outOfRange(offset);
    // Also above the end: where a damaged log ended nobody knows for sure, and clients begin anew where they are told "out of range".
    if (damagedAt !== undefined && offset >= damagedAt) {
      throw new KafkaError('CORRUPT_MESSAGE', `${name} is damaged at offset ${damagedAt}`);
    }
    if (offset > logEndOffset) throw this.#outOfRange(offset);
    const isCommitted = request.isolation === 'read_committed';
    const bound = isCommitted ? this.#log.lastStableOffset : this.#log.highWatermark;
    const endOffset = Math.min(request.upTo === 'logEnd' ? logEndOffset : bound, damagedAt ?? logEndOffset);
    const range = { ...request, endOffset, logEndOffset, indexIntervalBytes };
    const found = offset < endOffset ? await this.#readBatches(range) : undefined;
    return {
      slices: found === undefined ? [] : [found.bytes],
      byteCount: found?.bytes.length ?? 0,
      heldBytes: found?.slab.bytes.length ?? 0,
      release: () => found?.slab.release(),
      highWatermark: this.#log.highWatermark,
      lastStableOffset: this.#log.lastStableOffset,
      logStartOffset: this.#log.logStartOffset,
      abortedTransactions: isCommitted ? [] : null,
      ...(found === undefined ? {} : { nextOffset: found.nextOffset }),
    };
  }

  /** The first record that is as late as `timestampMs`, or later, anywhere in the log; undefined when there is none. */
  offsetForTimestamp(timestampMs: bigint, indexIntervalBytes: number): Promise<FoundTimestamp | undefined> {
    return this.#beforeDamage(
      this.#searched(indexIntervalBytes, (search) => findOffsetForTimestamp(search, timestampMs)),
    );
  }

  /** The first of the records with the largest timestamp; undefined when no record has one. */
  offsetOfMaxTimestamp(indexIntervalBytes: number): Promise<FoundTimestamp | undefined> {
    return this.#beforeDamage(this.#searched(indexIntervalBytes, findOffsetOfMaxTimestamp));
  }

  /** Behind damage nobody knows whether another record would have been the answer. */
  async #beforeDamage(searched: Promise<FoundTimestamp | undefined>): Promise<FoundTimestamp | undefined> {
    const found = await searched;
    const { damagedAt, name } = this.#log;
    if (damagedAt === undefined || (found !== undefined && found.offset < damagedAt)) return found;
    throw new KafkaError('CORRUPT_MESSAGE', `${name} is damaged at offset ${damagedAt}`);
  }

  async #readBatches(range: Parameters<LogReader['read']>[0]): ReturnType<LogReader['read']> {
    const found = await this.#read(range);
    if (range.offset >= this.#log.logStartOffset) return found;
    // Deleted meanwhile: what was found may lie behind a gap.
    found?.slab.release();
    throw this.#outOfRange(range.offset);
  }

  async #read(range: Parameters<LogReader['read']>[0]): ReturnType<LogReader['read']> {
    try {
      return await this.#withDescriptors(() => this.#parts.reader.read(range));
    } catch (error) {
      // The files of a segment that was deleted meanwhile are not there.
      if (range.offset < this.#log.logStartOffset) throw this.#outOfRange(range.offset);
      if (error instanceof KafkaError) throw error;
      const { host, context } = this.#parts;
      if (!this.#log.closed) host.readTrouble.tell(context.directory, error);
      throw storageError(`${this.#log.name} cannot be read`, error);
    }
  }

  /** Runs a look-up, and once more when segments that it looked at were deleted meanwhile. */
  async #searched(
    indexIntervalBytes: number,
    lookUp: (search: TimestampSearch) => Promise<FoundTimestamp | undefined>,
  ): Promise<FoundTimestamp | undefined> {
    const { logStartOffset } = this.#log;
    const search = (): TimestampSearch => ({
      ...this.#parts,
      logStartOffset: this.#log.logStartOffset,
      logEndOffset: this.#log.logEndOffset,
      indexIntervalBytes,
    });
    try {
      const found = await this.#withDescriptors(() => lookUp(search()));
      if (found === undefined || found.offset >= this.#log.logStartOffset) return found;
    } catch (error) {
      if (this.#log.logStartOffset === logStartOffset) throw error;
    }
    return lookUp(search());
  }

  /** Without a descriptor, as for an index file, once more when files that nobody needs just now were closed. */
  async #withDescriptors<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isDescriptorShortage(error)) throw error;
      await this.#parts.host.files.closeUnused();
      return await work();
    }
  }

  #outOfRange(offset: number): KafkaError {
    const message = `offset ${offset} is not within ${this.#log.logStartOffset} to ${this.#log.logEndOffset}`;
    return new KafkaError('OFFSET_OUT_OF_RANGE', message);
  }
}
