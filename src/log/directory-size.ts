/**
 * How much a broker's folder takes, and the cap on that (`streamctl.max.disk.bytes`). Counted are all files below
 * brokers/<id>, and a flat sum for what is beside it, whose size is bounded. The folder is walked only where there is a cap,
 * and not after a clean close that counted; in between, what logs report keeps the number near enough to see when to look:
 *
 *   0 ----------------------------- mark ------------- cap ---------- cap + overrun
 *     nothing is done                | room is made     | refused when   | refused
 *                                    |                  | none was found |
 *
 * Making room is its listener's duty (broker/upkeep.ts). While that goes on appends go on too, up to the overrun.
 */
import type { Disk } from '../kernel/env.ts';
import { storageError } from './log-failure.ts';

const MIB = 1 << 20;
/** The metadata log, which its compaction bounds, the reserve, and the few files beside. */
const FLAT_BYTES = 8 * MIB;
/** How near the cap room is made: a sixteenth of it, or less. */
const MARGIN_BYTES_MAX = 64 * MIB;
const MARGIN_SHARE = 16;
const OVERRUN_BYTES_MAX = 64 * MIB;
const OVERRUN_SHARE = 4;
const SEGMENT_BYTES_MIN = MIB;
/** How many files of the walk are asked for at a time. */
const STATS_ABREAST = 16;

/** The size at which segments are to roll so that, below the cap, there are sealed ones that can go. */
export function segmentBytesWithin(capBytes: number, segmentBytes: number): number {
  return Math.min(segmentBytes, Math.max(SEGMENT_BYTES_MIN, Math.floor(capBytes / MARGIN_SHARE)));
}

export class DirectorySize {
  readonly #disk: Disk;
  readonly #folder: string;
  #capBytes = Number.POSITIVE_INFINITY;
  /** As it was when `#grownBytes` was 0; undefined: never counted. */
  #countedBytes: number | undefined;
  #grownBytes = 0;
  #counting: Promise<void> | undefined;
  #isExhausted = false;
  #onRoomWanted: () => void = () => undefined;

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
    this.#isExhausted = false;
  }

  /** Whoever makes room; called at each append that finds too little of it. */
  onRoomWanted(listener: () => void): void {
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

  /** By how much the folder grew, as far as logs report it, since it was opened or counted. */
  get grownBytes(): number {
    return this.#grownBytes;
  }

  /** How many bytes must go so that there is room for a while; 0 without a cap, or before anything was counted. */
  get wantedBytes(): number {
    return Math.max(0, this.#usedBytes - this.#markBytes);
  }

  /** Whether the cap is reached. */
  get isOver(): boolean {
    return this.#usedBytes >= this.#capBytes;
  }

  /** `bytes` more; less when negative. */
  grew(bytes: number): void {
    this.#grownBytes += bytes;
  }

  /** Resolves when it is known how much there is, if that matters. */
  async ready(): Promise<void> {
    if (this.#capBytes !== Number.POSITIVE_INFINITY && this.#countedBytes === undefined) await this.count();
  }

  /** Walks the folder. Rejects when that fails; what was known holds on then. */
  count(): Promise<void> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** What the listener found: whether there is, for now, no more to delete while bytes are wanted. */
  setExhausted(isExhausted: boolean): void {
    this.#isExhausted = isExhausted;
  }

  /** Asked before a batch is queued. @throws KafkaError KAFKA_STORAGE_ERROR: nothing may be appended */
  admit(): void {
    if (this.#capBytes === Number.POSITIVE_INFINITY) return;
    if (this.wantedBytes === 0) return;
    this.#onRoomWanted();
    const limit = this.#isExhausted ? this.#capBytes : this.#capBytes + this.#overrunBytes;
    if (this.#usedBytes < limit) return;
    throw storageError(`${this.#folder} may not grow beyond ${this.#capBytes} bytes (streamctl.max.disk.bytes)`);
  }

  get #usedBytes(): number {
    const { folderBytes } = this;
    return folderBytes === undefined ? 0 : folderBytes + FLAT_BYTES;
  }

  /** Below it there is room: one less than where room begins to be made. */
  get #markBytes(): number {
    return this.#capBytes - Math.min(MARGIN_BYTES_MAX, Math.floor(this.#capBytes / MARGIN_SHARE)) - 1;
  }

  get #overrunBytes(): number {
    return Math.min(OVERRUN_BYTES_MAX, Math.floor(this.#capBytes / OVERRUN_SHARE));
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
