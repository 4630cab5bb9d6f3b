/**
 * WebAssembly for the two innermost loops of the line client (`wasm/line-kernels.ts`), with memory of its own: bytes are
 * copied in and results out, a stretch at a time that stays in the processor's cache, which costs a tenth of what is won
 * and leaves all other memory as it is. Without WebAssembly, SIMD or a build, JavaScript does the same.
 */

/** The module in base64; put in by the build (`bin/build.js`), not there when the sources are run. */
declare const LINE_KERNELS: string | undefined;

/** The language's own types know nothing of WebAssembly. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Exports {
  encodeLines(
    start: number,
    end: number,
    target: number,
    limit: number,
    firstDelta: number,
    timestampDelta: number,
    delimiter: number,
  ): number;
  decodeValues(start: number, end: number, target: number, limit: number, count: number, delimiter: number): number;
  sourcePosition(): number;
  targetPosition(): number;
}

/** A small input does not pay for the compiling. */
const WORTHWHILE_BYTES = 512 << 10;

/** Source and target: each in memory of this size, with as much behind it as the loops touch and more. */
const STRETCH_BYTES = 128 << 10;
const SLACK_BYTES = 64;
const SOURCE = 1024;
const TARGET = SOURCE + STRETCH_BYTES + SLACK_BYTES;
const PAGE_BYTES = 64 << 10;
const PAGE_COUNT = Math.ceil((TARGET + STRETCH_BYTES + SLACK_BYTES) / PAGE_BYTES);

/** A stretch of `bytes` from `start` to `end` (exclusive). */
export interface Stretch {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** One call's results are read from it before the next call. */
export class LineKernels {
  readonly #exports: Exports;
  readonly #memory: Buffer;
  /** Where the last call stopped in its source and in its target. */
  sourcePosition = 0;
  targetPosition = 0;

  /** Throws when the engine cannot run the module. */
  constructor(module: Uint8Array) {
    const memory = new WebAssembly.Memory({ initial: PAGE_COUNT, maximum: PAGE_COUNT });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
    this.#exports = instance.exports as Exports;
    this.#memory = Buffer.from(memory.buffer);
  }

  /**
   * Whole lines of the source as records with null keys, within the target's stretch. Answers how many; the call takes a
   * bounded part of the source, so that it is done when it answers 0. `firstDelta` is the first record's offset delta.
   */
  encodeLines(source: Stretch, target: Stretch, firstDelta: number, timestampDelta: number, delimiter: number): number {
    // Records are larger than their lines: more than the target holds is not needed.
    const roomBytes = Math.min(STRETCH_BYTES, target.end - target.start);
    const end = this.#putSource(source, roomBytes);
    const limit = TARGET + roomBytes;
    const next = this.#exports.encodeLines(SOURCE, end, TARGET, limit, firstDelta, timestampDelta, delimiter);
    this.#takeTarget(source, target);
    return (next >>> 0) - firstDelta;
  }

  /**
   * Value and delimiter of up to `count` records of the source, within the target's stretch. Answers how many; 0 when the
   * next one is not plain, looks wrong or has no room: JavaScript then says what is to become of it.
   */
  decodeValues(source: Stretch, target: Stretch, count: number, delimiter: number): number {
    const roomBytes = target.end - target.start;
    // No more records than these have room: few are more than twice what is written of them.
    const end = this.#putSource(source, Math.min(STRETCH_BYTES, 2 * roomBytes + SLACK_BYTES));
    const limit = TARGET + Math.min(STRETCH_BYTES, roomBytes);
    const taken = this.#exports.decodeValues(SOURCE, end, TARGET, limit, count, delimiter);
    this.#takeTarget(source, target);
    return taken >>> 0;
  }

  /** Answers where the copy of the source ends. */
  #putSource({ bytes, start, end }: Stretch, bytesMax: number): number {
    return SOURCE + bytes.copy(this.#memory, SOURCE, start, Math.min(end, start + bytesMax));
  }

  #takeTarget(source: Stretch, target: Stretch): void {
    const targetEnd = this.#exports.targetPosition();
    this.#memory.copy(target.bytes, target.start, TARGET, targetEnd);
    this.sourcePosition = source.start + this.#exports.sourcePosition() - SOURCE;
    this.targetPosition = target.start + targetEnd - TARGET;
  }
}

let askedBytes = 0;
let kernels: LineKernels | 'none' | undefined;

/** The kernels, once the work asked of them, `byteCount` more with this call, is worth the loading. */
export function lineKernels(byteCount: number): LineKernels | undefined {
  askedBytes += byteCount;
  if (askedBytes < WORTHWHILE_BYTES) return undefined;
  kernels ??= load();
  return kernels === 'none' ? undefined : kernels;
}

function load(): LineKernels | 'none' {
  if (typeof LINE_KERNELS === 'undefined') return 'none';
  try {
    return new LineKernels(Buffer.from(LINE_KERNELS, 'base64'));
  } catch {
    // No WebAssembly, no SIMD, or no address space for it (`ulimit -v`).
    return 'none';
  }
}
