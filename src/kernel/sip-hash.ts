/**
 * SipHash-2-4 with 128 bits of output: a keyed hash for tables whose keys come from outside. Whoever does not know the key cannot
 * make two inputs that meet, and by chance two of a million meet once in 10^26 tables: equal hashes may stand for equal inputs.
 * 64-bit numbers that are fast there are none: each word of the state is two halves.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", and the 128-bit variant of their reference code.
 */

export const SIP_KEY_BYTES = 16;
/** How many 32-bit numbers a hash has. */
export const SIP_HASH_WORDS = 4;

const BLOCK_BYTES = 8;
const COMPRESSION_ROUNDS = 2;
const FINAL_ROUNDS = 4;

export class SipHash {
  /** The hash of the last input: its low half first, each number signed. */
  readonly words = new Int32Array(SIP_HASH_WORDS);
  /** v0 low, v0 high, v1 low, ... */
  readonly #state = new Int32Array(8);
  /** The state before the first byte. */
  readonly #start: Int32Array;

  /** `key`: SIP_KEY_BYTES of chance. */
  constructor(key: Buffer) {
    const k0 = [key.readInt32LE(0), key.readInt32LE(4)] as const;
    const k1 = [key.readInt32LE(8), key.readInt32LE(12)] as const;
    this.#start = Int32Array.of(
      k0[0] ^ 0x70736575,
      k0[1] ^ 0x736f6d65,
      k1[0] ^ 0x6e646f6d ^ 0xee,
      k1[1] ^ 0x646f7261,
      k0[0] ^ 0x6e657261,
      k0[1] ^ 0x6c796765,
      k1[0] ^ 0x79746573,
      k1[1] ^ 0x74656462,
    );
  }

  /** Hashes `bytes` from `start` to `end` (exclusive) into `words`. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    const state = this.#state;
    state.set(this.#start);
    let at = start;
    for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) {
      absorb(state, word(bytes, at, at + 4), word(bytes, at + 4, at + 8));
    }
    const high = word(bytes, at + 4, end) | ((end - start) << 24);
    absorb(state, word(bytes, at, Math.min(at + 4, end)), high);
    state[4] = (state[4] as number) ^ 0xee;
    mix(state, FINAL_ROUNDS);
    this.#put(0);
    state[2] = (state[2] as number) ^ 0xdd;
    mix(state, FINAL_ROUNDS);
    this.#put(2);
  }

  #put(at: number): void {
    const state = this.#state;
    for (let half = 0; half < 2; half++) {
      const v0v1 = (state[half] as number) ^ (state[half + 2] as number);
      this.words[at + half] = v0v1 ^ (state[half + 4] as number) ^ (state[half + 6] as number);
    }
  }
}

/** Up to four bytes, the lowest first; 0 for none. */
function word(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value |= (bytes[at] as number) << ((at - start) * 8);
  return value;
}

function absorb(state: Int32Array, low: number, high: number): void {
  state[6] = (state[6] as number) ^ low;
  state[7] = (state[7] as number) ^ high;
  mix(state, COMPRESSION_ROUNDS);
  state[0] = (state[0] as number) ^ low;
  state[1] = (state[1] as number) ^ high;
}

/** `a` low, `A` high: the halves of v0; b, c and d those of v1 to v3. Sums carry from low to high by unsigned comparison. */
function mix(state: Int32Array, roundCount: number): void {
  let a = state[0] as number;
  let A = state[1] as number;
  let b = state[2] as number;
  let B = state[3] as number;
  let c = state[4] as number;
  let C = state[5] as number;
  let d = state[6] as number;
  let D = state[7] as number;
  for (let round = 0; round < roundCount; round++) {
    a = (a + b) | 0;
    A = (A + B + (a >>> 0 < b >>> 0 ? 1 : 0)) | 0;
    let old = b;
    b = ((b << 13) | (B >>> 19)) ^ a;
    B = ((B << 13) | (old >>> 19)) ^ A;
    old = a;
    a = A;
    A = old;
    c = (c + d) | 0;
    C = (C + D + (c >>> 0 < d >>> 0 ? 1 : 0)) | 0;
    old = d;
    d = ((d << 16) | (D >>> 16)) ^ c;
    D = ((D << 16) | (old >>> 16)) ^ C;
    a = (a + d) | 0;
    A = (A + D + (a >>> 0 < d >>> 0 ? 1 : 0)) | 0;
    old = d;
    d = ((d << 21) | (D >>> 11)) ^ a;
    D = ((D << 21) | (old >>> 11)) ^ A;
    c = (c + b) | 0;
    C = (C + B + (c >>> 0 < b >>> 0 ? 1 : 0)) | 0;
    old = b;
    b = ((b << 17) | (B >>> 15)) ^ c;
    B = ((B << 17) | (old >>> 15)) ^ C;
    old = c;
    c = C;
    C = old;
  }
  state[0] = a;
  state[1] = A;
  state[2] = b;
  state[3] = B;
  state[4] = c;
  state[5] = C;
  state[6] = d;
  state[7] = D;
}
