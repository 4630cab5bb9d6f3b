/**
 * The writing half of a partition's log: gives batches their offsets, keeps producers and leader epochs, rolls segments, and
 * moves the high watermark as the flusher reports what is written and what is on the disk.
 *
 * Three ends, each an exclusive offset: queued (`#nextOffset`, seen by nobody outside), written to the page cache
 * (`writtenEnd`), on the disk (`durableEnd`). An append changes memory first and reaches the file with its group; when a write
 * fails, the memory of everything that is queued is taken back, newest first (H-9).
 */
import { assert } from '../kernel/assert.ts';
import type { DiskFile } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import type { AppendGroup } from './append-group.ts';
import { CommitWaiters } from './commit-waiters.ts';
import { flushPolicyOf } from './flush-policy.ts';
import { Flusher } from './flusher.ts';
import { highWatermark } from './high-watermark.ts';
import { INDEX_FLUSH_ENTRIES, type IndexEntries } from './index-entries.ts';
import { assignEpoch, cutEpochsFromStart, type EpochEntry } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import { NotAllowedToWrite, refusal, storageError } from './log-failure.ts';
import type { LogFiles } from './log-files.ts';
import type { LogHost } from './log-host.ts';
import type { AppendRequest, PreparedBatch } from './prepare-append.ts';
import { producerBatchOf } from './producer-batch.ts';
import { formatProducerSnapshot } from './producer-snapshot.ts';
import * as producerState from './producer-state.ts';
import type { ProducerTable } from './producer-table.ts';
import { RELATIVE_OFFSET_MAX, shouldRoll } from './roll-rules.ts';
import { Segment, type SegmentContext } from './segment.ts';
import type { SegmentList } from './segment-list.ts';
import { settleTimestamps } from './validate-batch.ts';

export interface Appended {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1n with CreateTime. */
  readonly logAppendTimeMs: bigint;
  readonly logStartOffset: number;
  /** The batch is in the log already, at these offsets: nothing was appended. */
  readonly duplicate: boolean;
  /** In the page cache. */
  readonly written: Promise<void>;
  /** The high watermark has passed `lastOffset`: durable as the topic's mode promises. */
  readonly committed: Promise<void>;
}

export interface LogWriterState {
  readonly name: string;
  readonly context: SegmentContext;
  readonly segments: SegmentList;
  readonly endOffset: number;
  readonly logStartOffset: number;
  readonly epochs: readonly EpochEntry[];
  readonly producers: ProducerTable;
}

const NO_REPLICA = 0;

export class LogWriter {
  readonly #host: LogHost;
  readonly #state: LogWriterState;
  readonly #files: LogFiles;
  readonly #flusher: Flusher;
  readonly #waiters = new CommitWaiters();
  readonly #onAdvanced: () => void;
  #config: LogConfig;
  #nextOffset: number;
  #highWatermark: number;
  #epochs: readonly EpochEntry[];
  #failed: KafkaError | undefined;
  #grown = false;
  #logStartOffset: number;
  /** Changes when what is queued is taken back. */
  #generation = 0;

  constructor(host: LogHost, files: LogFiles, state: LogWriterState, config: LogConfig, onAdvanced: () => void) {
    this.#host = host;
    this.#files = files;
    this.#state = state;
    this.#config = config;
    this.#onAdvanced = onAdvanced;
    this.#nextOffset = state.endOffset;
    this.#highWatermark = state.endOffset;
    this.#epochs = state.epochs;
    this.#logStartOffset = state.logStartOffset;
    const target = {
      canWrite: () => host.canWrite(),
      makeReady: (segment: Segment) => this.#makeReady(segment),
      wrote: (group: AppendGroup) => this.#wrote(group),
      synced: () => this.#synced(),
      left: (segment: Segment) => files.leave(segment),
      cutBack: (groups: readonly AppendGroup[], cause: unknown) => this.#cutBack(groups, cause),
      wentOffline: (groups: readonly AppendGroup[], cause: unknown) => this.#wentOffline(groups, cause),
    };
    this.#flusher = new Flusher(host.env, host.sync, target, flushPolicyOf(config), state.endOffset);
  }

  get writtenEnd(): number {
    return this.#flusher.writtenEnd;
  }

  get durableEnd(): number {
    return this.#flusher.syncedEnd;
  }

  get highWatermark(): number {
    return this.#highWatermark;
  }

  get logStartOffset(): number {
    return this.#logStartOffset;
  }

  get epochs(): readonly EpochEntry[] {
    return this.#epochs;
  }

  get failed(): KafkaError | undefined {
    return this.#failed;
  }

  /** Whether the file of the active segment is needed by nobody before the next append. */
  get idle(): boolean {
    return this.#flusher.idle;
  }

  /** Whether anything was appended, rolled, cut at either end or replaced since the log was opened. */
  get grown(): boolean {
    return this.#grown;
  }

  setConfig(config: LogConfig): void {
    this.#config = config;
    this.#flusher.setPolicy(flushPolicyOf(config));
    this.#advance();
  }

  /** Queues a checked batch, or finds it there already. @throws KafkaError, and nothing is changed */
  append(prepared: PreparedBatch, request: AppendRequest): Appended {
    const { bytes } = prepared;
    const { expectedBaseOffset = this.#nextOffset } = request;
    if (expectedBaseOffset !== this.#nextOffset)
      throw new KafkaError('NOT_LEADER_OR_FOLLOWER', 'another offset is next');
    const producer = producerBatchOf(bytes, 0);
    const { producers } = this.#state;
    const entry = producer === undefined ? undefined : producers.get(producer.producerId);
    if (producer !== undefined && request.origin === 'client') {
      const mark = producerState.checkProducerBatch(entry, producer);
      if (mark !== undefined) return this.#alreadyThere(mark);
    }
    const nowMs = this.#host.env.clock.wallMs();
    const asLeader = request.origin !== 'follower';
    const logAppendTimeMs = asLeader
      ? settleTimestamps(bytes, prepared.timestamps, request.origin, this.#config, nowMs)
      : -1n;
    const baseOffset = asLeader ? this.#nextOffset : this.#offsetFromLeader(bytes);
    const lastOffset = baseOffset + batch.lastOffsetDelta(bytes, 0);
    const maxTimestamp = batch.maxTimestamp(bytes, 0);
    const segment = this.#segmentFor({ sizeBytes: bytes.length, lastOffset, maxTimestamp }, nowMs);
    if (asLeader) {
      batch.patchBaseOffset(bytes, 0, baseOffset);
      batch.patchLeaderEpoch(bytes, 0, request.leaderEpoch);
    }
    const epochsBefore = this.#epochs;
    this.#epochs = assignEpoch(epochsBefore, batch.leaderEpoch(bytes, 0), baseOffset);
    if (producer !== undefined) {
      const placed = { ...producer, lastOffset, timestamp: maxTimestamp };
      producers.set(producerState.afterBatch(entry, placed, nowMs));
    }
    this.#nextOffset = lastOffset + 1;
    segment.plannedBytes += bytes.length;
    this.#host.queued(bytes.length);
    segment.plannedBatches += 1;
    segment.firstTimestamp ??= maxTimestamp;
    this.#grown = true;
    const group = this.#flusher.enqueue(segment, {
      bytes,
      baseOffset,
      lastOffset,
      recordCount: batch.recordCount(bytes, 0),
      maxTimestamp,
      producerBefore: producer === undefined ? undefined : { producerId: producer.producerId, entry },
      epochsBefore,
    });
    if (group.batches.length === 1) this.#waiters.add(group);
    return {
      baseOffset,
      lastOffset,
      logAppendTimeMs,
      logStartOffset: this.#logStartOffset,
      duplicate: false,
      written: group.written.promise,
      committed: group.committed.promise,
    };
  }

  /** Writes and syncs what is queued. Check `failed` afterwards. */
  flush(): Promise<void> {
    return this.#flusher.flush();
  }

  /** Begins a new segment behind what is queued, when the active one holds anything. Rejects when that fails. */
  async roll(): Promise<void> {
    const { segments } = this.#state;
    if (this.#failed !== undefined) throw this.#failed;
    if (segments.active.plannedBytes === 0) return;
    await this.#flusher.roll(this.#planNext(this.#nextOffset));
  }

  /** The log begins at `offset`, which is on the disk already. */
  advanceLogStart(offset: number): void {
    assert(offset >= this.#logStartOffset, 'what was deleted does not come back');
    assert(offset <= this.#highWatermark, 'nothing is deleted that is not committed');
    this.#logStartOffset = offset;
    this.#epochs = cutEpochsFromStart(this.#epochs, offset);
    this.#grown = true;
  }

  /** The producers as they are at the end of what is queued, which is at `offset`; `isStill`: nothing was taken back since. */
  takeSnapshot(): { readonly offset: number; readonly snapshot: Buffer; isStill(): boolean } {
    const generation = this.#generation;
    const isStill = (): boolean => generation === this.#generation;
    return { offset: this.#nextOffset, snapshot: formatProducerSnapshot(this.#state.producers), isStill };
  }

  /** Segments were replaced. */
  noteChanged(): void {
    this.#grown = true;
  }

  goOffline(cause: unknown): void {
    this.#flusher.goOffline(cause);
  }

  /** Stops for good; what is queued is flushed before. */
  async close(): Promise<void> {
    await this.#flusher.flush();
    this.#flusher.stop();
  }

  /** The log ends at `endOffset` from now on, and that is on the disk. Nothing may be queued. */
  restartAt(endOffset: number, epochs: readonly EpochEntry[]): void {
    this.#flusher.restartAt(endOffset);
    this.#nextOffset = endOffset;
    this.#highWatermark = Math.min(this.#highWatermark, endOffset);
    this.#epochs = epochs;
    this.#grown = true;
    this.#state.producers.truncate(endOffset);
  }

  #alreadyThere(mark: producerState.BatchMark): Appended {
    const unwritten = this.#flusher.unwrittenGroup(mark.lastOffset);
    return {
      baseOffset: mark.lastOffset - mark.offsetDelta,
      lastOffset: mark.lastOffset,
      logAppendTimeMs: this.#config.timestampType === 'LogAppendTime' ? mark.timestamp : -1n,
      logStartOffset: this.#logStartOffset,
      duplicate: true,
      written: unwritten?.written.promise ?? Promise.resolve(),
      // A group above it may still wait, and may fail: that does not concern what is committed.
      committed: mark.lastOffset < this.#highWatermark ? Promise.resolve() : this.#waiters.covering(mark.lastOffset),
    };
  }

  /** A follower takes its leader's offsets, which may leave gaps but never go back. */
  #offsetFromLeader(bytes: Buffer): number {
    const baseOffset = batch.baseOffset(bytes, 0);
    if (!Number.isSafeInteger(baseOffset) || baseOffset < this.#nextOffset) {
      throw new KafkaError('INVALID_RECORD', `offset ${baseOffset} where ${this.#nextOffset} is next`);
    }
    return baseOffset;
  }

  #segmentFor(incoming: Parameters<typeof shouldRoll>[1], nowMs: number): Segment {
    const { active } = this.#state.segments;
    const facts = {
      baseOffset: active.baseOffset,
      sizeBytes: active.plannedBytes,
      createdMs: active.createdMs,
      firstTimestamp: active.firstTimestamp,
      indexEntries: active.offsetIndex.entries.count + active.plannedBatches,
      timeIndexEntries: active.timeIndex.entries.count + active.plannedBatches,
      jitterFraction: active.jitterFraction,
    };
    if (!shouldRoll(facts, incoming, this.#config, nowMs)) return active;
    // At the log's end, also where a follower's leader has a gap: a hole between segments is damage. But an index counts from it.
    return this.#planNext(Math.max(this.#nextOffset, incoming.lastOffset - RELATIVE_OFFSET_MAX));
  }

  #planNext(baseOffset: number): Segment {
    const { segments, context, producers } = this.#state;
    producers.expire(this.#host.env.clock.wallMs(), this.#config.producerIdExpirationMs);
    const next = Segment.planned(context, baseOffset);
    next.snapshot = formatProducerSnapshot(producers);
    segments.push(next);
    this.#grown = true;
    return next;
  }

  async #makeReady(segment: Segment): Promise<DiskFile> {
    const { segments, name } = this.#state;
    const previous = segment.created ? undefined : segments.floor(segment.baseOffset - 1);
    const file = await this.#files.makeReady(segment, previous, this.#epochs, this.#config.indexIntervalBytes);
    // How far the log is on the disk is not seen by its segments: they may wait for their syncs.
    if (previous !== undefined) this.#host.advanced(name, 'soon');
    return file;
  }

  async #wrote(group: AppendGroup): Promise<void> {
    const { segment } = group;
    for (const { bytes, lastOffset, maxTimestamp } of group.batches) {
      if (segment.checkedTo === segment.writtenBytes) segment.checkedTo += bytes.length;
      const written = { head: bytes, lastOffset, sizeBytes: bytes.length, maxTimestamp };
      segment.noteWritten(written, this.#config.indexIntervalBytes);
    }
    segment.plannedBatches -= group.batches.length;
    this.#host.queued(-group.sizeBytes);
    this.#host.grew(group.sizeBytes);
    // Where each write is synced, that tells more: the page cache takes writes for a disk that is gone.
    if (this.#config.durability !== 'ack') this.#host.trouble.over();
    group.written.resolve();
    this.#advance();
    for (const { entries } of [segment.offsetIndex, segment.timeIndex]) {
      if (entries.unwrittenCount >= INDEX_FLUSH_ENTRIES) await this.#flushIndex(entries);
    }
  }

  /** An index can be derived: what cannot be written now is written later, or built anew. */
  async #flushIndex(entries: IndexEntries): Promise<void> {
    try {
      await entries.flush();
    } catch (error) {
      this.#host.env.log.debug(`${entries.path}: ${String(error)}`);
    }
  }

  #synced(): void {
    this.#host.trouble.over();
    this.#host.advanced(this.#state.name);
    this.#advance();
  }

  #advance(): void {
    if (this.#failed !== undefined) return;
    const endOffset = this.#config.durability === 'ack' ? this.durableEnd : this.writtenEnd;
    const next = highWatermark(this.#highWatermark, [{ replica: NO_REPLICA, endOffset }]);
    if (next === this.#highWatermark) return;
    assert(next <= this.writtenEnd, 'the high watermark is never beyond the log');
    this.#highWatermark = next;
    this.#waiters.passed(next);
    this.#onAdvanced();
  }

  async #cutBack(groups: readonly AppendGroup[], cause: unknown): Promise<void> {
    const first = this.#takeBack(groups);
    this.#refuse(groups, first, refusal(cause));
    if (cause instanceof NotAllowedToWrite) return;
    this.#host.trouble.tell(this.#state.segments.active.path, cause);
    await this.#files.cutBack(this.#state.segments.active);
  }

  #wentOffline(groups: readonly AppendGroup[], cause: unknown): void {
    const isFirst = this.#failed === undefined;
    this.#failed ??= storageError('the log is offline after a failed write or sync', cause);
    this.#takeBack(groups);
    this.#refuse(groups, this.#highWatermark, this.#failed);
    if (!isFirst) return;
    this.#host.trouble.tell(this.#state.context.directory, cause);
    this.#onAdvanced();
  }

  #refuse(groups: readonly AppendGroup[], fromOffset: number, error: KafkaError): void {
    for (const group of groups) group.written.reject(error);
    this.#waiters.fail(fromOffset, error);
  }

  /** Undoes in memory what appending the groups did; answers the offset that is next again. */
  #takeBack(groups: readonly AppendGroup[]): number {
    const { segments, producers } = this.#state;
    this.#generation += 1;
    for (const { batches, sizeBytes } of [...groups].reverse()) {
      this.#host.queued(-sizeBytes);
      for (const { producerBefore, epochsBefore } of [...batches].reverse()) {
        this.#epochs = epochsBefore;
        if (producerBefore === undefined) continue;
        if (producerBefore.entry === undefined) producers.delete(producerBefore.producerId);
        else producers.set(producerBefore.entry);
      }
    }
    this.#nextOffset = this.writtenEnd;
    while (segments.count > 1 && !segments.active.created) segments.pop();
    for (const { segment } of groups) {
      segment.plannedBytes = segment.writtenBytes;
      segment.plannedBatches = 0;
      if (segment.writtenBytes === 0) segment.firstTimestamp = undefined;
    }
    return this.#nextOffset;
  }
}
