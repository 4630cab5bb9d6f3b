/**
 * The compaction of one log: whether it is due, and one pass (contract 4.5, H-15). Source: Kafka's LogCleaner and Cleaner.
 *
 *   candidate    what is dirty, and whether that is enough
 *   run          map-keys.ts over the dirty part; then group by group (segment-groups.ts) clean-group.ts over all of it up to
 *                where the map reaches, and swap-files.ts; at last the checkpoint says how far it came
 *
 * Only the swap is one of the things that happen to a log one at a time, and lets no read through; all else goes on beside
 * appends, reads and deletions. Who deletes a segment that is being compacted ends the pass.
 */

import { SIP_KEY_BYTES } from '../../kernel/sip-hash.ts';
import * as batch from '../../protocol/records/batch.ts';
import { readFully } from '../batch-scan.ts';
import { compacts, type LogConfig } from '../log-config.ts';
import { isShortage, NotAllowedToWrite, storageError } from '../log-failure.ts';
import type { LogFront } from '../log-front.ts';
import type { LogWriter } from '../log-writer.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from '../offset-index.ts';
import type { ProducerTable } from '../producer-table.ts';
import type { Segment } from '../segment.ts';
import { TIME_INDEX_ENTRY_BYTES } from '../time-index.ts';
import { BatchCleaner, lastOffsetsOf } from './batch-cleaner.ts';
import type { CompactedLog } from './checked-scan.ts';
import { cleanGroup } from './clean-group.ts';
import { type Cleanable, cleanableOf, isDue } from './cleanable.ts';
import { asPartOfLog, fileBytesOf, type WrittenSegment } from './cleaned-segment.ts';
import { mapKeys } from './map-keys.ts';
import { OffsetMap, SLOT_BYTES } from './offset-map.ts';
import { CompactionStopped, Pace } from './pace.ts';
import type { ReadGate } from './read-gate.ts';
import { groupSegments } from './segment-groups.ts';
import { discard, offerSwap, takePlace } from './swap-files.ts';
import { TransactionWalk } from './transactions.ts';

export interface CompactionParts extends CompactedLog {
  readonly name: string;
  readonly writer: LogWriter;
  readonly front: LogFront;
  readonly producers: ProducerTable;
  readonly gate: ReadGate;
  readonly config: () => LogConfig;
  /** The smallest of high watermark, last stable offset and durable end. */
  readonly belowOffset: () => number;
  /** Whether the log takes part in anything: neither closing nor failed nor damaged. */
  readonly isOpen: () => boolean;
  /** Runs what happens to the log one at a time. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface CompactionSettings {
  /** What the map of keys may take. */
  readonly mapBytes: number;
  /** How full the map may become, from 0 to 1. */
  readonly mapLoadFactor: number;
  /** How much is read at a time, and gathered before it is written. */
  readonly chunkBytes: number;
  /** Of reads and writes together; Infinity: no limit. */
  readonly bytesPerSecond: number;
  readonly isStopped: () => boolean;
}

/** `done`: the dirty part that was mapped is clean; `stopped`: somebody ended it; `failed`: told. */
export type CompactionOutcome = 'done' | 'stopped' | 'failed';

/** After a pass that came nowhere. */
const REST_MS = 60_000;
/** Records take more, unless they are compressed: then the map may be full sooner than it would have to. */
const RECORD_BYTES_MIN = 8;

export class LogCompaction {
  readonly #parts: CompactionParts;
  #isUncleanable = false;
  #isShortageTold = false;
  /** Monotonic; until then it is not due: the last pass came nowhere. */
  #restUntilMs = Number.NEGATIVE_INFINITY;
  /** Whether a segment was replaced since the log was opened. */
  #hasReplaced = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  /** Offsets may be missing between batches, and what the last close said of segments holds no more. */
  get hasReplaced(): boolean {
    return this.#hasReplaced;
  }

  /** What is to be compacted now; undefined when nothing is. Rejects when files cannot be read. */
  async candidate(): Promise<Cleanable | undefined> {
    const { host, name, front, writer, config, inTurn, isOpen } = this.#parts;
    const now = config();
    if (host.env.clock.monotonicMs() < this.#restUntilMs) return undefined;
    if (this.#isUncleanable || !isOpen() || !compacts(now) || this.#parts.segments.count < 2) return undefined;
    const cleanedOffset = await host.compactions.cleanedOffset(name);
    const enough = now.minCompactionLagMs > 0 ? undefined : () => true;
    const ages = await inTurn(() => (isOpen() ? front.ages(now, enough) : Promise.resolve([])));
    const nowMs = host.env.clock.wallMs();
    const { logStartOffset } = writer;
    const facts = { cleanedOffset, logStartOffset, belowOffset: this.#parts.belowOffset(), nowMs };
    const cleanable = cleanableOf(ages, now, facts);
    if (cleanable === undefined) return undefined;
    const oldestMs = Number.isFinite(now.maxCompactionLagMs) ? await this.#oldestMs(cleanable) : undefined;
    return isDue(cleanable, now, oldestMs, nowMs) ? cleanable : undefined;
  }

  /** One pass, one at a time. Never rejects: a log that cannot be compacted is told once and left as it is. */
  run(candidate: Cleanable, settings: CompactionSettings): Promise<CompactionOutcome> {
    const done = this.#running.then(() => this.#run(candidate, settings));
    this.#running = done;
    return done;
  }

  /** Resolves when no pass is under way. One that is ends soon once `isOpen` says no. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(candidate: Cleanable, settings: CompactionSettings): Promise<CompactionOutcome> {
    const { isOpen } = this.#parts;
    const isStopped = (): boolean => settings.isStopped() || !isOpen() || !this.#parts.host.canWrite();
    const pace = new Pace(this.#parts.host.env, { bytesPerSecond: settings.bytesPerSecond, isStopped });
    try {
      pace.check();
      const isFurther = await this.#compact(candidate, settings, pace);
      this.#isShortageTold = false;
      if (isFurther) return 'done';
      this.#rest();
      return 'stopped';
    } catch (error) {
      if (error instanceof CompactionStopped || error instanceof NotAllowedToWrite || !isOpen()) return 'stopped';
      this.#tell(error);
      return 'failed';
    }
  }

  /** False when nothing of the dirty part can be compacted yet, as a transaction is open. */
  async #compact(candidate: Cleanable, settings: CompactionSettings, pace: Pace): Promise<boolean> {
    const { host, name, segments, writer, producers, config } = this.#parts;
    const { env } = host;
    const { firstDirtyOffset, endOffset, dirtyBytes } = candidate;
    const now = config();
    const nowMs = env.clock.wallMs();
    const sealed = this.#sealedBefore(endOffset);
    const mapBytes = Math.min(settings.mapBytes, mapBytesFor(dirtyBytes, settings.mapLoadFactor));
    const map = new OffsetMap(env.random.bytes(SIP_KEY_BYTES), mapBytes, settings.mapLoadFactor);
    const scan = { pace, chunkBytes: settings.chunkBytes, indexIntervalBytes: now.indexIntervalBytes };
    const dirty = {
      segments: sealed.filter((segment) => segments.endOf(segment, endOffset) > firstDirtyOffset),
      firstDirtyOffset,
      stableEnd: this.#parts.belowOffset(),
    };
    const mapped = await mapKeys(this.#parts, dirty, map, scan);
    if (mapped.endOffset <= firstDirtyOffset) return false;
    pace.check();
    // Before any offset goes missing it is known, durably, that some may.
    await host.compactions.beginCompaction(name, firstDirtyOffset);
    // The close says again what that took back.
    writer.noteChanged();
    const facts = {
      map,
      mappedEnd: mapped.endOffset,
      transactions: new TransactionWalk(mapped.aborted),
      nowMs,
      deleteRetentionMs: now.deleteRetentionMs,
      lastOffsets: lastOffsetsOf(producers),
    };
    const cleaner = new BatchCleaner(env, facts, pace);
    for (const group of this.#groups(
      sealed.filter(({ baseOffset }) => baseOffset < mapped.endOffset),
      now,
    )) {
      await this.#replace(group, () => cleanGroup(this.#parts, group, cleaner, scan));
    }
    pace.check();
    await host.compactions.cleaned(name, mapped.endOffset);
    env.log.debug(`${name}: compacted up to offset ${mapped.endOffset}, ${map.size} keys in what was dirty`);
    return true;
  }

  /** Puts in the place of `group` what `clean` makes of it. */
  async #replace(group: readonly Segment[], clean: () => Promise<WrittenSegment | undefined>): Promise<void> {
    let written: WrittenSegment | undefined;
    try {
      written = await clean();
    } catch (error) {
      await this.#clear(group);
      throw error;
    }
    const made = written;
    if (made === undefined) await this.#clear(group);
    else await this.#parts.inTurn(() => this.#swap(group, made));
  }

  async #swap(group: readonly Segment[], made: WrittenSegment): Promise<void> {
    const { host, context, segments, reader, gate, isOpen, config } = this.#parts;
    const { directory } = context;
    const { baseOffset } = made.segment;
    if (!isOpen() || !segments.holds(group)) {
      host.grew(-fileBytesOf(made.segment));
      await this.#clear(group);
      throw new CompactionStopped('the segments were deleted, or the log is closed');
    }
    try {
      await offerSwap(host, directory, baseOffset);
    } catch (error) {
      host.grew(-fileBytesOf(made.segment));
      await this.#takeBack(baseOffset, error);
      throw error;
    }
    const bases = group.map(({ baseOffset }) => baseOffset);
    const deleted = await gate.swap(async () => {
      for (const segment of group) {
        host.indexes.forget(segment);
        await host.files.drop(segment.path);
      }
      try {
        const paths = await takePlace(host, directory, bases);
        segments.replace(group, asPartOfLog(context, made));
        reader.reset();
        this.#hasReplaced = true;
        return paths;
      } catch (error) {
        this.#breakOff(error);
        throw error;
      }
    });
    host.deleted.removeLater(deleted, config().fileDeleteDelayMs);
  }

  /** Removes what the next open would remove: if that fails, it is left to it. */
  async #clear(group: readonly Segment[]): Promise<void> {
    const { host, context } = this.#parts;
    try {
      await discard(host, context.directory, group[0]?.baseOffset ?? 0);
    } catch (error) {
      host.env.log.debug(`${context.directory}: what a compaction left cannot be removed: ${String(error)}`);
    }
  }

  /** Undoes the offer of a swap. One that stood would take effect with the next open, over a log that has changed by then. */
  async #takeBack(baseOffset: number, cause: unknown): Promise<void> {
    const { host, context } = this.#parts;
    try {
      await discard(host, context.directory, baseOffset);
    } catch {
      this.#breakOff(cause);
    }
  }

  /** The next open finishes or undoes it; until then nobody knows which files have which names. */
  #breakOff(cause: unknown): void {
    const { name, gate, writer } = this.#parts;
    gate.shut(storageError(`${name} was being compacted, and its files have no certain names`, cause));
    writer.goOffline(cause);
  }

  #tell(error: unknown): void {
    const { host, name } = this.#parts;
    const isPassing = isShortage(error);
    if (!isPassing) this.#isUncleanable = true;
    this.#rest();
    if (isPassing && this.#isShortageTold) return;
    this.#isShortageTold = isPassing;
    const outlook = isPassing ? 'is tried again' : 'is left as it is until it is opened again';
    host.env.log.error(`${name} cannot be compacted and ${outlook}: ${String(error)}`);
  }

  /** Others have their turn first. */
  #rest(): void {
    this.#restUntilMs = this.#parts.host.env.clock.monotonicMs() + REST_MS;
  }

  /** The sealed segments that end by `endOffset`. */
  #sealedBefore(endOffset: number): Segment[] {
    const { segments } = this.#parts;
    return segments.all().filter((segment) => {
      return segment !== segments.active && segments.endOf(segment, Number.POSITIVE_INFINITY) <= endOffset;
    });
  }

  #groups(taken: readonly Segment[], config: LogConfig): Segment[][] {
    const { segments } = this.#parts;
    const facts = taken.map((segment) => ({
      segment,
      baseOffset: segment.baseOffset,
      endOffset: segments.endOf(segment, segment.baseOffset),
      bytes: segment.writtenBytes,
      indexBytes: segment.offsetIndex.entries.count * OFFSET_INDEX_ENTRY_BYTES,
      timeIndexBytes: segment.timeIndex.entries.count * TIME_INDEX_ENTRY_BYTES,
    }));
    const groups = groupSegments(facts, config.segmentBytes, config.segmentIndexBytes);
    return groups.map((group) => group.map(({ segment }) => segment));
  }

  /** The largest timestamp of the oldest first batch of a dirty segment; undefined when none has one. */
  async #oldestMs({ firstDirtyOffset, endOffset }: Cleanable): Promise<number | undefined> {
    const { segments } = this.#parts;
    let oldest: bigint | undefined;
    for (const segment of this.#sealedBefore(endOffset)) {
      if (segments.endOf(segment, endOffset) <= firstDirtyOffset) continue;
      segment.firstTimestamp ??= await this.#firstTimestamp(segment);
      const { firstTimestamp } = segment;
      if (firstTimestamp > 0n && (oldest === undefined || firstTimestamp < oldest)) oldest = firstTimestamp;
    }
    return oldest === undefined ? undefined : Number(oldest);
  }

  async #firstTimestamp(segment: Segment): Promise<bigint> {
    const header = Buffer.alloc(batch.BATCH_HEADER_BYTES);
    const { files } = this.#parts.host;
    const count = await files.use(segment.path, (file) => readFully(file, header, header.length, 0));
    return count < header.length ? -1n : batch.maxTimestamp(header, 0);
  }
}

function mapBytesFor(dirtyBytes: number, loadFactor: number): number {
  return Math.ceil(dirtyBytes / RECORD_BYTES_MIN / loadFactor + 1) * SLOT_BYTES;
}
