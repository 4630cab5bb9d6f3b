/**
 * The files of one log that were written to and are not known to be on the disk: those that the log has left, oldest first,
 * and the one that it writes to. A file is synced only after all files before it, so that what is on the disk is a prefix.
 *
 *   left, left, ... (at most SEALED_UNSYNCED_MAX) | written to
 *   ------------- one sync after the other ------->
 *
 * A file stays open until no sync of it is under way and all of it is on the disk: a file that was opened again would not be
 * told of a write that failed in the meantime.
 */
import { assert } from '../kernel/assert.ts';
import type { DiskFile } from '../kernel/env.ts';
import type { FileSync } from './atomic-file.ts';
import type { Segment } from './segment.ts';

/**
 * So many segments that a log has left may wait for their sync. The base of the segment so many before the last one is a
 * durable point for recovery, whatever release wrote the log: the number may be made smaller, never greater.
 */
export const SEALED_UNSYNCED_MAX = 4;

/** What syncs report. */
export interface SyncListener {
  /** Everything up to `endOffset` (exclusive) is on the disk. */
  synced(endOffset: number): void;
  /** The file of `segment` is not needed any more: the log writes to a later one, and all of it is on the disk. */
  left(segment: Segment): void;
}

interface UnsyncedFile {
  readonly segment: Segment;
  readonly file: DiskFile;
  /** Exclusive; of what is written. */
  endOffset: number;
  /** Of all that was written to the log up to `endOffset` since it was opened. */
  recordCount: number;
  /** Syncs under way or waiting for their turn. */
  syncCount: number;
  isDone: boolean;
}

/** A sync failed; `cause` says why. No later sync of the file says anything about the bytes of this one (D12). */
export class SyncFailed extends Error {
  override readonly name = 'SyncFailed';
}

export class UnsyncedFiles {
  readonly #sync: FileSync;
  readonly #listener: SyncListener;
  #sealed: UnsyncedFile[] = [];
  #active: UnsyncedFile | undefined;
  #syncedEnd: number;
  #writtenRecordCount = 0;
  #syncedRecordCount = 0;
  #isGivenUp = false;

  /** `endOffset`: the log's end; all of it is on the disk. */
  constructor(sync: FileSync, listener: SyncListener, endOffset: number) {
    this.#sync = sync;
    this.#listener = listener;
    this.#syncedEnd = endOffset;
  }

  /** Exclusive. */
  get syncedEnd(): number {
    return this.#syncedEnd;
  }

  /** Written and not on the disk. */
  get recordCount(): number {
    return this.#writtenRecordCount - this.#syncedRecordCount;
  }

  /** Where the last of the files ends (exclusive) that were left and wait for their sync; undefined when none does. */
  get sealedEnd(): number | undefined {
    return this.#sealed[this.#sealed.length - 1]?.endOffset;
  }

  /** The log writes to `file` from now on. `makeRoom` or `syncUpTo` came before when it is that of another segment. */
  use(segment: Segment, file: DiskFile): void {
    const left = this.#active;
    if (left?.file === file) return;
    const endOffset = left?.endOffset ?? this.#syncedEnd;
    const recordCount = this.#writtenRecordCount;
    this.#active = { segment, file, endOffset, recordCount, syncCount: 0, isDone: false };
    if (left === undefined || left.segment === segment) return;
    this.#sealed.push(left);
    this.#dropSynced();
    assert(this.#sealed.length <= SEALED_UNSYNCED_MAX, 'few segments wait for their sync');
  }

  /** The file in use holds everything up to `endOffset` (exclusive). */
  wrote(endOffset: number, recordCount: number): void {
    const active = this.#active;
    assert(active !== undefined, 'a file is written');
    this.#writtenRecordCount += recordCount;
    active.endOffset = endOffset;
    active.recordCount = this.#writtenRecordCount;
  }

  /** Waits until one more file may be left unsynced. @throws SyncFailed */
  async makeRoom(): Promise<void> {
    while (this.#sealed.length >= SEALED_UNSYNCED_MAX && !this.#isGivenUp) {
      const first = this.#sealed[0];
      if (first !== undefined) await this.#syncFile(first, first.endOffset);
    }
  }

  /** Syncs what is written below `endOffset`, the oldest file first. @throws SyncFailed */
  async syncUpTo(endOffset: number): Promise<void> {
    const active = this.#active;
    for (let first = this.#sealed[0]; first !== undefined && first.endOffset <= endOffset; first = this.#sealed[0]) {
      await this.#syncFile(first, first.endOffset);
      if (this.#isGivenUp) return;
    }
    if (active !== undefined) await this.#syncFile(active, endOffset);
  }

  /** A write or sync failed: what is under way counts no more. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** After a truncation: the log ends at `endOffset`, and that is on the disk. */
  restartAt(endOffset: number): void {
    this.#sealed = [];
    this.#active = undefined;
    this.#syncedEnd = endOffset;
    this.#syncedRecordCount = this.#writtenRecordCount;
  }

  /** `endOffset` is not beyond what the file holds. */
  async #syncFile(unsynced: UnsyncedFile, endOffset: number): Promise<void> {
    if (this.#syncedEnd >= endOffset) return;
    const { recordCount } = unsynced;
    unsynced.syncCount += 1;
    try {
      await this.#sync.run(unsynced.file);
    } catch (cause) {
      throw new SyncFailed('a sync of the log failed', { cause });
    } finally {
      unsynced.syncCount -= 1;
      this.#leaveIfDone(unsynced);
    }
    if (this.#isGivenUp || this.#syncedEnd >= endOffset) return;
    this.#syncedRecordCount = Math.max(this.#syncedRecordCount, recordCount);
    this.#syncedEnd = endOffset;
    this.#dropSynced();
    this.#listener.synced(endOffset);
  }

  #dropSynced(): void {
    const dropped = this.#sealed.filter(({ endOffset }) => endOffset <= this.#syncedEnd);
    this.#sealed = this.#sealed.slice(dropped.length);
    for (const each of dropped) {
      each.isDone = true;
      this.#leaveIfDone(each);
    }
  }

  #leaveIfDone(unsynced: UnsyncedFile): void {
    if (unsynced.isDone && unsynced.syncCount === 0) this.#listener.left(unsynced.segment);
  }
}
