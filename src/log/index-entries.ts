/**
 * The entries of an index file (.index or .timeindex): fixed-size, only ever added at the end.
 *
 * Entries are added in memory, after the log bytes that they point to were written, and reach the file later and in order
 * (C-3): a crash may lose the last ones, never their order. The part of an old file is read when something looks
 * entries up; a command that only appends never reads it. No file stays open. Synced only when a segment is left for the next
 * one or was recovered, as the next recovery may not walk it again: an index can be derived.
 */
import { crc32c, crc32cFrom } from '../kernel/crc32c.ts';
import type { Disk } from '../kernel/env.ts';
import type { FileSync } from './atomic-file.ts';

/** Entries that wait for being written; the writer of the log flushes when it sees more. */
export const INDEX_FLUSH_ENTRIES = 512;

const FIRST_CAPACITY_ENTRIES = 64;

export class IndexEntries {
  readonly path: string;
  readonly entryBytes: number;
  readonly #disk: Disk;
  /** Entries [#firstInMemory, #count). */
  #bytes: Buffer = Buffer.alloc(0);
  #firstInMemory: number;
  /** CRC-32C of the entries before them; undefined when it is not known. */
  #crcBefore: number | undefined;
  #count: number;
  /** How many of them were in the file when this object was made, or are since the entries were dropped from memory. */
  #oldCount: number;
  #persistedCount: number;
  #loading: Promise<boolean> | undefined;
  /** Changes when entries that may be in the file are replaced, so that a write under way does not count for them. */
  #generation = 0;
  /** One flush at a time. */
  #flushing: Promise<void> = Promise.resolve();

  /**
   * `persistedCount` entries are in the file already, with the CRC-32C `persistedCrc` where that is known; 0 for one that may
   * not exist yet.
   */
  constructor(disk: Disk, path: string, entryBytes: number, persistedCount: number, persistedCrc?: number) {
    this.#disk = disk;
    this.path = path;
    this.entryBytes = entryBytes;
    this.#firstInMemory = persistedCount;
    this.#crcBefore = persistedCount === 0 ? 0 : persistedCrc;
    this.#count = persistedCount;
    this.#oldCount = persistedCount;
    this.#persistedCount = persistedCount;
  }

  get count(): number {
    return this.#count;
  }

  get unwrittenCount(): number {
    return this.#count - this.#persistedCount;
  }

  /** CRC-32C of all entries, as the file has them once it is flushed; undefined when it is not known. */
  get digest(): number | undefined {
    const bytes = this.inMemory();
    return this.#crcBefore === undefined ? undefined : crc32cFrom(this.#crcBefore, bytes, 0, bytes.length);
  }

  get loaded(): boolean {
    return this.#firstInMemory === 0;
  }

  /** Adds an entry and answers where to write its `entryBytes` bytes: `bytes` from `at`. */
  push(): { bytes: Buffer; at: number } {
    const at = (this.#count - this.#firstInMemory) * this.entryBytes;
    if (at + this.entryBytes > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(FIRST_CAPACITY_ENTRIES * this.entryBytes, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#count += 1;
    return { bytes: this.#bytes, at };
  }

  /** The bytes of entry `index` (0 = first of the file), which must be in memory. */
  entry(index: number): { bytes: Buffer; at: number } {
    return { bytes: this.#bytes, at: (index - this.#firstInMemory) * this.entryBytes };
  }

  /**
   * Brings the file's entries into memory; what lies behind them in the file is not read. False when the file is missing, holds
   * fewer bytes than it should, others than it held, or more than `entriesMax` entries, which takes no memory: the entries in
   * memory are then worth nothing and the index is to be rebuilt.
   */
  load(entriesMax: number): Promise<boolean> {
    if (this.loaded) return Promise.resolve(true);
    if (this.#count > entriesMax) return Promise.resolve(false);
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<boolean> {
    const wanted = this.#firstInMemory * this.entryBytes;
    if ((await this.#disk.stat(this.path)) === undefined) return false;
    const old = await this.#readStart(wanted);
    if (this.loaded) return true;
    if (old.length < wanted) return false;
    if (this.#crcBefore !== undefined && crc32c(old) !== this.#crcBefore) return false;
    const added = this.#bytes.subarray(0, (this.#count - this.#firstInMemory) * this.entryBytes);
    this.#bytes = Buffer.concat([old, added]);
    this.#firstInMemory = 0;
    this.#crcBefore = 0;
    return true;
  }

  /** The file's first bytes, `byteCount` unless it ends before. */
  async #readStart(byteCount: number): Promise<Buffer> {
    const file = await this.#disk.open(this.path, 'r');
    try {
      const bytes = Buffer.allocUnsafeSlow(Math.min(byteCount, await file.size()));
      let done = 0;
      for (let count = 1; done < bytes.length && count > 0; done += count) {
        count = await file.read(bytes, done, bytes.length - done, done);
      }
      return bytes.subarray(0, done);
    } finally {
      await file.close();
    }
  }

  /** Drops the entries from memory; all of them must be in the file, from where they are read again when needed. */
  unload(): void {
    this.#crcBefore = this.digest;
    this.#bytes = Buffer.alloc(0);
    this.#firstInMemory = this.#count;
    this.#oldCount = this.#count;
  }

  /**
   * Writes what the file does not have yet; it exists afterwards and holds exactly `count` entries. False, and nothing is
   * written, when the file has lost entries that it had: the index is to be rebuilt. With `sync` the file is durable then.
   */
  flush(sync?: FileSync): Promise<boolean> {
    const flushed = this.#flushing.then(() => this.#flush(sync));
    this.#flushing = flushed.then(
      () => undefined,
      () => undefined,
    );
    return flushed;
  }

  async #flush(sync: FileSync | undefined): Promise<boolean> {
    const count = this.#count;
    const from = this.#persistedCount;
    const generation = this.#generation;
    const file = await this.#disk.open(this.path, 'w+');
    try {
      if ((await file.size()) < from * this.entryBytes) return false;
      if (count > from) {
        const start = (from - this.#firstInMemory) * this.entryBytes;
        const bytes = this.#bytes.subarray(start, (count - this.#firstInMemory) * this.entryBytes);
        await file.writev([bytes], from * this.entryBytes);
      }
      await file.truncate(count * this.entryBytes);
      await sync?.run(file);
    } finally {
      await file.close();
    }
    if (generation === this.#generation) this.#persistedCount = count;
    return true;
  }

  /**
   * Puts `entries` in the place of those that were in the file when this object was made; what was added since stays. The
   * file follows with the next `flush`.
   */
  replaceOld(entries: Buffer): void {
    const addedFrom = Math.max(this.#oldCount - this.#firstInMemory, 0) * this.entryBytes;
    const added = this.#bytes.subarray(addedFrom, (this.#count - this.#firstInMemory) * this.entryBytes);
    this.#bytes = Buffer.concat([entries, added]);
    this.#firstInMemory = 0;
    this.#crcBefore = 0;
    this.#oldCount = entries.length / this.entryBytes;
    this.#count = this.#bytes.length / this.entryBytes;
    this.#persistedCount = 0;
    this.#generation += 1;
  }

  /** All entries in memory, one after the other. */
  inMemory(): Buffer {
    return this.#bytes.subarray(0, (this.#count - this.#firstInMemory) * this.entryBytes);
  }
}
