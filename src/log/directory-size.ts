/**
 * How much a broker's folder takes, and the cap on that (`streamctl.max.disk.bytes`). Counted are all files below
 * brokers/<id>, and a flat sum for what is beside it, whose size is bounded. The folder is walked only where there is a cap,
 * and not after a clean close that counted; in between, what logs report keeps the number near: it leaves out some small
 * files, which are far less than the margin.
 *
 *   0 ----------------------------- mark ---------------------- crowded ---------------------- cap
 *     nothing is done                | room is made           | appends wait for that     | nothing is appended
 *
 * Making room is its listener's duty (broker/disk-room.ts).
 */
import type { Disk } from '../kernel/env.ts';
import { storageError } from './log-failure.ts';

const MIB = 1 << 20;
/** The metadata log, which its compaction bounds, the reserve, and the few files beside. */
const FLAT_BYTES = 8 * MIB;
/** How near the cap room is made: a sixteenth of it, or less. */
const MARGIN_BYTES_MAX = 64 * MIB;
const MARGIN_SHARE = 16;
/** How near the cap whoever appends had better wait for that. */
const WAIT_BYTES_MAX = 32 * MIB;
const WAIT_SHARE = 32;
/** What the segments that are appended to may take of the cap together. */
const ACTIVE_SHARE = 2;
const SEGMENT_BYTES_MIN = 64 << 10;
/** How many files of the walk are asked for at a time. */
const STATS_ABREAST = 16;

/**
 * The size at which segments are to roll so that, below the cap, there are sealed ones that can go, whatever the number of
 * partitions: the segments that are appended to take half of the cap at most.
 */
export function rollBytesWithin(capBytes: number, partitionCount: number): number {
  const share = Math.max(MARGIN_SHARE, ACTIVE_SHARE * partitionCount);
  return Math.max(SEGMENT_BYTES_MIN, Math.floor(capBytes / share));
}

export class DirectorySize {
  readonly #disk: Disk;
  readonly #folder: string;
  #capBytes = Number.POSITIVE_INFINITY;
  /** As it was when `#grownBytes` was 0; undefined: never counted. */
  #countedBytes: number | undefined;
  #grownBytes = 0;
  /** Admitted, and neither written nor refused yet. */
  #queuedBytes = 0;
  #counting: Promise<void> | undefined;
  #onRoomWanted: (isRefused: boolean) => void = () => undefined;

  /** `folder`: brokers/<id>. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  get capBytes(): number {
    return this.#capBytes;
  }

  /** Infinity: none. What is there is counted when it is next asked for. */
  setCap(capBytes: number): void {
    this.#capBytes = capBytes;
  }

  /** Whoever makes room; called at each append that finds too little of it, and told whether that append is refused. */
  onRoomWanted(listener: (isRefused: boolean) => void): void {
    this.#onRoomWanted = listener;
  }

  /** What a clean close counted, which spares the walk. */
  found(totalBytes: number | undefined): void {
    this.#countedBytes ??= totalBytes;
  }

  /** Bytes below the folder; undefined when they were not counted since there is a cap. */
  get folderBytes(): number | undefined {
    return this.#countedBytes === undefined ? undefined : Math.max(0, this.#countedBytes + this.#grownBytes);
  }

  /** What the cap is compared with; 0 before anything was counted. */
  get usedBytes(): number {
    const { folderBytes } = this;
    return folderBytes === undefined ? 0 : folderBytes + this.#queuedBytes + FLAT_BYTES;
  }

  /** How many bytes must go so that there is room for a while; 0 without a cap, or before anything was counted. */
  get wantedBytes(): number {
    return Math.max(0, this.usedBytes - this.#markBytes);
  }

  /** Whether the cap is so near that appends should wait until room was looked for. */
  get isCrowded(): boolean {
    return this.usedBytes >= this.#capBytes - Math.min(WAIT_BYTES_MAX, Math.floor(this.#capBytes / WAIT_SHARE));
  }

  /** Whether it is known how much there is, or does not matter. */
  get isReady(): boolean {
    return this.#capBytes === Number.POSITIVE_INFINITY || this.#countedBytes !== undefined;
  }

  /** `bytes` more; less when negative. */
  grew(bytes: number): void {
    this.#grownBytes += bytes;
  }

  /** `bytes` more are queued to be written; less when negative. */
  queued(bytes: number): void {
    this.#queuedBytes += bytes;
  }

  /** Resolves when it is known how much there is, if that matters. */
  async ready(): Promise<void> {
    if (!this.isReady) await this.count();
  }

  /** Walks the folder. Rejects when that fails; what was known holds on then. */
  count(): Promise<void> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** Asked before a batch of `bytes` is queued. @throws KafkaError KAFKA_STORAGE_ERROR: it may not be appended */
  admit(bytes: number): void {
    if (this.wantedBytes === 0) return;
    const isRefused = this.usedBytes + bytes > this.#capBytes;
    this.#onRoomWanted(isRefused);
    if (!isRefused) return;
    throw storageError(`the directory has reached its cap of ${this.#capBytes} bytes (streamctl.max.disk.bytes)`);
  }

  /** Below it there is room: one less than where room begins to be made. */
  get #markBytes(): number {
    return this.#capBytes - Math.min(MARGIN_BYTES_MAX, Math.floor(this.#capBytes / MARGIN_SHARE)) - 1;
  }

  async #count(): Promise<void> {
    const grownBefore = this.#grownBytes;
    const bytes = await bytesBelow(this.#disk, this.#folder);
    // What grew meanwhile may have been counted too: rather too much than too little.
    this.#grownBytes = Math.max(0, this.#grownBytes - grownBefore);
    this.#countedBytes = bytes;
  }
}

/** Of all files below a folder; what goes away meanwhile counts or not. */
async function bytesBelow(disk: Disk, folder: string): Promise<number> {
  let bytes = 0;
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const names = await namesIn(disk, next);
    for (let from = 0; from < names.length; from += STATS_ABREAST) {
      const paths = names.slice(from, from + STATS_ABREAST).map((name) => `${next}/${name}`);
      const stats = await Promise.all(paths.map((path) => disk.stat(path)));
      for (const [at, stat] of stats.entries()) {
        if (stat?.kind === 'directory') folders.push(paths[at] ?? next);
        else bytes += stat?.size ?? 0;
      }
    }
  }
  return bytes;
}

async function namesIn(disk: Disk, folder: string): Promise<readonly string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if ((await disk.stat(folder)) === undefined) return [];
    throw error;
  }
}
