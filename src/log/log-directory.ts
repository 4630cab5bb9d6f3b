/**
 * One broker's log directory and what is ours beside it:
 *
 *   brokers/<id>/close-record                       close-record.ts
 *   brokers/<id>/log-starts                         log-starts.ts: made by the first deletion
 *   brokers/<id>/log/meta.properties                made with the directory, at the first append
 *   brokers/<id>/log/.kafka_cleanshutdown           there only while the directory is closed
 *   brokers/<id>/log/recovery-point-offset-checkpoint, replication-offset-checkpoint
 *   brokers/<id>/log/<topic>-<partition>/           log-files.ts
 *
 * Sync calls of one open, append and close on a directory and partition that exist and were closed cleanly (DESIGN 5.6):
 *
 *   when    what                                                            calls
 *   open    log directory, once the clean marker is removed (C-6)           1
 *   append  the .log, one a group                                           1
 *   close   close-record.tmp, then the broker's directory                   2
 *           recovery-point-offset-checkpoint.tmp                            1
 *           replication-offset-checkpoint.tmp                               1
 *           .kafka_cleanshutdown.tmp, then the log directory                2
 *                                                                           8
 *
 * A file that would not change is not written again: without an append a close is the marker and its directory, 2 calls.
 * The order at a close is what makes the marker true: data, then close record, then checkpoints and marker. Snapshots and the
 * indexes of the active segment are not synced: whoever uses them checks them, and all of them can be derived. A roll makes
 * these calls more, whatever the durability, as no recovery walks the segment that is left once more:
 *
 *   roll    the .log that is left, unless all of it is synced already;
 *           in the background unless each write is synced                   0-1
 *           its .index and .timeindex                                       2
 *           the partition's directory, for the names of the new files       1
 *
 * A recovery syncs the indexes of the segments that it walked, and what it kept of their .log.
 */

import { SyncQueue } from '../disk/sync-queue.ts';
import type { Env } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { SlabPool } from '../kernel/slab-pool.ts';
import { KafkaError } from '../protocol/errors.ts';
import { type FileSync, readOwnFile, replaceFile } from './atomic-file.ts';
import { CLEAN_MARKER_FILE, formatCleanMarker, parseCleanMarker } from './clean-marker.ts';
import { closeLogs } from './close-logs.ts';
import type { ClosedPartition } from './close-record.ts';
import { logBytesOf } from './closed-partition.ts';
import { type CompactionOrder, type CompactionOutcome, compactDirtiest } from './compaction/compact-logs.ts';
import { DeletedFiles } from './deleted-files.ts';
import { checkOwner } from './directory-owner.ts';
import { DirectoryRecords } from './directory-records.ts';
import { DirectorySize } from './directory-size.ts';
import { DiskTrouble } from './disk-trouble.ts';
import { loadLog } from './loader.ts';
import type { LogConfig } from './log-config.ts';
import { isDescriptorShortage, isShortage, storageError } from './log-failure.ts';
import type { LogHost } from './log-host.ts';
import { LogRoot } from './log-root.ts';
import { LogStarts } from './log-starts.ts';
import { OpenFiles } from './open-files.ts';
import { adoptDirectory, claimDirectory } from './partition-directory.ts';
import { PartitionFolders, type TopicIdentities } from './partition-folders.ts';
import { PartitionLog } from './partition-log.ts';
import { type SweepOrder, sweepLogs } from './retention.ts';
import { parsePartitionName, partitionName } from './segment-files.ts';
import { SegmentIndexes } from './segment-indexes.ts';

export { ForeignLogDirectoryError } from './directory-owner.ts';
export type { TopicIdentities } from './partition-folders.ts';
export type { SweepOrder } from './retention.ts';

export interface LogDirectoryOptions {
  /** brokers/<id>; the log directory is `log` in it. */
  readonly brokerDirectory: string;
  readonly clusterId: string;
  readonly brokerId: number;
  readonly brokerEpoch: number;
  /** Whether this process may still write. */
  readonly canWrite: () => boolean;
  /** False when the caller knows better than the marker: then every partition is recovered. */
  readonly lastCloseWasClean?: boolean;
  /** Shared with others of the process where they have one. */
  readonly sync?: FileSync;
  readonly pool?: SlabPool;
  /** As LogRootOptions has it. */
  readonly onRootMade?: () => Promise<void>;
  /** Absent: there is no cap. */
  readonly size?: DirectorySize;
  /** Absent: nothing is known of topics, and no folder is put aside for that. */
  readonly topics?: TopicIdentities;
}

export interface OpenPartitionOptions {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  readonly config: LogConfig;
  readonly leaderEpoch: number;
}

const SEALED_FILES_OPEN_MAX = 64;
/** Of active segments; those that are being written may be more. */
const ACTIVE_FILES_OPEN_MAX = 512;

/**
 * Whether the broker's last process closed its logs cleanly (C-6); also when it never had any. With `previousBrokerEpoch`, the
 * epoch of the broker's newest registration, a marker of any other epoch does not count: it is that of a process which
 * was no longer the broker when it closed. Writes nothing.
 */
export async function lastCloseWasClean(
  env: Env,
  brokerDirectory: string,
  previousBrokerEpoch?: number,
): Promise<boolean> {
  const directory = `${brokerDirectory}/log`;
  const epoch = await readMarker(env, directory);
  if (epoch === undefined) return (await env.disk.stat(directory)) === undefined;
  return previousBrokerEpoch === undefined || epoch === previousBrokerEpoch;
}

export class LogDirectory {
  readonly #env: Env;
  readonly #options: LogDirectoryOptions;
  /** brokers/<id>/log */
  readonly #directory: string;
  readonly #host: LogHost;
  readonly #records: DirectoryRecords;
  readonly #folders: PartitionFolders;
  readonly #closedCleanly: boolean;
  readonly #deleted: DeletedFiles;
  /** Sweeps run one after the other and never reject. */
  #sweeping: Promise<number> = Promise.resolve(0);
  readonly #size: DirectorySize;
  readonly #opening = new Map<string, Promise<PartitionLog>>();
  readonly #logs = new Map<string, PartitionLog>();
  /** Closed cleanly by this process: their lines hold whatever the directory's last close was. */
  readonly #left = new Set<string>();
  readonly #root: LogRoot;

  private constructor(
    env: Env,
    options: LogDirectoryOptions,
    found: { records: DirectoryRecords; starts: LogStarts; sync: FileSync; closedCleanly: boolean; rootThere: boolean },
  ) {
    this.#env = env;
    this.#options = options;
    this.#directory = `${options.brokerDirectory}/log`;
    this.#records = found.records;
    this.#folders = new PartitionFolders(env, this.#directory, found.records, found.starts);
    this.#closedCleanly = found.closedCleanly;
    this.#root = new LogRoot(env, found.sync, options, found.rootThere);
    const files = new OpenFiles(env.disk, SEALED_FILES_OPEN_MAX, ACTIVE_FILES_OPEN_MAX);
    const { canWrite } = options;
    const size = options.size ?? new DirectorySize(env.disk, options.brokerDirectory);
    this.#size = size;
    if (found.closedCleanly) size.found(found.records.countedBytes);
    const grew = (bytes: number): void => size.grew(bytes);
    this.#deleted = new DeletedFiles({ env, canWrite, grew });
    this.#host = {
      env,
      files,
      indexes: new SegmentIndexes(files),
      sync: found.sync,
      pool: options.pool ?? new SlabPool(),
      logStarts: found.starts,
      deleted: this.#deleted,
      trouble: new DiskTrouble(env.log, this.#directory),
      readTrouble: new DiskTrouble(env.log, this.#directory),
      canWrite,
      prepareRoot: () => this.#root.prepare(),
      checkRoot: () => this.#root.check(),
      syncRoot: () => env.disk.syncDirectory(this.#directory),
      advanced: (name, when) => this.#records.advanced(name, when),
      forgetFrom: (name, endOffset) => this.#records.forgetFrom(name, endOffset),
      compactions: found.records,
      grew,
      queued: (bytes) => size.queued(bytes),
      admit: (bytes) => size.admit(bytes),
      damaged: (name, offset) => this.#logs.get(name)?.markDamaged(offset),
    };
    this.#records.watch((name) => this.#logs.get(name));
  }

  /**
   * Takes the directory over: reads what the last close left and removes the marker, durably, before anything is written.
   * @throws UnknownFormatError, ForeignLogDirectoryError, NoRegularFileError: nothing was changed
   */
  static async open(env: Env, options: LogDirectoryOptions): Promise<LogDirectory> {
    const directory = `${options.brokerDirectory}/log`;
    const sync = options.sync ?? new SyncQueue(env);
    const records = new DirectoryRecords(env, sync, options.brokerDirectory, options.canWrite);
    const starts = new LogStarts(env, sync, options.brokerDirectory);
    const [marker, root] = await Promise.all([
      readMarker(env, directory),
      env.disk.stat(directory),
      records.load(),
      starts.load(),
      checkOwner(env, directory, options),
    ]);
    const rootThere = root !== undefined;
    const closedCleanly = !rootThere || (marker !== undefined && options.lastCloseWasClean !== false);
    // Of a process that was killed between rename and sync, what was read may be gone again with the power: it may not have
    // been acted upon by then, as by removing what lies before a log's start.
    if (rootThere && !closedCleanly) await env.disk.syncDirectory(options.brokerDirectory);
    if (marker !== undefined) await env.disk.remove(`${directory}/${CLEAN_MARKER_FILE}`);
    if (rootThere && (marker !== undefined || !closedCleanly)) await env.disk.syncDirectory(directory);
    const logs = new LogDirectory(env, options, { records, starts, sync, closedCleanly, rootThere });
    if (!closedCleanly) await logs.#folders.clear(options.topics);
    return logs;
  }

  /**
   * The partition's log, opened (and recovered where that is needed) at the first call. Makes nothing on the disk before the
   * first append. A directory of that name that belongs to another topic id is put aside.
   * @throws KafkaError KAFKA_STORAGE_ERROR (rejects) without room or descriptors: a later call may succeed
   */
  openPartition(options: OpenPartitionOptions): Promise<PartitionLog> {
    const name = partitionName(options.topic, options.partition);
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#openPartition(name, options).catch(async (error) => {
        this.#opening.delete(name);
        if (isDescriptorShortage(error)) await this.#host.files.closeUnused();
        this.#tellTrouble(name, error instanceof KafkaError ? error.cause : error);
        throw errorCodeOf(error) === undefined ? error : storageError(`${name} cannot be opened`, error);
      });
      this.#opening.set(name, opening);
    }
    return opening;
  }

  #tellTrouble(name: string, cause: unknown): void {
    if (errorCodeOf(cause) === undefined) return;
    const { trouble, readTrouble } = this.#host;
    (isShortage(cause) ? trouble : readTrouble).tell(`${this.#directory}/${name}`, cause);
  }

  /** The log, when it is open already. */
  opened(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(partitionName(topic, partition));
  }

  /** Closes and removes the partition; nothing happens when what is there belongs to another topic id. */
  async deletePartition(topic: string, partition: number, topicId: string): Promise<void> {
    const name = partitionName(topic, partition);
    // What cannot be opened can be deleted all the same; whoever opens it is told why not.
    const log = await this.#opening.get(name)?.catch(() => undefined);
    if (log !== undefined && log.topicId === topicId) {
      await log.close();
      this.#opening.delete(name);
      this.#logs.delete(name);
    }
    const directory = `${this.#directory}/${name}`;
    if ((await adoptDirectory(this.#env.disk, directory, topicId)) === 'other') return;
    const bytes = log?.sizeBytes ?? logBytesOf(this.#records.closedPartition(name, topicId));
    await this.#folders.remove(name);
    this.#size.grew(-bytes);
  }

  /**
   * Deletes what retention, DeleteRecords or want of room takes of the open logs; answers how many segments went. One at a
   * time, never rejects: what fails is told and is tried again by the next.
   */
  sweep(order: SweepOrder = {}): Promise<number> {
    const done = this.#sweeping.then(() => this.#sweep(order));
    this.#sweeping = done;
    return done;
  }

  /** Compacts the open log that needs it most; undefined when none does. One at a time is its caller's duty. Never rejects. */
  compact(order: CompactionOrder): Promise<CompactionOutcome | undefined> {
    return compactDirtiest(this.#env, [...this.#logs.values()], order);
  }

  /** Bytes of the `.log` files by partition name, of all partitions that are open or were closed cleanly. */
  sizes(): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for (const [name, closed] of this.#records.closedPartitions()) sizes.set(name, logBytesOf(closed));
    for (const [name, log] of this.#logs) sizes.set(name, log.sizeBytes);
    return Promise.resolve(sizes);
  }

  /**
   * Closes logs that nobody uses, nor opens meanwhile. Those that failed or are damaged stay open: what is known of them is not on
   * the disk.
   */
  async closePartitions(names: ReadonlySet<string>): Promise<void> {
    if (!this.#host.canWrite()) return;
    const logs = [...this.#logs.values()].filter(
      ({ name, failed, damagedAt }) => names.has(name) && failed === undefined && damagedAt === undefined,
    );
    const clean = await closeLogs(this.#records, logs);
    // Checkpoints say what an open log says.
    await this.#records.checkpoint().catch((error) => this.#env.log.warn(`checkpoints: ${String(error)}`));
    for (const { name } of logs) {
      this.#opening.delete(name);
      this.#logs.delete(name);
      if (clean.has(name)) this.#left.add(name);
      else this.#left.delete(name);
    }
  }

  /** What the last clean close says of a partition; undefined when it says nothing, or the partition is open. */
  closedPartition(topic: string, partition: number, topicId: string): ClosedPartition | undefined {
    const name = partitionName(topic, partition);
    return this.#opening.has(name) ? undefined : this.#records.closedPartition(name, topicId);
  }

  /** Up to where (exclusive) a partition was compacted, open or not; undefined when it never was. */
  cleanedOffset(topic: string, partition: number): Promise<number | undefined> {
    return this.#records.cleanedOffset(partitionName(topic, partition));
  }

  /** Whether the directory was closed cleanly before it was opened: then nothing is recovered that was closed with it. */
  get closedCleanly(): boolean {
    return this.#closedCleanly;
  }

  /** Partitions that have files, are not open, and will be recovered when they are: after an unclean end all, else those without a line. */
  async unrecovered(): Promise<readonly { topic: string; partition: number }[]> {
    if (!this.#root.isThere) return [];
    const found = [];
    for (const name of await this.#env.disk.list(this.#directory)) {
      const parsed = parsePartitionName(name);
      if (parsed === undefined || this.#opening.has(name)) continue;
      const isTrusted = this.#closedCleanly || this.#left.has(name);
      if (!isTrusted || !this.#records.hasLine(name)) found.push(parsed);
    }
    return found;
  }

  /** Flushes and closes all logs and leaves what the next open needs. Nothing may be in flight. */
  async close(): Promise<void> {
    await this.#records.stop();
    await Promise.allSettled(this.#opening.values());
    const logs = [...this.#logs.values()];
    // Whoever lives for one command sweeps here: what it opened, where that costs nothing.
    const names = new Set(logs.filter(({ hasSealed }) => hasSealed).map(({ name }) => name));
    await this.sweep({ names, atOnce: true });
    await closeLogs(this.#records, logs);
    let clean = true;
    for (const log of logs) if (log.failed !== undefined) clean = false;
    await this.#deleted.removeAll();
    await this.#host.files.close();
    if (!this.#root.isThere || !this.#host.canWrite()) return;
    this.#records.noteTotal(this.#size.folderBytes);
    await this.#records.save();
    if (!clean || this.#host.logStarts.isUnsure) return;
    const marker = Buffer.from(formatCleanMarker(this.#options.brokerEpoch));
    this.#env.fault('log.close.before-marker');
    await replaceFile(this.#env.disk, this.#host.sync, `${this.#directory}/${CLEAN_MARKER_FILE}`, marker);
    await this.#env.disk.syncDirectory(this.#directory);
  }

  async #sweep(order: SweepOrder): Promise<number> {
    const logs = [...this.#logs.values()].filter(({ name }) => order.names?.has(name) !== false);
    if (logs.length === 0 || !this.#host.canWrite()) return 0;
    const count = await sweepLogs(this.#env, this.#host.logStarts, logs, order);
    if (order.atOnce === true) await this.#deleted.removeAll();
    return count;
  }

  async #openPartition(name: string, options: OpenPartitionOptions): Promise<PartitionLog> {
    const { topic, partition, topicId, config, leaderEpoch } = options;
    const directory = `${this.#directory}/${name}`;
    const { topics } = this.#options;
    const adopted = await adoptDirectory(this.#env.disk, directory, topicId, (id) => topics?.isDeleted(id) === true);
    const isAnother = adopted === 'other' || adopted === 'deleted';
    if (adopted === 'deleted') await this.#folders.remove(name);
    if (adopted === 'other') await this.#folders.putAside(name);
    const { logStarts } = this.#host;
    const closed = isAnother ? undefined : this.#records.closedPartition(name, topicId);
    const loaded = await loadLog({
      env: this.#env,
      files: this.#host.files,
      sync: this.#host.sync,
      directory,
      config,
      closedCleanly: this.#closedCleanly || this.#left.has(name),
      closed,
      durable: () => this.#records.durable(name),
      logStarts: { state: logStarts.state, offset: logStarts.get(name, topicId) },
    });
    const damaged = loaded.damagedAt !== undefined;
    const fresh = !damaged && !loaded.segments.some((segment) => segment.created);
    if (fresh) await this.#records.forget(name);
    else if (adopted === 'absent' && !damaged)
      await claimDirectory(this.#env.disk, this.#host.sync, directory, topicId);
    if (loaded.recovered && !damaged) await this.#host.syncRoot();
    const context = { env: this.#env, files: this.#host.files, directory };
    const identity = { topic, partition, topicId, name, config, leaderEpoch, context, directoryMade: !fresh };
    const log = new PartitionLog(this.#host, identity, loaded);
    if (loaded.recovered) this.#records.advanced(name);
    this.#logs.set(name, log);
    return log;
  }
}

async function readMarker(env: Env, directory: string): Promise<number | undefined> {
  const content = await readOwnFile(env.disk, `${directory}/${CLEAN_MARKER_FILE}`);
  return content === undefined ? undefined : parseCleanMarker(content.toString('latin1'));
}
