/**
 * The bytes of one simulated file, twice: as processes see them (the page cache) and as the disk holds them. Between the
 * two stand the writes that were not synced yet, in order; a power cut keeps some part of them.
 */
import type { Prng } from './prng.ts';

/** What a power cut does to what a file had not synced (reliability 7.1). */
export type FileLoss = 'nothing kept' | 'all kept' | 'prefix' | 'sectors' | 'NUL tail';
export const FILE_LOSSES: readonly FileLoss[] = ['nothing kept', 'all kept', 'prefix', 'sectors', 'NUL tail'];

const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;

type PendingChange =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number };

export class FileContent {
  readonly #cache = new Extent();
  #durable = new Extent();
  #pending: PendingChange[] = [];
  /** Changes synced or dropped so far, so that a position in `#pending` can be named for ever. */
  #settledCount = 0;

  get size(): number {
    return this.#cache.size;
  }

  /** Number of changes ever made; a sync covers those that were made before it began. */
  get changeCount(): number {
    return this.#settledCount + this.#pending.length;
  }

  get hasUnsynced(): boolean {
    return this.#pending.length > 0;
  }

  read(target: Uint8Array, position: number): number {
    return this.#cache.read(target, position);
  }

  bytes(): Buffer {
    return this.#cache.bytes();
  }

  /** What would be read after the worst power cut. */
  durableBytes(): Buffer {
    return this.#durable.bytes();
  }

  write(bytes: Buffer, position: number): void {
    if (bytes.length === 0) return;
    this.#cache.write(bytes, position);
    this.#pending.push({ kind: 'write', position, bytes });
  }

  truncate(size: number): void {
    this.#cache.truncate(size);
    this.#pending.push({ kind: 'truncate', size });
  }

  /** The first `changeCount` changes ever made are on the disk. */
  sync(changeCount: number): void {
    for (const change of this.#settle(changeCount)) applyChange(this.#durable, change);
  }

  /** A failed sync: the pages are marked clean though they never reached the disk, and later syncs skip them. */
  dropUnsynced(changeCount: number): void {
    this.#settle(changeCount);
  }

  /** Flips a bit in cache and disk. */
  damage(position: number, bit: number): void {
    this.#cache.flip(position, bit);
    this.#durable.flip(position, bit);
  }

  /** The power is cut: from now on the file is what the disk has. */
  losePower(loss: FileLoss, chance: Prng): void {
    const sizeBefore = this.#cache.size;
    const pending = this.#settle(this.changeCount);
    if (pending.length > 0) this.#keepSome(loss, pending, sizeBefore, chance);
    this.#cache.become(this.#durable);
  }

  #keepSome(loss: FileLoss, pending: readonly PendingChange[], sizeBefore: number, chance: Prng): void {
    if (loss === 'all kept') for (const change of pending) applyChange(this.#durable, change);
    if (loss === 'prefix') this.#keepPrefix(pending, chance);
    if (loss === 'sectors') this.#keepSectors(pending, sizeBefore, chance);
    const hasGrown = sizeBefore > this.#durable.size && pending.some(({ kind }) => kind === 'write');
    if (loss === 'NUL tail' && hasGrown) {
      const blockEnd = Math.ceil(sizeBefore / BLOCK_BYTES) * BLOCK_BYTES;
      this.#durable.truncate(chance.pick([sizeBefore, blockEnd]));
    }
  }

  #keepPrefix(pending: readonly PendingChange[], chance: Prng): void {
    const whole = chance.between(0, pending.length - 1);
    for (const change of pending.slice(0, whole)) applyChange(this.#durable, change);
    const torn = pending[whole];
    if (torn?.kind !== 'write') return;
    const bytes = torn.bytes.subarray(0, chance.between(0, torn.bytes.length));
    applyChange(this.#durable, { kind: 'write', position: torn.position, bytes });
  }

  /** Any subset of the sectors; the file has its new size, with zeros where nothing came. */
  #keepSectors(pending: readonly PendingChange[], sizeBefore: number, chance: Prng): void {
    for (const change of pending) {
      if (change.kind !== 'write') continue;
      const end = change.position + change.bytes.length;
      for (let from = change.position; from < end; ) {
        const to = Math.min(end, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
        const bytes = change.bytes.subarray(from - change.position, to - change.position);
        if (chance.hits(0.5)) this.#durable.write(bytes, from);
        from = to;
      }
    }
    this.#durable.truncate(sizeBefore);
  }

  #settle(changeCount: number): PendingChange[] {
    const settled = this.#pending.splice(0, Math.max(0, changeCount - this.#settledCount));
    this.#settledCount += settled.length;
    return settled;
  }
}

function applyChange(extent: Extent, change: PendingChange): void {
  if (change.kind === 'write') extent.write(change.bytes, change.position);
  else extent.truncate(change.size);
}

/** A growing run of bytes; holes are zeros. */
class Extent {
  #memory: Buffer = Buffer.alloc(0);
  size = 0;

  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.size - position));
    this.#memory.copy(target, 0, position, position + count);
    return count;
  }

  bytes(): Buffer {
    return Buffer.from(this.#memory.subarray(0, this.size));
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    this.#reach(position + bytes.length);
    this.#memory.set(bytes, position);
    this.size = Math.max(this.size, position + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.size) this.#memory.fill(0, size, this.size);
    this.#reach(size);
    this.size = size;
  }

  flip(position: number, bit: number): void {
    if (position < this.size) this.#memory[position] = (this.#memory[position] ?? 0) ^ (1 << bit);
  }

  become(other: Extent): void {
    this.#memory = other.bytes();
    this.size = other.size;
  }

  #reach(size: number): void {
    if (size <= this.#memory.length) return;
    const larger = Buffer.alloc(Math.max(size, 2 * this.#memory.length, 256));
    this.#memory.copy(larger, 0, 0, this.size);
    this.#memory = larger;
  }
}
