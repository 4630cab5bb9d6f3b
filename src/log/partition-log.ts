/**
 * One partition's log: the facade over writer, reader and segments, and what others use of this folder beside the log directory.
 * logStart <= LSO <= high watermark <= log end holds at every moment (I-8).
 */
import { KafkaError } from '../protocol/errors.ts';
import type { ClosedPartition } from './close-record.ts';
import { describeClosed } from './closed-partition.ts';
import { endOffsetForEpoch, epochAt } from './leader-epochs.ts';
import type { LoadedLog } from './loaded-log.ts';
import type { LogConfig } from './log-config.ts';
import { storageError } from './log-failure.ts';
import { LogFiles } from './log-files.ts';
import type { LogHost } from './log-host.ts';
import { LogReader } from './log-reader.ts';
import { type Appended, LogWriter } from './log-writer.ts';
import { type AppendRequest, prepareAppend } from './prepare-append.ts';
import { formatProducerSnapshot } from './producer-snapshot.ts';
import type { SegmentContext } from './segment.ts';
import { SegmentList } from './segment-list.ts';
import { type FoundTimestamp, findOffsetForTimestamp, findOffsetOfMaxTimestamp } from './timestamp-lookup.ts';
import { truncateSegments } from './truncate-log.ts';

export type { Appended, AppendRequest, FoundTimestamp };

export interface ReadRequest {
  /** A batch that holds it is returned whole (I-11). */
  readonly offset: number;
  readonly maxBytes: number;
  /** Whether the first batch is returned although it alone exceeds `maxBytes`. */
  readonly minOneBatch: boolean;
  readonly isolation: 'read_uncommitted' | 'read_committed';
  readonly upTo: 'highWatermark' | 'logEnd';
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

export interface PartitionLogOptions {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  readonly name: string;
  readonly config: LogConfig;
  readonly leaderEpoch: number;
  readonly context: SegmentContext;
  /** Whether partition.metadata with this topic id is there. */
  readonly directoryMade: boolean;
}

/** What a closed log leaves: a new line of the close record, the old one, or none, as it must be recovered. */
export type LogCloseResult = ClosedPartition | 'unchanged' | 'unclean';

export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** Kafka's name of the partition's directory. */
  readonly name: string;
  readonly #host: LogHost;
  readonly #options: PartitionLogOptions;
  readonly #loaded: LoadedLog;
  readonly #segments: SegmentList;
  readonly #files: LogFiles;
  readonly #writer: LogWriter;
  readonly #reader: LogReader;
  readonly #listeners = new Set<() => void>();
  #config: LogConfig;
  /** `closing`: no appends any more; `closed`: no reads either. */
  #life: 'open' | 'closing' | 'closed' = 'open';

  constructor(host: LogHost, options: PartitionLogOptions, loaded: LoadedLog) {
    const { context, topicId, directoryMade } = options;
    this.topic = options.topic;
    this.partition = options.partition;
    this.topicId = topicId;
    this.name = options.name;
    this.#host = host;
    this.#options = options;
    this.#loaded = loaded;
    this.#config = options.config;
    this.#segments = new SegmentList(loaded.segments);
    const isIdle = (): boolean => this.#writer.idle;
    this.#files = new LogFiles(host, { context, topicId, directoryMade, epochsOnDisk: loaded.epochsOnDisk, isIdle });
    this.#reader = new LogReader(host, context, this.#segments);
    const state = { ...loaded, name: options.name, context, segments: this.#segments };
    this.#writer = new LogWriter(host, this.#files, state, options.config, () => this.#advanced());
  }

  get logStartOffset(): number {
    return this.#loaded.logStartOffset;
  }

  /** The leader epoch of the log's start; -1 when nothing was written yet. */
  get logStartEpoch(): number {
    return epochAt(this.#writer.epochs, this.logStartOffset);
  }

  /** The end (exclusive) of what is written. */
  get logEndOffset(): number {
    return this.#writer.writtenEnd;
  }

  /** The end (exclusive) of what is on the disk. */
  get durableEndOffset(): number {
    return this.#writer.durableEnd;
  }

  get highWatermark(): number {
    return this.#writer.highWatermark;
  }

  /** The high watermark, as long as no transactional batch is let in. */
  get lastStableOffset(): number {
    return this.#writer.highWatermark;
  }

  /** The newest leader epoch that is known here. */
  get leaderEpoch(): number {
    const { epochs } = this.#writer;
    return Math.max(this.#options.leaderEpoch, epochs[epochs.length - 1]?.epoch ?? -1);
  }

  /** Set once a write or sync failed: no append succeeds any more, reads go on below the high watermark. */
  get failed(): Error | undefined {
    return this.#writer.failed;
  }

  /** Nothing is appended or read any more. */
  get closed(): boolean {
    return this.#life === 'closed';
  }

  /** The offset from which on bytes that were once on the disk are missing or broken; no append succeeds then either. */
  get damagedAt(): number | undefined {
    return this.#loaded.damagedAt;
  }

  /**
   * Checks one batch and queues it. At once, unless its records must be decompressed off the main loop; then a promise, and the
   * caller holds back the next request of the connection until it settles. The bytes are patched in place and must stay
   * untouched until `written` settles.
   * @throws KafkaError (or rejects with it): nothing was appended
   */
  append(request: AppendRequest): Appended | Promise<Appended> {
    this.#checkAppendable(request);
    const prepared = prepareAppend(this.#host.env, request, this.#config);
    if (!(prepared instanceof Promise)) return this.#writer.append(prepared, request);
    return prepared.then((ready) => {
      this.#checkAppendable(request);
      return this.#writer.append(ready, request);
    });
  }

  /** @throws KafkaError OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER once closed */
  async read(request: ReadRequest): Promise<LogRead> {
    const { offset } = request;
    const { logStartOffset, logEndOffset } = this;
    if (this.#life === 'closed') throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `${this.name} is closed`);
    if (offset < logStartOffset || offset > logEndOffset) {
      const message = `offset ${offset} is not within ${logStartOffset} to ${logEndOffset}`;
      throw new KafkaError('OFFSET_OUT_OF_RANGE', message);
    }
    const damagedAt = this.#loaded.damagedAt;
    if (damagedAt !== undefined && offset >= damagedAt) {
      throw new KafkaError('CORRUPT_MESSAGE', `${this.name} is damaged at offset ${damagedAt}`);
    }
    const bound = request.isolation === 'read_committed' ? this.lastStableOffset : this.highWatermark;
    const endOffset = request.upTo === 'logEnd' ? logEndOffset : bound;
    const found = offset < endOffset ? await this.#readBatches(request, endOffset) : undefined;
    return {
      slices: found === undefined ? [] : [found.bytes],
      byteCount: found?.bytes.length ?? 0,
      heldBytes: found?.slab.bytes.length ?? 0,
      release: () => found?.slab.release(),
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset,
      abortedTransactions: request.isolation === 'read_committed' ? [] : null,
      ...(found === undefined ? {} : { nextOffset: found.nextOffset }),
    };
  }

  /** The first record that is as late as `timestampMs`, or later, anywhere in the log; undefined when there is none. */
  offsetForTimestamp(timestampMs: bigint): Promise<FoundTimestamp | undefined> {
    return findOffsetForTimestamp(this.#search(), timestampMs);
  }

  /** The first of the records with the largest timestamp; undefined when no record has one. */
  offsetOfMaxTimestamp(): Promise<FoundTimestamp | undefined> {
    return findOffsetOfMaxTimestamp(this.#search());
  }

  /** Where the largest epoch that is not above `leaderEpoch` ends (exclusive); both -1 for an epoch that is not known yet. */
  endOffsetFor(leaderEpoch: number): { leaderEpoch: number; endOffset: number } {
    return endOffsetForEpoch(this.#writer.epochs, leaderEpoch, this.logEndOffset);
  }

  /** Cuts the log at the batch that holds `offset` (a follower's duty, H-1). Durable when it resolves. */
  async truncateTo(offset: number): Promise<void> {
    await this.#writer.flush();
    if (offset >= this.logEndOffset) return;
    const { context } = this.#options;
    const cut = { host: this.#host, context, segments: this.#segments, files: this.#files, reader: this.#reader };
    const { logEndOffset } = this;
    // The cut may end the log before `offset`, anywhere in the segment that holds it.
    await this.#host.forgetFrom(this.name, (this.#segments.floor(offset - 1) ?? this.#segments.first).baseOffset);
    const done = await truncateSegments(cut, offset, logEndOffset, this.#writer.epochs, this.#config);
    this.#writer.restartAt(done.endOffset, done.epochs);
    this.#reader.reset();
    this.#host.advanced(this.name);
  }

  setConfig(config: LogConfig): void {
    this.#config = config;
    this.#writer.setConfig(config);
  }

  /** Calls `listener` when the high watermark moved or the log closed or failed; the result takes it away. */
  onAdvanced(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes and syncs what is queued, and what a clean close leaves behind. Nothing is appended afterwards. */
  async close(): Promise<LogCloseResult> {
    this.#life = 'closing';
    await this.#writer.close();
    this.#life = 'closed';
    const result = this.#writer.failed === undefined ? await this.#leave() : 'unclean';
    this.#files.release();
    for (const segment of this.#segments.all()) {
      this.#host.indexes.forget(segment);
      await this.#host.files.drop(segment.path);
    }
    this.#advanced();
    return result;
  }

  async #leave(): Promise<LogCloseResult> {
    if (this.#loaded.damagedAt !== undefined) return 'unclean';
    if (!this.#writer.grown && !this.#loaded.recovered) return 'unchanged';
    const { active } = this.#segments;
    if (!active.created || !this.#host.canWrite()) return 'unclean';
    const { producers } = this.#loaded;
    const { logEndOffset } = this;
    producers.expire(this.#host.env.clock.wallMs());
    try {
      await this.#files.settle();
      await this.#host.indexes.seal(this.#options.context, active, this.#config.indexIntervalBytes);
      await this.#files.saveEpochs(this.#writer.epochs);
      await this.#replaceSnapshot(logEndOffset);
    } catch (error) {
      this.#host.env.log.warn(`${this.name}: not closed cleanly: ${String(error)}`);
      return 'unclean';
    }
    const segments = this.#segments.all();
    const { epochs } = this.#writer;
    return describeClosed(segments, this.topicId, this.logStartOffset, logEndOffset, producers, epochs);
  }

  /** Kafka keeps the snapshots at segment bases and the newest one. */
  async #replaceSnapshot(endOffset: number): Promise<void> {
    const { closeSnapshot, producers } = this.#loaded;
    await this.#files.writeSnapshot(endOffset, formatProducerSnapshot(producers));
    if (closeSnapshot === undefined || closeSnapshot === endOffset) return;
    if (this.#segments.floor(closeSnapshot)?.baseOffset !== closeSnapshot) {
      await this.#files.removeSnapshot(closeSnapshot);
    }
  }

  async #readBatches(request: ReadRequest, endOffset: number): ReturnType<LogReader['read']> {
    const { offset, maxBytes, minOneBatch } = request;
    const { indexIntervalBytes } = this.#config;
    const range = { offset, maxBytes, minOneBatch, endOffset, logEndOffset: this.logEndOffset, indexIntervalBytes };
    try {
      return await this.#reader.read(range);
    } catch (error) {
      throw error instanceof KafkaError ? error : storageError(`${this.name} cannot be read`, error);
    }
  }

  #search(): Parameters<typeof findOffsetOfMaxTimestamp>[0] {
    return {
      host: this.#host,
      context: this.#options.context,
      segments: this.#segments,
      reader: this.#reader,
      logStartOffset: this.logStartOffset,
      logEndOffset: this.logEndOffset,
      indexIntervalBytes: this.#config.indexIntervalBytes,
    };
  }

  #checkAppendable(request: AppendRequest): void {
    if (this.#writer.failed !== undefined) throw this.#writer.failed;
    if (this.#loaded.damagedAt !== undefined) throw storageError(`${this.name} is damaged and takes no appends`);
    if (this.#life !== 'open' || !this.#host.canWrite())
      throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `${this.name} is closed`);
    if (request.origin !== 'follower' && request.leaderEpoch < this.leaderEpoch) {
      const message = `leader epoch ${request.leaderEpoch} is older than ${this.leaderEpoch}`;
      throw new KafkaError('NOT_LEADER_OR_FOLLOWER', message);
    }
  }

  #advanced(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
