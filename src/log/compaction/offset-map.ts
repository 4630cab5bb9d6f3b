/**
 * The newest offset of each key of a part of a log, in memory that does not grow: open addressing, a slot a key.
 *
 *   slot: 16 bytes of keyed hash | float64 offset + 1, 0 for a free slot        24 bytes
 *
 * A key is known by its hash alone (kernel/sip-hash.ts says why that is enough). Source: the duty is that of Kafka's
 * SkimpyOffsetMap, which takes MD5 without a key of its own.
 */
import { SIP_HASH_WORDS, SipHash } from '../../kernel/sip-hash.ts';

export const SLOT_BYTES = 24;
const SLOT_COUNT_MIN = 16;
const TWO_POWER_32 = 2 ** 32;

export class OffsetMap {
  readonly #hash: SipHash;
  readonly #slotCount: number;
  readonly #capacity: number;
  readonly #hashes: Int32Array;
  readonly #offsets: Float64Array;
  #size = 0;

  /**
   * @param key SIP_KEY_BYTES of chance
   * @param memoryBytes what all slots take; at least SLOT_COUNT_MIN slots are made
   * @param loadFactor how full it may become, above 0 and below 1: beyond 0.9 searches become long
   */
  constructor(key: Buffer, memoryBytes: number, loadFactor: number) {
    this.#hash = new SipHash(key);
    this.#slotCount = Math.max(SLOT_COUNT_MIN, Math.floor(memoryBytes / SLOT_BYTES));
    this.#capacity = Math.min(this.#slotCount - 1, Math.max(1, Math.floor(this.#slotCount * loadFactor)));
    this.#hashes = new Int32Array(this.#slotCount * SIP_HASH_WORDS);
    this.#offsets = new Float64Array(this.#slotCount);
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#size;
  }

  /** How many keys it can hold. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Notes that the key in `bytes` from `start` to `end` (exclusive) stands at `offset`; false when that needs a slot and none is left. */
  put(bytes: Uint8Array, start: number, end: number, offset: number): boolean {
    const slot = this.#find(bytes, start, end);
    if (this.#offsets[slot] === 0) {
      if (this.#size >= this.#capacity) return false;
      this.#size += 1;
      this.#hashes.set(this.#hash.words, slot * SIP_HASH_WORDS);
    }
    this.#offsets[slot] = Math.max(this.#offsets[slot] ?? 0, offset + 1);
    return true;
  }

  /** The newest offset that was noted for the key; -1 for none. */
  get(bytes: Uint8Array, start: number, end: number): number {
    return (this.#offsets[this.#find(bytes, start, end)] ?? 0) - 1;
  }

  /** The key's slot, or the free one where it would go. There is always a free one. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    this.#hash.hash(bytes, start, end);
    const hashes = this.#hashes;
    const { words } = this.#hash;
    let slot = Math.floor((((words[0] as number) >>> 0) * this.#slotCount) / TWO_POWER_32);
    while (this.#offsets[slot] !== 0) {
      const at = slot * SIP_HASH_WORDS;
      if (
        hashes[at] === words[0] &&
        hashes[at + 1] === words[1] &&
        hashes[at + 2] === words[2] &&
        hashes[at + 3] === words[3]
      ) {
        return slot;
      }
      slot = slot + 1 === this.#slotCount ? 0 : slot + 1;
    }
    return slot;
  }
}
