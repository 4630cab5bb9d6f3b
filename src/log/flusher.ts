/**
 * Group commit of one log: a writer that puts what is queued into the file, one write a group, and a syncer that puts what is
 * written on the disk, one sync in flight. Both run by themselves while there is work, and neither waits for the other: the
 * next group is written (and collected) while a sync is under way, and that sync's successor covers all of them. A log that is
 * synced with each write leaves a segment only when all of it is on the disk; else the file that is left is synced in the
 * background, in its turn (unsynced-files.ts), so that no append waits for the sync of a whole segment.
 *
 *   enqueue -> [groups] -> writer: makeReady, writev -> wrote() -> syncer: datasync -> synced()
 *
 * What happens on failure (D12, H-9, I-30): a write that meets a full disk, or finds no descriptor to open its file with,
 * is cut back by the owner and everything queued is refused; any other failed write, and every failed sync, puts the log offline for good.
 */
import { assert } from '../kernel/assert.ts';
import type { DiskFile, Env, Timer } from '../kernel/env.ts';
import { AppendGroup, type QueuedBatch } from './append-group.ts';
import type { FileSync } from './atomic-file.ts';
import type { FlushPolicy } from './flush-policy.ts';
import { isShortage, NotAllowedToWrite } from './log-failure.ts';
import type { Segment } from './segment.ts';
import { SyncFailed, type SyncListener, UnsyncedFiles } from './unsynced-files.ts';

/**
 * How long after a roll the sync of the segment that was left begins: the kernel has written some of it by then, and recovery
 * after a kill has little to read again.
 */
const SEALED_SYNC_DELAY_MS = 3000;

/** The log that a flusher works for. */
export interface FlushTarget extends SyncListener {
  /** Whether this process may still write here. */
  canWrite(): boolean;
  /** Makes the files of the group's segment when there are none, and whatever must be durable before its batches. */
  makeReady(segment: Segment): Promise<DiskFile>;
  /** The group is in the page cache. */
  wrote(group: AppendGroup): Promise<void>;
  /** The group was not written, nor will those be that were queued after it: takes them back and cuts the file. */
  cutBack(groups: readonly AppendGroup[], cause: unknown): Promise<void>;
  /** A write or sync failed: nothing more happens to this log. `groups` do not count; called again for one under way then. */
  wentOffline(groups: readonly AppendGroup[], cause: unknown): void;
}

export class Flusher {
  readonly #env: Env;
  readonly #target: FlushTarget;
  readonly #unsynced: UnsyncedFiles;
  #policy: FlushPolicy;
  #groups: AppendGroup[] = [];
  #writing: AppendGroup | undefined;
  #writer: Promise<void> | undefined;
  #syncer: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isIntervalOver = false;
  #sealedTimer: Timer | undefined;
  #writtenEnd: number;
  /** The file was cut after a write that failed: the roll relies on its size, and comes after a sync. */
  #wasCutBack = false;
  /** Set for good once a write or sync failed. */
  #offline: { readonly cause: unknown } | undefined;

  /** `endOffset`: the log's end; all of it is on the disk. */
  constructor(env: Env, sync: FileSync, target: FlushTarget, policy: FlushPolicy, endOffset: number) {
    this.#env = env;
    this.#target = target;
    this.#policy = policy;
    this.#writtenEnd = endOffset;
    const listener = {
      synced: (syncedEnd: number) => {
        env.fault('log.append.after-sync');
        target.synced(syncedEnd);
      },
      left: (segment: Segment) => target.left(segment),
    };
    this.#unsynced = new UnsyncedFiles(sync, listener, endOffset);
  }

  get writtenEnd(): number {
    return this.#writtenEnd;
  }

  get syncedEnd(): number {
    return this.#unsynced.syncedEnd;
  }

  /** Whether nothing is queued, being written or to be synced: the file is not needed before the next batch. */
  get idle(): boolean {
    const settled = this.#offline !== undefined || this.syncedEnd >= this.#writtenEnd;
    return settled && this.#writer === undefined && this.#syncer === undefined;
  }

  setPolicy(policy: FlushPolicy): void {
    this.#policy = policy;
    this.#askForSync();
  }

  /** Queues a batch for `segment` and answers the group that it went into. Bounded by the memory that the caller may hold. */
  enqueue(segment: Segment, batch: QueuedBatch): AppendGroup {
    assert(this.#offline === undefined, 'nothing is queued for a log that is offline');
    let group = this.#groups[this.#groups.length - 1];
    if (group === undefined || !group.takes(segment)) {
      group = new AppendGroup(segment);
      this.#groups.push(group);
    }
    group.add(batch);
    if (this.#writer === undefined) this.#startWriter();
    return group;
  }

  /**
   * Rolls to `segment`, which is planned and the last one, behind everything that is queued: what a roll by an append does
   * with the file that is left and with the new ones. Rejects when that fails; the segment is then taken back as one is
   * whose first batch cannot be written.
   */
  roll(segment: Segment): Promise<void> {
    assert(this.#offline === undefined, 'a log that is offline is not rolled');
    const group = new AppendGroup(segment);
    this.#groups.push(group);
    if (this.#writer === undefined) this.#startWriter();
    return group.written.promise;
  }

  /** The group that holds `offset` and is not written yet. */
  unwrittenGroup(offset: number): AppendGroup | undefined {
    if (offset < this.#writtenEnd) return undefined;
    if (this.#writing !== undefined && this.#writing.lastOffset >= offset) return this.#writing;
    return this.#groups.find((group) => group.lastOffset >= offset);
  }

  /** Waits until nothing is queued or being written. */
  async drain(): Promise<void> {
    while (this.#writer !== undefined) await this.#writer;
  }

  /** Drains, then syncs what is not on the disk; at once when the log is offline. */
  async flush(): Promise<void> {
    await this.drain();
    while (this.syncedEnd < this.#writtenEnd && this.#offline === undefined) {
      this.#startSyncer(this.#writtenEnd);
      await this.#syncer;
    }
  }

  /** Nothing is written any more. A group that is being written now is refused when the kernel is done with its bytes. */
  goOffline(cause: unknown): void {
    if (this.#offline !== undefined) return;
    this.#offline = { cause };
    this.#giveUp();
    this.#target.wentOffline(this.#takeQueued(), cause);
  }

  /** Stops the timers. What was not flushed stays as it is. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sealedTimer?.cancel();
    this.#sealedTimer = undefined;
  }

  /** After a truncation: the log ends at `endOffset`, and that is on the disk. Nothing is queued. */
  restartAt(endOffset: number): void {
    assert(this.#writer === undefined && this.#syncer === undefined, 'a log is truncated when nothing is under way');
    this.#writtenEnd = endOffset;
    this.#unsynced.restartAt(endOffset);
  }

  /** In the next turn, so that all appends of this one go out together. */
  #startWriter(): void {
    this.#writer = new Promise((resolve) => {
      this.#env.clock.soon(() => {
        this.#writeAll().then(resolve, (cause) => {
          this.goOffline(cause);
          resolve();
        });
      });
    });
  }

  async #writeAll(): Promise<void> {
    try {
      for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
        this.#writing = group;
        await this.#write(group);
      }
    } finally {
      this.#writing = undefined;
      this.#writer = undefined;
    }
  }

  async #write(group: AppendGroup): Promise<void> {
    const { segment } = group;
    try {
      if (!this.#target.canWrite()) throw new NotAllowedToWrite();
      const file = await this.#fileOf(segment);
      const chunks = group.batches.map((batch) => batch.bytes);
      if (chunks.length > 0) await file.writev(chunks, segment.writtenBytes);
    } catch (cause) {
      await this.#writeFailed(group, cause);
      return;
    }
    if (this.#offline !== undefined) {
      this.#target.wentOffline([group], this.#offline.cause);
      return;
    }
    if (group.batches.length > 0) {
      this.#env.fault('log.append.after-write');
      this.#writtenEnd = group.lastOffset + 1;
      this.#unsynced.wrote(this.#writtenEnd, group.recordCount);
    }
    const noted = this.#target.wrote(group);
    this.#askForSync();
    await noted;
  }

  async #fileOf(segment: Segment): Promise<DiskFile> {
    const isRoll = !segment.created;
    if (isRoll) {
      const isSyncedFirst = this.#policy.everyWrite || this.#wasCutBack;
      await (isSyncedFirst ? this.#unsynced.syncUpTo(this.#writtenEnd) : this.#unsynced.makeRoom());
    }
    const file = await this.#target.makeReady(segment);
    this.#unsynced.use(segment, file);
    if (isRoll) {
      this.#wasCutBack = false;
      this.#askForSync();
    }
    return file;
  }

  async #writeFailed(group: AppendGroup, cause: unknown): Promise<void> {
    const refused = [group, ...this.#takeQueued()];
    if (this.#offline !== undefined || !isCutBack(cause)) {
      this.#offline ??= { cause: cause instanceof SyncFailed ? cause.cause : cause };
      this.#giveUp();
      this.#target.wentOffline(refused, this.#offline.cause);
      return;
    }
    this.#wasCutBack = true;
    try {
      await this.#target.cutBack(refused, cause);
    } catch (error) {
      this.goOffline(error);
    }
  }

  #giveUp(): void {
    this.#unsynced.giveUp();
    this.stop();
  }

  #takeQueued(): AppendGroup[] {
    const taken = this.#groups;
    this.#groups = [];
    return taken;
  }

  #askForSync(): void {
    if (this.syncedEnd >= this.#writtenEnd || this.#offline !== undefined) return;
    const { everyWrite, intervalMs, recordCount } = this.#policy;
    if (everyWrite || this.#isIntervalOver || this.#unsynced.recordCount >= recordCount) {
      this.#startSyncer(this.#writtenEnd);
      return;
    }
    if (this.#timer === undefined && Number.isFinite(intervalMs)) {
      const due = (): void => {
        this.#timer = undefined;
        this.#isIntervalOver = true;
        this.#askForSync();
      };
      this.#timer = this.#env.clock.timer(intervalMs, due, true);
    }
    if (this.#sealedTimer === undefined && this.#unsynced.sealedEnd !== undefined) {
      const due = (): void => {
        this.#sealedTimer = undefined;
        const { sealedEnd } = this.#unsynced;
        if (sealedEnd !== undefined) this.#startSyncer(sealedEnd);
      };
      this.#sealedTimer = this.#env.clock.timer(SEALED_SYNC_DELAY_MS, due, true);
    }
  }

  /** One at a time: whoever finds one under way is served when it ends. */
  #startSyncer(endOffset: number): void {
    if (this.#syncer !== undefined || this.#offline !== undefined) return;
    if (endOffset === this.#writtenEnd) this.#isIntervalOver = false;
    this.#syncer = this.#unsynced
      .syncUpTo(endOffset)
      .catch((cause) => this.goOffline(cause instanceof SyncFailed ? cause.cause : cause))
      .finally(() => {
        this.#syncer = undefined;
        this.#askForSync();
      });
  }
}

/** Whether the log can go on after this failure of a write once the file is cut back to what it held. */
function isCutBack(cause: unknown): boolean {
  return cause instanceof NotAllowedToWrite || isShortage(cause);
}
