/** A file whose changes stay in memory, over one on the disk that is only read, or over nothing. */
import type { DiskFile } from '../kernel/env.ts';

const PAGE_BYTES = 4096;

/** The content: what every handle on the file sees. */
export class OverlayContent {
  /** Pages that were written, by position / PAGE_BYTES; they win over the base. */
  readonly #pages = new Map<number, Buffer>();
  /** How many bytes of the base still show; a truncation hides the rest for good. */
  #baseBytes: number;
  #size: number;

  /** `baseBytes`: the size of the file on the disk; what it grows by later is not seen. */
  constructor(baseBytes: number) {
    this.#baseBytes = baseBytes;
    this.#size = baseBytes;
  }

  get size(): number {
    return this.#size;
  }

  async read(base: DiskFile | undefined, target: Uint8Array, position: number): Promise<number> {
    const byteCount = Math.max(0, Math.min(target.length, this.#size - position));
    const wanted = target.subarray(0, byteCount).fill(0);
    const fromBase = Math.min(byteCount, this.#baseBytes - position);
    if (base !== undefined && fromBase > 0) {
      await readFully(base, wanted.subarray(0, fromBase), position);
    }
    const lastPage = Math.floor((position + byteCount - 1) / PAGE_BYTES);
    for (let at = Math.floor(position / PAGE_BYTES); at <= lastPage; at++) {
      const page = this.#pages.get(at);
      if (page !== undefined) {
        const from = Math.max(position, at * PAGE_BYTES);
        const to = Math.min(position + byteCount, (at + 1) * PAGE_BYTES);
        wanted.set(page.subarray(from - at * PAGE_BYTES, to - at * PAGE_BYTES), from - position);
      }
    }
    return byteCount;
  }

  async write(base: DiskFile | undefined, bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const at = Math.floor((position + done) / PAGE_BYTES);
      const inPage = position + done - at * PAGE_BYTES;
      const count = Math.min(bytes.length - done, PAGE_BYTES - inPage);
      (await this.#page(base, at)).set(bytes.subarray(done, done + count), inPage);
      done += count;
      this.#size = Math.max(this.#size, position + done);
    }
  }

  truncate(size: number): void {
    this.#baseBytes = Math.min(this.#baseBytes, size);
    this.#size = size;
    for (const [at, page] of this.#pages) {
      const start = at * PAGE_BYTES;
      if (start >= size) {
        this.#pages.delete(at);
      } else if (start + PAGE_BYTES > size) {
        page.fill(0, size - start);
      }
    }
  }

  async #page(base: DiskFile | undefined, at: number): Promise<Buffer> {
    let page = this.#pages.get(at);
    if (page === undefined) {
      page = Buffer.alloc(PAGE_BYTES);
      await this.read(base, page, at * PAGE_BYTES);
      this.#pages.set(at, page);
    }
    return page;
  }
}

export function overlayFile(content: OverlayContent, base: DiskFile | undefined): DiskFile {
  return {
    read: (target, offset, length, position) => content.read(base, target.subarray(offset, offset + length), position),
    async writev(buffers, position) {
      let at = position;
      for (const buffer of buffers) {
        await content.write(base, buffer, at);
        at += buffer.length;
      }
    },
    datasync: async () => undefined,
    truncate: async (size) => content.truncate(size),
    size: async () => content.size,
    close: async () => await base?.close(),
  };
}

async function readFully(file: DiskFile, target: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const count = await file.read(target, done, target.length - done, position + done);
    if (count === 0) {
      return;
    }
    done += count;
  }
}
