/**
 * Memory that the WebAssembly kernels (`line-kernels.ts`) reach. Slots, input, answers and output that lie in it are ordinary
 * buffers to everybody else, and need no copying for a call of a kernel. Whatever finds no room here works too: it is copied.
 *
 *     scratch of the kernels | block | slack | block | slack | ...
 *
 * Blocks are never given back: they are for what lives as long as the process, or is pooled. Pages that nobody touches cost
 * nothing.
 */

/** The module in base64; put in by the build (`bin/build.js`), not there when the sources are run. */
declare const LINE_KERNELS: string | undefined;

/** The language's own types know nothing of WebAssembly. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

const PAGE_BYTES = 64 << 10;
/** Input, slots and answers of a command (`LineBuffer`, `SlotPool`, two answers of a fetch, `RecordOutput`) fit. */
const MEMORY_BYTES = 64 << 20;
/** So much behind a block may be read and written by the kernels' loops, whatever it is. */
export const KERNEL_SLACK_BYTES = 64;

export class KernelMemory {
  /** What the module imports. */
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly bytes: Buffer;
  #next: number;

  /** @param scratchBytes what the kernels keep for themselves at the beginning. Throws when there is no address space for it */
  constructor(scratchBytes: number, memoryBytes = MEMORY_BYTES) {
    const pageCount = Math.ceil(memoryBytes / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: pageCount, maximum: pageCount });
    this.bytes = Buffer.from(this.memory.buffer);
    this.#next = scratchBytes;
  }

  /** A block of `byteCount` bytes, all zero; undefined when there is no room for it. */
  take(byteCount: number): Buffer | undefined {
    const start = this.#next;
    const end = start + byteCount;
    const next = Math.ceil((end + KERNEL_SLACK_BYTES) / KERNEL_SLACK_BYTES) * KERNEL_SLACK_BYTES;
    if (next > this.bytes.length) return undefined;
    this.#next = next;
    return Buffer.from(this.memory.buffer, start, byteCount);
  }

  /** The kernels' address of position `position` of the bytes; undefined when they are not in this memory. */
  addressOf(bytes: Buffer, position: number): number | undefined {
    return bytes.buffer === this.memory.buffer ? bytes.byteOffset + position : undefined;
  }
}

/** Room for a stretch of source and one of target, which are copied in and out when they are not in this memory. */
export const SCRATCH_BYTES = 384 << 10;

let shared: KernelMemory | 'none' | undefined;

/** The process's own; undefined where there are no kernels. */
export function kernelMemory(): KernelMemory | undefined {
  shared ??= make();
  return shared === 'none' ? undefined : shared;
}

/** `byteCount` bytes of whatever content, in the kernels' memory if there is room. */
export function takeKernelBytes(byteCount: number): Buffer {
  return kernelMemory()?.take(byteCount) ?? Buffer.allocUnsafeSlow(byteCount);
}

function make(): KernelMemory | 'none' {
  if (typeof LINE_KERNELS === 'undefined') return 'none';
  try {
    return new KernelMemory(SCRATCH_BYTES);
  } catch {
    // No WebAssembly, or no address space for it (`ulimit -v`).
    return 'none';
  }
}
