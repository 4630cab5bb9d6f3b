/**
 * What a log directory writes down about all its partitions: the close record, and Kafka's checkpoint files for recovery points
 * and high watermarks. Checkpoints are written in the background while logs grow (C-8), and once more at the close; none is
 * written that would not change. Partitions that nobody opened keep what is written of them, unparsed.
 */
import { crc32c } from '../kernel/crc32c.ts';
import type { Env, Timer } from '../kernel/env.ts';
import { type FileSync, PRODUCERS_FILE_BYTES_MAX, readFileIfThere, readOwnFile, replaceFile } from './atomic-file.ts';
import { formatOffsetCheckpoint, type OffsetsByPartition, parseOffsetCheckpoint } from './checkpoint-file.ts';
import {
  CLOSE_RECORD_FILE,
  type ClosedPartition,
  formatCloseRecord,
  formatCloseRecordLine,
  hexCrc,
  parseCloseRecord,
  parseCloseRecordLine,
  withoutDigests,
} from './close-record.ts';
import { META_PROPERTIES_FILE } from './meta-properties.ts';
import type { LogCloseResult, PartitionLog } from './partition-log.ts';

const CHECKPOINT_MS = 5000;
/** After a roll: what is written down then is what tells damage from a loss that was possible. */
const CHECKPOINT_SOON_MS = 500;
const RECOVERY_POINT_FILE = 'recovery-point-offset-checkpoint';
const HIGH_WATERMARK_FILE = 'replication-offset-checkpoint';
const LOG_START_FILE = 'log-start-offset-checkpoint';
/** A log that it names was compacted, and may have gaps, whatever its configuration says now. */
const CLEANER_FILE = 'cleaner-offset-checkpoint';

/** What the checkpoints say of one partition. */
export interface DurableOffsets {
  /** Everything below was once on the disk. */
  readonly recoveryPoint: number;
  readonly logStartOffset: number;
  /** Up to where (exclusive) it was compacted; undefined when it never was. */
  readonly cleanedOffset?: number | undefined;
}

export class DirectoryRecords {
  readonly #env: Env;
  readonly #sync: FileSync;
  readonly #brokerDirectory: string;
  readonly #canWrite: () => boolean;
  readonly #recoveryPoints: Checkpoint;
  readonly #highWatermarks: Checkpoint;
  readonly #logStarts: Checkpoint;
  readonly #cleanedOffsets: Checkpoint;
  #lines = new Map<string, string>();
  #linesChanged = false;
  /** What the record says of the directory's own files. */
  #files: ReadonlyMap<string, string> | undefined;
  /** Whether a checkpoint was replaced since. */
  #filesChanged = false;
  /** As read; as the record on the disk says; and as the next one will say. */
  #countedBytes: number | undefined;
  #writtenBytes: number | undefined;
  #totalBytes: number | undefined;
  #openLog: (name: string) => PartitionLog | undefined = () => undefined;
  readonly #advanced = new Set<string>();
  #timer: Timer | undefined;
  #isTimerSoon = false;
  /** Writes one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(env: Env, sync: FileSync, brokerDirectory: string, canWrite: () => boolean) {
    this.#env = env;
    this.#sync = sync;
    this.#brokerDirectory = brokerDirectory;
    this.#canWrite = canWrite;
    const checkpoint = (name: string): Checkpoint => new Checkpoint(env, sync, `${brokerDirectory}/log`, name);
    this.#recoveryPoints = checkpoint(RECOVERY_POINT_FILE);
    this.#highWatermarks = checkpoint(HIGH_WATERMARK_FILE);
    this.#logStarts = checkpoint(LOG_START_FILE);
    this.#cleanedOffsets = checkpoint(CLEANER_FILE);
  }

  /** Reads the close record. @throws UnknownFormatError, NoRegularFileError */
  async load(): Promise<void> {
    const content = await readOwnFile(this.#env.disk, this.#closeRecordPath, PRODUCERS_FILE_BYTES_MAX);
    const record = content === undefined ? undefined : parseCloseRecord(content);
    if (record === undefined) return;
    this.#lines = record.linesByName;
    this.#files = record.files;
    this.#countedBytes = record.totalBytes;
    this.#writtenBytes = record.totalBytes;
  }

  /** Bytes in the broker's folder as the last close counted them; undefined when it did not. */
  get countedBytes(): number | undefined {
    return this.#countedBytes;
  }

  /** Bytes in the broker's folder now that all is closed. A record that is written before this is said tells none. */
  noteTotal(bytes: number | undefined): void {
    this.#totalBytes = bytes;
    if (bytes !== this.#writtenBytes) this.#linesChanged = true;
  }

  /** From whom the offsets of open logs come. */
  watch(openLog: (name: string) => PartitionLog | undefined): void {
    this.#openLog = openLog;
  }

  /** Whether the last clean close says anything of a partition of that name. */
  hasLine(name: string): boolean {
    return this.#lines.has(name);
  }

  /** What the last clean close says of the partition; undefined when it is of another topic id. */
  closedPartition(name: string, topicId: string): ClosedPartition | undefined {
    const line = this.#lines.get(name);
    const closed = line === undefined ? undefined : parseCloseRecordLine(line);
    return closed?.topicId === topicId ? closed : undefined;
  }

  /** What the last clean close says of every partition that nobody opened since. */
  closedPartitions(): ReadonlyMap<string, ClosedPartition> {
    const closed = new Map<string, ClosedPartition>();
    for (const [name, line] of this.#lines) {
      const parsed = this.#openLog(name) === undefined ? parseCloseRecordLine(line) : undefined;
      if (parsed !== undefined) closed.set(name, parsed);
    }
    return closed;
  }

  async durable(name: string): Promise<DurableOffsets> {
    const [recoveryPoints, logStarts, cleaned] = await Promise.all([
      this.#recoveryPoints.offsets(),
      this.#logStarts.offsets(),
      this.#cleanedOffsets.offsets(),
    ]);
    return {
      recoveryPoint: recoveryPoints.get(name) ?? 0,
      logStartOffset: logStarts.get(name) ?? 0,
      cleanedOffset: cleaned.get(name),
    };
  }

  /** An open log's durable end or high watermark moved; with `soon` that is written down within CHECKPOINT_SOON_MS. */
  advanced(name: string, when?: 'soon'): void {
    this.#advanced.add(name);
    const isSoon = when === 'soon';
    if (this.#stopped || (this.#timer !== undefined && (this.#isTimerSoon || !isSoon))) return;
    this.#timer?.cancel();
    this.#isTimerSoon = isSoon;
    const due = (): void => {
      this.#timer = undefined;
      this.#checkpoint();
    };
    this.#timer = this.#env.clock.timer(isSoon ? CHECKPOINT_SOON_MS : CHECKPOINT_MS, due, true);
  }

  /** Takes back what is promised of offsets from `endOffset` on: durable when it resolves. */
  forgetFrom(name: string, endOffset: number): Promise<void> {
    return this.#inTurn(async () => {
      const line = this.#lines.get(name);
      const closed = line === undefined ? undefined : parseCloseRecordLine(line);
      if (closed !== undefined && closed.endOffset > endOffset) this.#dropLine(name);
      for (const checkpoint of [this.#recoveryPoints, this.#highWatermarks, this.#cleanedOffsets]) {
        const offset = (await checkpoint.offsets()).get(name);
        if (offset !== undefined && offset > endOffset) await checkpoint.set(name, endOffset);
      }
      await this.#saveAll();
    });
  }

  /** Up to where (exclusive) the partition was compacted; undefined when it never was. */
  async cleanedOffset(name: string): Promise<number | undefined> {
    return (await this.#cleanedOffsets.offsets()).get(name);
  }

  /**
   * Notes that offsets may be missing in the partition, by naming it in the checkpoint (with `cleanedOffset` where it is not yet)
   * and in its line, and takes back what that says of the files of segments. Durable when it resolves.
   */
  beginCompaction(name: string, cleanedOffset: number): Promise<void> {
    return this.#inTurn(async () => {
      if ((await this.cleanedOffset(name)) === undefined) await this.#cleanedOffsets.set(name, cleanedOffset);
      const line = this.#lines.get(name);
      const closed = line === undefined ? undefined : parseCloseRecordLine(line);
      const told = closed === undefined ? line : formatCloseRecordLine(name, withoutDigests(closed));
      if (told !== undefined && told !== line) {
        this.#lines.set(name, told);
        this.#linesChanged = true;
      }
      await this.#saveAll();
    });
  }

  /** Notes how far (exclusive) the partition was compacted. */
  cleaned(name: string, offset: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#cleanedOffsets.set(name, offset);
      await this.#saveCheckpoints();
    });
  }

  /** Takes back everything that is written of the partitions: durable when it resolves. */
  forget(...names: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const name of names) {
        if (this.#lines.has(name)) this.#dropLine(name);
        this.#advanced.delete(name);
        for (const checkpoint of this.#checkpoints) await checkpoint.set(name, undefined);
      }
      await this.#saveAll();
    });
  }

  /** Writes the checkpoints, durably. */
  checkpoint(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#noteAdvanced();
      await this.#saveCheckpoints();
    });
  }

  /** Ends the background checkpoints. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#writing;
  }

  /** Notes what a log left at its close; `save` writes it. */
  closed(log: PartitionLog, result: LogCloseResult): void {
    if (result === 'unchanged') return;
    if (result === 'unclean') {
      // What the line promises still tells damage from a loss; and it is not to be trusted.
      const before = this.closedPartition(log.name, log.topicId);
      if (before !== undefined && log.damagedAt !== undefined) {
        this.#lines.set(log.name, formatCloseRecordLine(log.name, { ...before, damagedAt: log.damagedAt }));
        this.#linesChanged = true;
        return;
      }
      if (this.#lines.has(log.name)) this.#dropLine(log.name);
      return;
    }
    this.#lines.set(log.name, formatCloseRecordLine(log.name, result));
    this.#linesChanged = true;
    this.#advanced.add(log.name);
  }

  /** Writes everything that changed: the close record durably, the checkpoints up to the sync of their directory. */
  save(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#noteAdvanced();
      await this.#noteFiles();
      await this.#saveLines();
      for (const checkpoint of this.#checkpoints) await checkpoint.save();
    });
  }

  get #closeRecordPath(): string {
    return `${this.#brokerDirectory}/${CLOSE_RECORD_FILE}`;
  }

  get #checkpoints(): readonly Checkpoint[] {
    return [this.#recoveryPoints, this.#highWatermarks, this.#logStarts, this.#cleanedOffsets];
  }

  #checkpoint(): void {
    if (!this.#canWrite()) return;
    this.checkpoint().catch((error) => this.#env.log.warn(`the checkpoints cannot be written: ${String(error)}`));
  }

  async #noteAdvanced(): Promise<void> {
    const names = [...this.#advanced];
    this.#advanced.clear();
    for (const name of names) {
      const log = this.#openLog(name);
      if (log === undefined || log.failed !== undefined || log.damagedAt !== undefined) continue;
      await this.#recoveryPoints.set(name, log.durableEndOffset);
      await this.#highWatermarks.set(name, log.highWatermark);
      // As Kafka does, only where the first segment does not say it. For Kafka's eyes: ours is log-starts.
      await this.#logStarts.set(name, log.startsInsideSegment ? log.logStartOffset : undefined);
    }
  }

  async #saveAll(): Promise<void> {
    await this.#noteFiles();
    await this.#saveLines();
    await this.#saveCheckpoints();
  }

  /** Puts the checksums of what the files are about to hold into the record: when it is read, they do. */
  async #noteFiles(): Promise<void> {
    const changed =
      this.#linesChanged || this.#filesChanged || this.#checkpoints.some((checkpoint) => checkpoint.changed);
    if (!changed) return;
    const files = new Map<string, string>();
    const properties = this.#files?.get(META_PROPERTIES_FILE) ?? (await this.#digestOfProperties());
    if (properties !== undefined) files.set(META_PROPERTIES_FILE, properties);
    for (const checkpoint of this.#checkpoints) {
      const digest = await checkpoint.digest();
      if (digest !== undefined) files.set(checkpoint.name, digest);
    }
    this.#files = files;
    this.#filesChanged = false;
    this.#linesChanged = true;
  }

  /** That file is made once and never changes. */
  async #digestOfProperties(): Promise<string | undefined> {
    const content = await readFileIfThere(this.#env.disk, `${this.#brokerDirectory}/log/${META_PROPERTIES_FILE}`);
    return content === undefined ? undefined : hexCrc(crc32c(content));
  }

  async #saveLines(): Promise<void> {
    if (!this.#linesChanged) return;
    const { disk } = this.#env;
    const record = { linesByName: this.#lines, files: this.#files, totalBytes: this.#totalBytes };
    await replaceFile(disk, this.#sync, this.#closeRecordPath, formatCloseRecord(record));
    await disk.syncDirectory(this.#brokerDirectory);
    this.#writtenBytes = this.#totalBytes;
    this.#linesChanged = false;
  }

  async #saveCheckpoints(): Promise<void> {
    let replaced = false;
    for (const checkpoint of this.#checkpoints) replaced = (await checkpoint.save()) || replaced;
    if (!replaced) return;
    this.#filesChanged = true;
    await this.#env.disk.syncDirectory(`${this.#brokerDirectory}/log`);
  }

  #dropLine(name: string): void {
    this.#lines.delete(name);
    this.#linesChanged = true;
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(action);
    this.#writing = done.catch(() => undefined);
    return done;
  }
}

/** One checkpoint file, read when first needed. */
class Checkpoint {
  readonly name: string;
  readonly #env: Env;
  readonly #sync: FileSync;
  readonly #path: string;
  #offsets: Promise<OffsetsByPartition> | undefined;
  #changed = false;
  /** CRC-32C in hex of the file; undefined while there is none. */
  #digest: string | undefined;

  constructor(env: Env, sync: FileSync, directory: string, name: string) {
    this.name = name;
    this.#env = env;
    this.#sync = sync;
    this.#path = `${directory}/${name}`;
  }

  /** Whether `save` would replace the file. */
  get changed(): boolean {
    return this.#changed;
  }

  /** CRC-32C in hex of the file as it is after `save`; undefined when there is none then. */
  async digest(): Promise<string | undefined> {
    const offsets = await this.offsets();
    return this.#changed ? hexCrc(crc32c(Buffer.from(formatOffsetCheckpoint(offsets)))) : this.#digest;
  }

  offsets(): Promise<OffsetsByPartition> {
    this.#offsets ??= this.#read();
    return this.#offsets;
  }

  /** `undefined` takes the partition out. */
  async set(name: string, offset: number | undefined): Promise<void> {
    const offsets = await this.offsets();
    if (offsets.get(name) === offset) return;
    if (offset === undefined) offsets.delete(name);
    else offsets.set(name, offset);
    this.#changed = true;
  }

  /** Replaces the file when something changed, and says whether it did; its directory is not synced. */
  async save(): Promise<boolean> {
    if (!this.#changed) return false;
    const content = Buffer.from(formatOffsetCheckpoint(await this.offsets()));
    await replaceFile(this.#env.disk, this.#sync, this.#path, content);
    this.#digest = hexCrc(crc32c(content));
    this.#changed = false;
    return true;
  }

  async #read(): Promise<OffsetsByPartition> {
    const content = await readFileIfThere(this.#env.disk, this.#path);
    if (content !== undefined) this.#digest = hexCrc(crc32c(content));
    return (content === undefined ? undefined : parseOffsetCheckpoint(content.toString('latin1'))) ?? new Map();
  }
}
