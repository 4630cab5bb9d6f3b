/**
 * WebAssembly for the two innermost loops of the line client (`wasm/line-kernels.ts`). They work in place on what lies in their
 * memory (`kernel-memory.ts`); other bytes are copied in and results out, a stretch at a time that stays in the processor's
 * cache. Without WebAssembly, SIMD or a build, JavaScript does the same.
 */
import { assert } from '../kernel/assert.ts';
import { KERNEL_SLACK_BYTES, type KernelMemory, kernelMemory, SCRATCH_BYTES } from './kernel-memory.ts';

/** The module in base64; put in by the build (`bin/build.js`), not there when the sources are run. */
declare const LINE_KERNELS: string | undefined;

/** The language's own types know nothing of WebAssembly. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
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

/** Bytes that are not in the memory: room for source and target, each with as much behind it as the loops touch. */
const STRETCH_BYTES = 128 << 10;
/** The module keeps its own variables below. */
const SOURCE = 1024;
const TARGET = SOURCE + STRETCH_BYTES + KERNEL_SLACK_BYTES;
/** In place there is no bound but that a call is to be short. */
const IN_PLACE_BYTES = 1 << 20;

/** A stretch of `bytes` from `start` to `end` (exclusive). */
export interface Stretch {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** One call's results are read from it before the next call. */
export class LineKernels {
  readonly #exports: Exports;
  readonly #memory: KernelMemory;
  /** Where the last call stopped in its source and in its target. */
  sourcePosition = 0;
  targetPosition = 0;

  /** Throws when the engine cannot run the module. `memory` has its `SCRATCH_BYTES` left free for the kernels. */
  constructor(module: Uint8Array, memory: KernelMemory) {
    assert(TARGET + STRETCH_BYTES + KERNEL_SLACK_BYTES <= SCRATCH_BYTES, 'both stretches fit the scratch');
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory: memory.memory } });
    this.#exports = instance.exports as Exports;
    this.#memory = memory;
  }

  /**
   * Whole lines of the source as records with null keys, within the target. Answers how many; the call takes a bounded part
   * of the source, so that it is done when it answers 0. `firstDelta` is the first record's offset delta.
   */
  encodeLines(source: Stretch, target: Stretch, firstDelta: number, timestampDelta: number, delimiter: number): number {
    const roomBytes = this.#roomBytes(target);
    const to = this.#memory.addressOf(target.bytes, target.start) ?? TARGET;
    // Records are larger than their lines: more than the target holds is not needed.
    const { from, byteCount } = this.#place(source, roomBytes);
    const limit = to + roomBytes;
    const next = this.#exports.encodeLines(from, from + byteCount, to, limit, firstDelta, timestampDelta, delimiter);
    this.#takeResults(source, from, target, to);
    return (next >>> 0) - firstDelta;
  }

  /**
   * Value and delimiter of up to `count` records of the source, within the target. Answers how many; 0 when the next one is
   * not plain, looks wrong or has no room: JavaScript then says what is to become of it.
   */
  decodeValues(source: Stretch, target: Stretch, count: number, delimiter: number): number {
    const roomBytes = this.#roomBytes(target);
    const to = this.#memory.addressOf(target.bytes, target.start) ?? TARGET;
    // No more records than these have room: few are more than twice what is written of them.
    const { from, byteCount } = this.#place(source, 2 * roomBytes + KERNEL_SLACK_BYTES);
    const taken = this.#exports.decodeValues(from, from + byteCount, to, to + roomBytes, count, delimiter);
    this.#takeResults(source, from, target, to);
    return taken >>> 0;
  }

  #roomBytes({ bytes, start, end }: Stretch): number {
    const isInPlace = this.#memory.addressOf(bytes, start) !== undefined;
    return Math.min(isInPlace ? IN_PLACE_BYTES : STRETCH_BYTES, end - start);
  }

  /** Where the kernel finds the source, `bytesMax` of it at most. */
  #place({ bytes, start, end }: Stretch, bytesMax: number): { readonly from: number; readonly byteCount: number } {
    const address = this.#memory.addressOf(bytes, start);
    if (address !== undefined) return { from: address, byteCount: Math.min(end - start, bytesMax) };
    const copied = Math.min(end, start + Math.min(STRETCH_BYTES, bytesMax));
    return { from: SOURCE, byteCount: bytes.copy(this.#memory.bytes, SOURCE, start, copied) };
  }

  #takeResults(source: Stretch, from: number, target: Stretch, to: number): void {
    const targetEnd = this.#exports.targetPosition();
    if (to === TARGET) this.#memory.bytes.copy(target.bytes, target.start, TARGET, targetEnd);
    this.sourcePosition = source.start + this.#exports.sourcePosition() - from;
    this.targetPosition = target.start + targetEnd - to;
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
  const memory = kernelMemory();
  if (memory === undefined || typeof LINE_KERNELS === 'undefined') return 'none';
  try {
    return new LineKernels(Buffer.from(LINE_KERNELS, 'base64'), memory);
  } catch {
    // No SIMD.
    return 'none';
  }
}
