/**
 * The producers of a partition by id. Those of the last close stay as the bytes that they are stored in until one of them
 * writes: a command that appends one batch must not pay for the thousands of producers before it.
 */
import {
  findProducerEntry,
  formatProducerEntry,
  parseProducerEntry,
  producerEntryBytes,
  seenMsOf,
  transactionFirstOffsetOf,
} from './producer-entries.ts';
import type { ProducerEntry } from './producer-state.ts';

const NO_BYTES = Buffer.alloc(0);

export class ProducerTable {
  /** Whole entries; those of ids in `#entries` no longer count. */
  #stored: Buffer;
  /** undefined: taken out. */
  readonly #entries = new Map<bigint, ProducerEntry | undefined>();

  private constructor(stored: Buffer) {
    this.#stored = stored;
  }

  static of(entries: Iterable<ProducerEntry>): ProducerTable {
    const table = new ProducerTable(NO_BYTES);
    for (const entry of entries) table.set(entry);
    return table;
  }

  /** From what `toBytes` gave; undefined when the bytes are no whole entries. The table keeps the bytes. */
  static fromBytes(bytes: Buffer): ProducerTable | undefined {
    let at = 0;
    while (at < bytes.length) {
      const size = producerEntryBytes(bytes, at);
      if (size === 0) return undefined;
      at += size;
    }
    return new ProducerTable(bytes);
  }

  get(producerId: bigint): ProducerEntry | undefined {
    if (this.#entries.has(producerId)) return this.#entries.get(producerId);
    const at = findProducerEntry(this.#stored, producerId);
    return at === -1 ? undefined : parseProducerEntry(this.#stored, at);
  }

  set(entry: ProducerEntry): void {
    this.#entries.set(entry.producerId, entry);
  }

  delete(producerId: bigint): void {
    this.#entries.set(producerId, undefined);
  }

  /** All of them, as objects. */
  all(): ProducerEntry[] {
    const found: ProducerEntry[] = [];
    this.#eachStored((at) => {
      found.push(parseProducerEntry(this.#stored, at));
    });
    for (const entry of this.#entries.values()) if (entry !== undefined) found.push(entry);
    return found;
  }

  /** A table that changes on its own. */
  copy(): ProducerTable {
    const copy = new ProducerTable(this.#stored);
    for (const [producerId, entry] of this.#entries) copy.#entries.set(producerId, entry);
    return copy;
  }

  /** Forgets those that are idle for longer than `expirationMs` (producer.id.expiration.ms) and have no open transaction. */
  expire(nowMs: number, expirationMs: number): void {
    const isIdle = (seenMs: number, transactionFirstOffset: number): boolean =>
      nowMs - seenMs > expirationMs && transactionFirstOffset < 0;
    for (const [producerId, entry] of this.#entries) {
      if (entry !== undefined && isIdle(entry.seenMs, entry.transactionFirstOffset)) this.delete(producerId);
    }
    const kept = this.#storedWhere(
      (at) => !isIdle(seenMsOf(this.#stored, at), transactionFirstOffsetOf(this.#stored, at)),
    );
    this.#stored = Buffer.concat(kept);
  }

  /** Forgets what it knows of offsets at and after `endOffset`; a producer with nothing left goes whole. */
  truncate(endOffset: number): void {
    for (const entry of this.all()) {
      const batches = entry.batches.filter((mark) => mark.lastOffset < endOffset);
      if (batches.length === entry.batches.length) continue;
      const newest = batches[batches.length - 1];
      if (newest === undefined) this.delete(entry.producerId);
      else this.set({ ...entry, batches, lastTimestamp: newest.timestamp });
    }
  }

  /** The entries, one after the other (producer-entries.ts). */
  toBytes(): Buffer {
    const parts = this.#storedWhere(() => true);
    for (const entry of this.#entries.values()) if (entry !== undefined) parts.push(formatProducerEntry(entry));
    return Buffer.concat(parts);
  }

  /** The stored entries that still count and are `wanted`, neighbours in one piece. */
  #storedWhere(wanted: (at: number) => boolean): Buffer[] {
    const parts: Buffer[] = [];
    let from = 0;
    let to = 0;
    this.#eachStored((at, end) => {
      if (!wanted(at)) return;
      if (at !== to) {
        parts.push(this.#stored.subarray(from, to));
        from = at;
      }
      to = end;
    });
    return [...parts, this.#stored.subarray(from, to)];
  }

  /** The stored entries that still count, by the positions of their first byte and of the one after their last. */
  #eachStored(visit: (at: number, end: number) => void): void {
    let end: number;
    for (let at = 0; at < this.#stored.length; at = end) {
      end = at + producerEntryBytes(this.#stored, at);
      if (this.#entries.size === 0 || !this.#entries.has(this.#stored.readBigInt64BE(at))) visit(at, end);
    }
  }
}
