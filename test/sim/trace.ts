/**
 * What happened in a run, in order: a hash over everything (two runs of a seed must agree on it), and the last lines for
 * people. A line is put together only when somebody wants to read it.
 */
export type TraceDetail = string | number;

interface TraceEntry {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly detail: readonly TraceDetail[];
}

export class Trace {
  readonly #keep: number;
  readonly #print: ((line: string) => void) | undefined;
  readonly #ring: TraceEntry[] = [];
  #count = 0;
  #low = 0x811c9dc5;
  #high = 0x01000193;

  /** `keep`: how many of the last entries can be read; `print` gets each line as it comes. */
  constructor(keep: number, print?: (line: string) => void) {
    this.#keep = keep;
    this.#print = print;
  }

  get count(): number {
    return this.#count;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  add(atMs: number, who: string, what: string, ...detail: readonly TraceDetail[]): void {
    this.#mixNumber(atMs);
    this.#mixText(who);
    this.#mixText(what);
    for (const item of detail) typeof item === 'number' ? this.#mixNumber(item) : this.#mixText(item);
    const entry = { atMs, who, what, detail };
    this.#ring[this.#count % this.#keep] = entry;
    this.#count++;
    this.#print?.(lineOf(entry));
  }

  /** The last entries, oldest first. */
  lines(): string[] {
    const first = this.#count > this.#keep ? this.#count % this.#keep : 0;
    return [...this.#ring.slice(first), ...this.#ring.slice(0, first)].map(lineOf);
  }

  #mixText(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
    this.#mix(0x1_0000);
  }

  #mixNumber(value: number): void {
    const whole = Math.floor(value);
    this.#mix(whole | 0);
    this.#mix(Math.floor((value - whole) * 0x1_0000_0000) ^ Math.floor(whole / 0x1_0000_0000));
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    this.#high = Math.imul(this.#high ^ (this.#low >>> 15) ^ word, 0x85ebca6b);
  }
}

function lineOf({ atMs, who, what, detail }: TraceEntry): string {
  return [atMs.toFixed(3).padStart(12), who.padEnd(14), what, ...detail].join(' ');
}
