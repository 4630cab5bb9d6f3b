/**
 * One partition's log: the facade over writer, reader and segments, and what others use of this folder beside the log directory.
 * logStart <= LSO <= high watermark <= log end holds at every moment (I-8).
 */
import { KafkaError } from '../protocol/errors.ts';
import { closedForDamage } from '../protocol/private/closed-for-damage.ts';
import { type LogCloseResult, leaveLog } from './closing-log.ts';
import { LogCompaction } from './compaction/log-compaction.ts';
import { ReadGate } from './compaction/read-gate.ts';
import { endOffsetForEpoch, epochAt } from './leader-epochs.ts';
import type { LoadedLog } from './loaded-log.ts';
import type { LogConfig } from './log-config.ts';
import { storageError } from './log-failure.ts';
import { LogFiles } from './log-files.ts';
import { LogFront } from './log-front.ts';
import type { LogHost } from './log-host.ts';
import { LogReader } from './log-reader.ts';
import { type Appended, LogWriter } from './log-writer.ts';
import { NewestSnapshot } from './newest-snapshot.ts';
import { type LogRead, PartitionReads, type ReadRequest } from './partition-reads.ts';
import { type AppendRequest, prepareAppend } from './prepare-append.ts';
import type { ProducerEntry } from './producer-state.ts';
import type { SegmentAge } from './retention-rules.ts';
import type { SegmentContext } from './segment.ts';
import { SegmentList } from './segment-list.ts';
import type { FoundTimestamp } from './timestamp-lookup.ts';
import { truncateSegments } from './truncate-log.ts';

export type { Appended, AppendRequest, FoundTimestamp, LogCloseResult, LogRead, ReadRequest };

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
  readonly #reads: PartitionReads;
  readonly #snapshots: NewestSnapshot;
  readonly #front: LogFront;
  /** Reads go through it, so that none meets files whose names change. */
  readonly #gate = new ReadGate();
  readonly compaction: LogCompaction;
  readonly #listeners = new Set<() => void>();
  #config: LogConfig;
  /** `closing`: no appends any more; `closed`: no reads either. */
  #life: 'open' | 'closing' | 'closed' = 'open';
  #damagedAt: number | undefined;
  /** Whether batches were appended where a leader had them, which may leave gaps. */
  #isFollowed = false;
  /** What moves the log's ends other than appends, one after the other; never rejects. */
  #maintenance: Promise<unknown> = Promise.resolve();

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
    this.#damagedAt = loaded.damagedAt;
    this.#segments = new SegmentList(loaded.segments);
    const isIdle = (): boolean => this.#writer.idle;
    this.#files = new LogFiles(host, { context, topicId, directoryMade, epochsOnDisk: loaded.epochsOnDisk, isIdle });
    this.#reader = new LogReader(host, context, this.#segments, {
      chain: () => ({
        epochs: this.#writer.epochs,
        logStartOffset: this.logStartOffset,
        gaps: this.#hasGaps,
      }),
      damaged: (offset) => this.markDamaged(offset),
    });
    const state = { ...loaded, name: options.name, context, segments: this.#segments };
    this.#writer = new LogWriter(host, this.#files, state, options.config, () => this.#advanced());
    const parts = { host, context, segments: this.#segments, files: this.#files, reader: this.#reader };
    this.#reads = new PartitionReads(this, parts);
    this.#snapshots = new NewestSnapshot(parts, loaded.closeSnapshot);
    this.#front = new LogFront({ ...parts, writer: this.#writer, snapshots: this.#snapshots });
    this.compaction = new LogCompaction({
      ...parts,
      name: options.name,
      writer: this.#writer,
      front: this.#front,
      producers: loaded.producers,
      gate: this.#gate,
      config: () => this.#config,
      belowOffset: () => Math.min(this.#front.belowOffset, this.lastStableOffset),
      isOpen: () => this.#life === 'open' && this.failed === undefined && this.#damagedAt === undefined,
      inTurn: (work) => this.#inTurn(work),
    });
  }

  get logStartOffset(): number {
    return this.#writer.logStartOffset;
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
    return this.#damagedAt;
  }

  /** Of an append that all in-sync replicas are to have. */
  get minInsyncReplicas(): number {
    return this.#config.minInsyncReplicas;
  }

  /** Of all `.log` files, what is queued left out. */
  get sizeBytes(): number {
    let bytes = 0;
    for (const { writtenBytes } of this.#segments.all()) bytes += writtenBytes;
    return bytes;
  }

  /** Whether records of the first segment are deleted, and others of it are not. */
  get startsInsideSegment(): boolean {
    return this.logStartOffset > this.#segments.first.baseOffset;
  }

  /** Whether there is a segment that retention can take: not all is in the one that is appended to. */
  get hasSealed(): boolean {
    return this.#segments.count > 1;
  }

  /** The producers whose newest batches are known. */
  producers(): readonly ProducerEntry[] {
    return this.#loaded.producers.all();
  }

  /**
   * Checks one batch and queues it. At once, unless its records must be decompressed off the main loop; then a promise, and the
   * caller holds back the next request of the connection until it settles. The bytes are patched in place and must stay
   * untouched until `written` settles.
   * @throws KafkaError (or rejects with it): nothing was appended
   */
  append(request: AppendRequest): Appended | Promise<Appended> {
    this.#checkAppendable(request);
    // What the broker writes for itself is little, is compacted, and lets readers go on when writers may not.
    if (request.origin !== 'coordinator') for (const { length } of request.records) this.#host.admit(length);
    if (request.origin === 'follower') this.#isFollowed = true;
    const prepared = prepareAppend(this.#host.env, request, this.#config);
    if (!(prepared instanceof Promise)) return this.#writer.append(prepared, request);
    return prepared.then((ready) => {
      this.#checkAppendable(request);
      return this.#writer.append(ready, request);
    });
  }

  /** @throws KafkaError OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER once closed */
  read(request: ReadRequest): Promise<LogRead> {
    return this.#gate.read(() => this.#reads.read(request, this.#config.indexIntervalBytes));
  }

  /** The first record that is as late as `timestampMs`, or later, anywhere in the log; undefined when there is none. */
  offsetForTimestamp(timestampMs: bigint): Promise<FoundTimestamp | undefined> {
    const { indexIntervalBytes } = this.#config;
    return this.#gate.read(() => this.#reads.offsetForTimestamp(timestampMs, indexIntervalBytes));
  }

  /** The first of the records with the largest timestamp; undefined when no record has one. */
  offsetOfMaxTimestamp(): Promise<FoundTimestamp | undefined> {
    return this.#gate.read(() => this.#reads.offsetOfMaxTimestamp(this.#config.indexIntervalBytes));
  }

  /** Where the largest epoch that is not above `leaderEpoch` ends (exclusive); both -1 for an epoch that is not known yet. */
  endOffsetFor(leaderEpoch: number): { leaderEpoch: number; endOffset: number } {
    return endOffsetForEpoch(this.#writer.epochs, leaderEpoch, this.logEndOffset);
  }

  /** Cuts the log at the batch that holds `offset` (a follower's duty, H-1). Durable when it resolves. */
  truncateTo(offset: number): Promise<void> {
    return this.#inTurn(async () => {
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
    });
  }

  /**
   * Nothing below `beforeOffset` is shown any more; -1: below the high watermark. Answers where the log starts now, durably.
   * Whole segments below it go with the next sweep.
   * @throws KafkaError (rejects) OFFSET_OUT_OF_RANGE above the high watermark or below -1, KAFKA_STORAGE_ERROR: unknown whether,
   *   NOT_LEADER_OR_FOLLOWER once closed, POLICY_VIOLATION where cleanup.policy is compact alone
   */
  deleteRecords(beforeOffset: number): Promise<number> {
    return this.#inTurn(async () => {
      this.#checkWritable();
      if (this.#config.cleanupPolicy === 'compact')
        throw new KafkaError('POLICY_VIOLATION', `${this.name} only compacts`);
      const { highWatermark } = this;
      const offset = beforeOffset === -1 ? highWatermark : beforeOffset;
      if (offset < 0 || offset > highWatermark) {
        const message = `offset ${offset} is not within 0 to ${highWatermark}`;
        throw new KafkaError('OFFSET_OUT_OF_RANGE', message);
      }
      if (offset <= this.logStartOffset) return this.logStartOffset;
      await this.#saveStart(offset);
      this.#front.advance(offset);
      this.#startMoved();
      return this.logStartOffset;
    });
  }

  /**
   * First half of a deletion: seals and makes last what it needs, and answers where the log begins once what is expired is gone,
   * with at least `giveCount` segments where there are as many; undefined when nothing goes. log-starts must say so before
   * `deleteSegmentsBefore` is called with it.
   */
  decideDeletion(giveCount: number): Promise<number | undefined> {
    return this.#inTurn(async () => {
      if (this.#life !== 'open' || this.failed !== undefined || this.#damagedAt !== undefined) return undefined;
      return this.#front.decide(this.#config, this.#host.env.clock.wallMs(), giveCount);
    });
  }

  /** The log begins at `startOffset`, and what lies wholly before that is deleted. Answers how many segments went. */
  deleteSegmentsBefore(startOffset: number, atOnce: boolean): Promise<number> {
    return this.#inTurn(async () => {
      if (this.#life !== 'open' || !this.#host.canWrite()) return 0;
      this.#front.advance(startOffset);
      this.#startMoved();
      return this.#front.deleteBefore(atOnce ? 0 : this.#config.fileDeleteDelayMs);
    });
  }

  /** Age and size of each segment, the active one last. */
  ages(): Promise<readonly SegmentAge[]> {
    return this.#inTurn(() => this.#front.ages(this.#config));
  }

  /** What reaches past this offset is not deleted for its age or for want of room. */
  get deletableEnd(): number {
    return this.#front.belowOffset;
  }

  /** Bytes at `offset` turned out to be broken: no appends any more, reads go on below it. */
  markDamaged(offset: number): void {
    if (this.#damagedAt !== undefined && this.#damagedAt <= offset) return;
    this.#damagedAt = Math.max(offset, this.logStartOffset);
    this.#host.env.log.error(`${this.#options.context.directory}: bytes at offset ${offset} are broken`);
    this.#advanced();
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
    await this.compaction.ended();
    return this.#inTurn(() => this.#close());
  }

  async #close(): Promise<LogCloseResult> {
    await this.#writer.close();
    this.#life = 'closed';
    const result = await leaveLog({
      host: this.#host,
      name: this.name,
      topicId: this.topicId,
      context: this.#options.context,
      loaded: this.#loaded,
      segments: this.#segments,
      files: this.#files,
      writer: this.#writer,
      snapshots: this.#snapshots,
      config: this.#config,
      gaps: this.#hasGaps,
      damagedAt: this.#damagedAt,
    });
    this.#files.release();
    for (const segment of this.#segments.all()) {
      this.#host.indexes.forget(segment);
      await this.#host.files.drop(segment.path);
    }
    this.#advanced();
    return result;
  }

  /** Whether offsets may be missing between two batches. */
  get #hasGaps(): boolean {
    return this.#loaded.gaps === true || this.#isFollowed || this.compaction.hasReplaced;
  }

  async #saveStart(offset: number): Promise<void> {
    try {
      await this.#front.prepareStart(offset);
      await this.#host.logStarts.set(new Map([[this.name, { topicId: this.topicId, offset }]]));
    } catch (error) {
      throw storageError(`the new start of ${this.name} cannot be written`, error);
    }
  }

  #startMoved(): void {
    this.#host.advanced(this.name);
    this.#advanced();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#maintenance.then(work);
    this.#maintenance = done.catch(() => undefined);
    return done;
  }

  #checkAppendable(request: AppendRequest): void {
    this.#checkWritable();
    if (request.origin !== 'follower' && request.leaderEpoch < this.leaderEpoch) {
      const message = `leader epoch ${request.leaderEpoch} is older than ${this.leaderEpoch}`;
      throw new KafkaError('NOT_LEADER_OR_FOLLOWER', message);
    }
  }

  #checkWritable(): void {
    if (this.#writer.failed !== undefined) throw this.#writer.failed;
    if (this.#damagedAt !== undefined)
      throw storageError(closedForDamage(`${this.name} is damaged at offset ${this.#damagedAt}`));
    if (this.#life !== 'open' || !this.#host.canWrite())
      throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `${this.name} is closed`);
  }

  #advanced(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
