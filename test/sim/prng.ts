/** Seeded chance: the same seed gives the same numbers, everywhere and for ever. The generator is sfc32. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) >>> 0;
    this.#c = 0x9e3779b9;
    for (let round = 0; round < 15; round++) this.word();
  }

  /** 32 bits, not negative. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return (this.word() * 0x20_0000 + (this.word() >>> 11)) / 0x20_0000_0000_0000;
  }

  /** A whole number from `from` up to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  /** True in `probability` of the calls. */
  hits(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the items; there must be one. */
  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }

  /**
   * A duration with the long tail of a real machine: mostly near `usualMs`, one in twenty up to ten times it, one in five
   * hundred up to `worstMs`.
   */
  latencyMs(usualMs: number, worstMs: number): number {
    const draw = this.fraction();
    if (draw < 0.002) return this.fraction() * worstMs;
    if (draw < 0.05) return usualMs * (1 + 9 * this.fraction());
    return usualMs * (0.5 + this.fraction());
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at++) bytes[at] = this.word() >>> 24;
    return bytes;
  }

  /** A generator of its own, whose draws leave this one alone. */
  fork(): Prng {
    return new Prng(this.word() * 0x10_0000 + (this.word() >>> 12));
  }
}
