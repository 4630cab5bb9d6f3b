/**
 * The beginning of a log, and how it moves on. In this order, so that a crash anywhere leaves a log that can be opened, which
 * begins where it once said, or later:
 *
 *   decide         which segments go; the active one is rolled where it is to go; the producers known by what goes are on the disk
 *   prepareStart   the same for a start that somebody asked for: a recovery removes the segments before it
 *   (log-starts)   says durably where the log begins from now on: the caller's step, one write for many logs
 *   advance        the log says so itself; shown before, a crash would take it back
 *   deleteBefore   segments that lie before it leave memory, then lose their names; what is left of them after a crash is
 *                  removed by the next recovery
 *
 * One of these at a time: the log's own duty.
 */
import { assert } from '../kernel/assert.ts';
import type { LogConfig } from './log-config.ts';
import { storageError } from './log-failure.ts';
import type { LogHost } from './log-host.ts';
import type { LogReader } from './log-reader.ts';
import type { LogWriter } from './log-writer.ts';
import type { NewestSnapshot } from './newest-snapshot.ts';
import { type Expired, expiredSegments, isOlder, type SegmentAge } from './retention-rules.ts';
import { rollBytesOf } from './roll-rules.ts';
import type { Segment, SegmentContext } from './segment.ts';
import type { SegmentList } from './segment-list.ts';

export interface FrontParts {
  readonly host: LogHost;
  readonly context: SegmentContext;
  readonly segments: SegmentList;
  readonly reader: LogReader;
  readonly writer: LogWriter;
  readonly snapshots: NewestSnapshot;
}

export class LogFront {
  readonly #parts: FrontParts;

  constructor(parts: FrontParts) {
    this.#parts = parts;
  }

  /** What reaches past it is never deleted by retention: what is ahead of the disk may be lost with the power. */
  get belowOffset(): number {
    const { writer } = this.#parts;
    return Math.min(writer.highWatermark, writer.durableEnd);
  }

  /**
   * Age and size of each segment; those of sealed ones come from their indexes where nothing else says them. After the first
   * one for which `enough` holds, ages are as far as memory knows them.
   */
  async ages(config: LogConfig, enough: (age: SegmentAge) => boolean = () => false): Promise<SegmentAge[]> {
    const { segments, writer } = this.#parts;
    const ages: SegmentAge[] = [];
    let isEnough = false;
    for (const segment of [...segments.all()]) {
      const active = segment === segments.active;
      // What is on its way lies behind the written end.
      const isGrowing = active && segment.plannedBytes > segment.writtenBytes;
      const endOffset = segments.endOf(segment, writer.writtenEnd) + (isGrowing ? 1 : 0);
      if (!isEnough && !active) await this.#learnLargest(segment, endOffset, config);
      // Nobody asks for the age of an empty one.
      const isDated = (segment.largestTimestamp ?? -1n) >= 0n || segment.writtenBytes === 0;
      const age = {
        baseOffset: segment.baseOffset,
        endOffset,
        bytes: Math.max(segment.plannedBytes, segment.writtenBytes),
        largestTimestampMs: Number(segment.largestTimestamp ?? -1n),
        modifiedMs: isEnough || isDated ? 0 : await this.#modifiedMs(segment),
        active,
      };
      ages.push(age);
      isEnough ||= enough(age);
    }
    return ages;
  }

  /**
   * Where the log begins once what is expired is deleted, and at least `giveCount` segments as far as there are as many to
   * delete; undefined when nothing goes. The active one is among them when it is as large as segments become by now.
   */
  async decide(config: LogConfig, nowMs: number, giveCount: number): Promise<number | undefined> {
    const { host, writer, segments } = this.#parts;
    let expired = await this.#expired(config, nowMs);
    const isLarge = segments.active.writtenBytes >= rollBytesOf(config) && giveCount > segments.count - 1;
    if ((expired.roll || isLarge) && host.canWrite()) {
      await writer.roll();
      await writer.flush();
      expired = await this.#expired(config, nowMs);
    }
    const count = Math.max(expired.count, Math.min(giveCount, this.#deletableCount()));
    const first = segments.all()[count];
    if (count === 0 || first === undefined || !host.canWrite()) return undefined;
    await this.#keepProducers(first.baseOffset);
    return Math.max(writer.logStartOffset, first.baseOffset);
  }

  /** Makes last what the log must not lose with the segments that lie wholly before `offset`, its next start. */
  async prepareStart(offset: number): Promise<void> {
    const { segments, writer } = this.#parts;
    const first = segments.floor(offset);
    if (first === undefined || first === segments.first) return;
    if (writer.durableEnd < offset) await writer.flush();
    await this.#keepProducers(first.baseOffset);
  }

  /** The log begins at `offset`: log-starts says so already. */
  advance(offset: number): void {
    const { writer } = this.#parts;
    if (offset > writer.logStartOffset) writer.advanceLogStart(offset);
  }

  /** Deletes the segments that lie wholly before the log's start; their files go `delayMs` later. Answers how many. */
  async deleteBefore(delayMs: number): Promise<number> {
    const { host, context, segments, reader, writer } = this.#parts;
    const gone: Segment[] = [];
    while (this.#deletableCount() > 0) {
      if (segments.endOf(segments.first, writer.writtenEnd) > writer.logStartOffset) break;
      const segment = segments.shift();
      host.indexes.forget(segment);
      gone.push(segment);
    }
    if (gone.length === 0) return 0;
    reader.reset();
    const bases = gone.map(({ baseOffset }) => baseOffset);
    await host.deleted.take(context.directory, bases, delayMs);
    for (const { path } of gone) await host.files.drop(path);
    return gone.length;
  }

  /** Of the first segments, how many are sealed and on the disk. */
  #deletableCount(): number {
    const { segments, writer } = this.#parts;
    const { belowOffset } = this;
    let count = 0;
    for (const segment of segments.all()) {
      if (segment === segments.active || segments.endOf(segment, writer.writtenEnd) > belowOffset) break;
      count += 1;
    }
    return count;
  }

  async #expired(config: LogConfig, nowMs: number): Promise<Expired> {
    const { writer } = this.#parts;
    const { belowOffset } = this;
    const { logStartOffset } = writer;
    // Without a limit of age nobody reads the indexes for it.
    const isUnlimited = config.retentionMs === Number.POSITIVE_INFINITY;
    const ages = await this.ages(config, (age) => isUnlimited || !isOlder(age, config.retentionMs, nowMs));
    return expiredSegments(ages, config, { belowOffset, logStartOffset, nowMs });
  }

  async #learnLargest(segment: Segment, endOffset: number, config: LogConfig): Promise<void> {
    if (segment.largestTimestamp !== undefined || segment.writtenBytes === 0) return;
    const { host, context } = this.#parts;
    await host.indexes.load(context, segment, endOffset, config.indexIntervalBytes);
  }

  async #modifiedMs(segment: Segment): Promise<number> {
    const { host } = this.#parts;
    return (await host.env.disk.stat(segment.path))?.modifiedMs ?? host.env.clock.wallMs();
  }

  /** Makes a snapshot durable that lies at or after `firstBase`, the base of the first segment that stays (H-14). */
  async #keepProducers(firstBase: number): Promise<void> {
    const { snapshots, writer } = this.#parts;
    if (await snapshots.makeDurable(firstBase)) return;
    const taken = writer.takeSnapshot();
    await writer.flush();
    const isStill = taken.isStill() && writer.durableEnd >= taken.offset;
    if (!isStill) throw storageError('the producers of what is to be deleted could not be written');
    await snapshots.replace(taken.offset, taken.snapshot);
    const isDurable = await snapshots.makeDurable(taken.offset);
    assert(isDurable, 'what was just written is whole');
  }
}
