/**
 * The files of one partition as its writer needs them: made at the first append, in an order that a crash may cut anywhere
 * (C-7, H-11), rolled, and cut back after a write that failed.
 *
 * First append: the directory, partition.metadata (synced), leader-epoch-checkpoint (synced), an empty `.log`; then the
 * partition's directory and the log directory are synced; only then is anything written to the `.log`. Roll: the indexes of the
 * segment that is left (synced), a producer snapshot, the new `.log`; then the directory is synced.
 */
import type { DiskFile } from '../kernel/env.ts';
import { replaceFile } from './atomic-file.ts';
import { formatLeaderEpochFile, LEADER_EPOCH_FILE } from './leader-epoch-file.ts';
import type { EpochEntry } from './leader-epochs.ts';
import { isDescriptorShortage, isShortage } from './log-failure.ts';
import type { LogHost } from './log-host.ts';
import { formatPartitionMetadata, PARTITION_METADATA_FILE } from './partition-metadata.ts';
import type { Segment, SegmentContext } from './segment.ts';
import { segmentFileName } from './segment-files.ts';

export interface LogFilesState {
  readonly context: SegmentContext;
  readonly topicId: string;
  /** Whether directory and partition.metadata are there. */
  readonly directoryMade: boolean;
  readonly epochsOnDisk: readonly EpochEntry[] | undefined;
  /** Whether the writer needs the active segment's file no more before the next batch. */
  readonly isIdle: () => boolean;
}

interface ActiveFile {
  readonly segment: Segment;
  readonly file: DiskFile;
  /** It was cut after a write that failed, and that is not known to be on the disk. */
  cutBack: boolean;
}

export class LogFiles {
  readonly #host: LogHost;
  readonly #context: SegmentContext;
  readonly #directory: string;
  readonly #topicId: string;
  readonly #isIdle: () => boolean;
  #directoryMade: boolean;
  #epochsOnDisk: readonly EpochEntry[] | undefined;
  /** Work on files is under way that `#isIdle` may not know of. */
  #busyCount = 0;
  #active: ActiveFile | undefined;
  /** Segments that the log has left, and whose files stay open until all of them is on the disk. */
  readonly #left = new Set<Segment>();

  constructor(host: LogHost, state: LogFilesState) {
    this.#host = host;
    this.#context = state.context;
    this.#directory = state.context.directory;
    this.#topicId = state.topicId;
    this.#isIdle = state.isIdle;
    this.#directoryMade = state.directoryMade;
    this.#epochsOnDisk = state.epochsOnDisk;
  }

  /** The open file of `segment`; makes it, and all that must be on the disk before its first batch. */
  async makeReady(
    segment: Segment,
    previous: Segment | undefined,
    epochs: readonly EpochEntry[],
    indexIntervalBytes: number,
  ): Promise<DiskFile> {
    const known = this.#active;
    if (known?.segment === segment && epochs === this.#epochsOnDisk) return known.file;
    return await this.#busily(async () => {
      if (!segment.created) return this.#create(segment, previous, epochs, indexIntervalBytes);
      await this.#replaceEpochsDurably(epochs);
      return known?.segment === segment ? known.file : this.#pin(segment, 'open');
    });
  }

  /** Writes leader-epoch-checkpoint and makes it durable, unless it says the same already. */
  async saveEpochs(epochs: readonly EpochEntry[]): Promise<void> {
    if (this.#directoryMade) await this.#replaceEpochsDurably(epochs);
  }

  /** The segment's file as it was before a write that failed; `settle` makes that last. */
  async cutBack(segment: Segment): Promise<void> {
    const active = this.#active;
    if (active?.segment !== segment) return;
    active.cutBack = true;
    await active.file.truncate(segment.writtenBytes);
  }

  /**
   * Syncs the file that was cut back, if one was: its sizes are about to be relied upon, and no sync of records may have
   * come since. Not done when it is cut: that would cost a sync for each batch that a full disk refuses.
   */
  async settle(): Promise<void> {
    const active = this.#active;
    if (active?.cutBack !== true) return;
    await this.#host.sync.run(active.file);
    active.cutBack = false;
  }

  /** Cuts the segment's file, for good. */
  async truncate(segment: Segment, bytes: number): Promise<void> {
    await this.#busily(async () => {
      const file = this.#active?.segment === segment ? this.#active.file : await this.#pin(segment, 'open');
      await file.truncate(bytes);
      await this.#host.sync.run(file);
      await this.#host.env.disk.syncDirectory(this.#directory);
    });
  }

  /** Not synced: it has a checksum and can be derived. */
  async writeSnapshot(offset: number, snapshot: Buffer): Promise<void> {
    const file = await this.#host.env.disk.open(this.#snapshotPath(offset), 'w+');
    try {
      await file.writev([snapshot], 0);
      await file.truncate(snapshot.length);
    } finally {
      await file.close();
    }
  }

  async removeSnapshot(offset: number): Promise<void> {
    await this.#host.env.disk.remove(this.#snapshotPath(offset));
  }

  /** All of a segment that the log does not write to any more is on the disk. */
  leave(segment: Segment): void {
    if (this.#left.delete(segment)) this.#host.files.unpin(segment.path);
  }

  /** The segment is deleted or left: its file is no longer written. */
  release(): void {
    if (this.#active !== undefined) this.#host.files.unpin(this.#active.segment.path);
    this.#active = undefined;
  }

  async #create(
    segment: Segment,
    previous: Segment | undefined,
    epochs: readonly EpochEntry[],
    indexIntervalBytes: number,
  ): Promise<DiskFile> {
    const { env } = this.#host;
    const newDirectory = !this.#directoryMade;
    if (newDirectory) await this.#makeDirectory();
    env.fault('log.create.before-files');
    await this.#replaceEpochs(epochs);
    if (previous?.created === true) {
      await this.settle();
      await this.#sealIndexes(previous, indexIntervalBytes);
      if (segment.snapshot !== undefined) await this.writeSnapshot(segment.baseOffset, segment.snapshot);
    }
    const left = this.#active;
    this.#active = undefined;
    try {
      const file = await this.#pin(segment, 'create');
      // What an earlier attempt left behind.
      await file.truncate(0);
      env.fault('log.create.before-directory-sync');
      await env.disk.syncDirectory(this.#directory);
      if (newDirectory) await this.#host.syncRoot();
      this.#directoryMade = true;
      this.#noteSealed(previous, segment);
      segment.created = true;
      segment.snapshot = undefined;
      if (left !== undefined) this.#left.add(left.segment);
      return file;
    } catch (error) {
      await this.#takeAway(segment);
      this.#active = left;
      throw error;
    }
  }

  /** Tells of the files beside the `.log` that a roll leaves; some of it may have been told before. */
  #noteSealed(previous: Segment | undefined, { snapshot }: Segment): void {
    if (previous?.created !== true) return;
    let bytes = snapshot?.length ?? 0;
    for (const { entries } of [previous.offsetIndex, previous.timeIndex]) bytes += entries.count * entries.entryBytes;
    this.#host.grew(bytes);
  }

  /**
   * An index can be derived: one that the disk does not take is no reason to refuse the batches, which it may take. Also when
   * a sync fails, as no promise rests on an index (D12): the next process finds what is missing and builds it anew. Without
   * room or descriptors the roll would fail at its next step anyway.
   */
  async #sealIndexes(segment: Segment, indexIntervalBytes: number): Promise<void> {
    const { env, indexes, sync } = this.#host;
    try {
      await indexes.seal(this.#context, segment, indexIntervalBytes, sync);
    } catch (error) {
      if (isShortage(error)) throw error;
      env.log.warn(`${segment.path}: its index files cannot be written: ${String(error)}`);
    }
  }

  /**
   * Removes the empty file of a segment that could not be made. The log may go on in the segment before it, past this one's
   * base offset: a file that stayed would then stand among batches that it does not hold.
   */
  async #takeAway(segment: Segment): Promise<void> {
    const { env, files } = this.#host;
    if (this.#active?.segment === segment) this.release();
    await files.drop(segment.path);
    try {
      await env.disk.remove(segment.path);
    } catch (error) {
      env.log.warn(`${segment.path} is empty and cannot be removed: ${String(error)}`);
    }
  }

  async #makeDirectory(): Promise<void> {
    const { env, sync } = this.#host;
    await this.#host.prepareRoot();
    await this.#host.checkRoot();
    await env.disk.makeDirectory(this.#directory);
    const metadata = Buffer.from(formatPartitionMetadata(this.#topicId));
    await replaceFile(env.disk, sync, `${this.#directory}/${PARTITION_METADATA_FILE}`, metadata);
  }

  async #replaceEpochsDurably(epochs: readonly EpochEntry[]): Promise<void> {
    if (!(await this.#replaceEpochs(epochs))) return;
    try {
      await this.#host.env.disk.syncDirectory(this.#directory);
    } catch (error) {
      // Its name may not last: the next attempt does it all again.
      this.#epochsOnDisk = undefined;
      throw error;
    }
  }

  /** True when the file was replaced. */
  async #replaceEpochs(epochs: readonly EpochEntry[]): Promise<boolean> {
    if (epochs === this.#epochsOnDisk) return false;
    const text = formatLeaderEpochFile(epochs);
    const same = this.#epochsOnDisk !== undefined && text === formatLeaderEpochFile(this.#epochsOnDisk);
    if (!same) {
      const { env, sync } = this.#host;
      await replaceFile(env.disk, sync, `${this.#directory}/${LEADER_EPOCH_FILE}`, Buffer.from(text));
    }
    this.#epochsOnDisk = epochs;
    return !same;
  }

  /** Runs `work`, during which the file is not let go; without descriptors, once more when other logs let theirs go. */
  async #busily<T>(work: () => Promise<T>): Promise<T> {
    this.#busyCount += 1;
    try {
      return await work();
    } catch (error) {
      if (!isDescriptorShortage(error)) throw error;
      await this.#host.files.closeUnused();
      return await work();
    } finally {
      this.#busyCount -= 1;
    }
  }

  /** Gives the file up when nobody needs it just now; the next batch opens it again. */
  #letGo(segment: Segment): boolean {
    if (this.#busyCount > 0 || !this.#isIdle()) return false;
    const active = this.#active;
    if (active?.segment !== segment) return this.#left.delete(segment);
    if (active.cutBack) return false;
    this.#active = undefined;
    return true;
  }

  async #pin(segment: Segment, mode: 'open' | 'create'): Promise<DiskFile> {
    const file = await this.#host.files.pin(segment.path, mode, () => this.#letGo(segment));
    this.release();
    this.#active = { segment, file, cutBack: false };
    return file;
  }

  #snapshotPath(offset: number): string {
    return `${this.#directory}/${segmentFileName(offset, '.snapshot')}`;
  }
}
