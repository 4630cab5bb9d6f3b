/**
 * The open files of sealed segments, bounded: beyond the bound the file that was used least recently is closed. A file
 * that is being written is pinned and does not count. Readers and the writer of a path share one handle.
 */
import type { Disk, DiskFile } from '../kernel/env.ts';

interface OpenFile {
  readonly path: string;
  readonly opening: Promise<DiskFile>;
  file: DiskFile | undefined;
  userCount: number;
  pinned: boolean;
  onIdle: (() => void) | undefined;
}

export class OpenFiles {
  readonly #disk: Disk;
  readonly #unpinnedCountMax: number;
  /** Least recently used first. */
  readonly #filesByPath = new Map<string, OpenFile>();
  #pinnedCount = 0;
  readonly #closing = new Set<Promise<void>>();

  constructor(disk: Disk, unpinnedCountMax: number) {
    this.#disk = disk;
    this.#unpinnedCountMax = unpinnedCountMax;
  }

  /** Runs `action` with the file, which stays open meanwhile. Throws what opening throws. */
  async use<T>(path: string, action: (file: DiskFile) => Promise<T>): Promise<T> {
    const open = this.#take(path, 'r');
    open.userCount += 1;
    try {
      return await action(open.file ?? (await open.opening));
    } finally {
      open.userCount -= 1;
      if (open.userCount === 0) open.onIdle?.();
      this.#evict();
    }
  }

  /** The file, open for writing until `unpin`. With `create` it must not exist yet and is made. */
  async pin(path: string, mode: 'open' | 'create'): Promise<DiskFile> {
    const readers = this.#filesByPath.get(path);
    if (readers !== undefined) this.#retire(readers);
    const open = this.#take(path, mode === 'create' ? 'w+' : 'r+');
    open.pinned = true;
    this.#pinnedCount += 1;
    try {
      return await open.opening;
    } catch (error) {
      this.#retire(open);
      throw error;
    }
  }

  unpin(path: string): void {
    const open = this.#filesByPath.get(path);
    if (open?.pinned !== true) return;
    open.pinned = false;
    this.#pinnedCount -= 1;
    this.#evict();
  }

  /** Closes the file of `path`, as soon as nobody uses it. */
  async drop(path: string): Promise<void> {
    const open = this.#filesByPath.get(path);
    if (open !== undefined) this.#retire(open);
    await Promise.all(this.#closing);
  }

  async close(): Promise<void> {
    for (const open of this.#filesByPath.values()) this.#retire(open);
    await Promise.all(this.#closing);
  }

  #take(path: string, mode: 'r' | 'r+' | 'w+'): OpenFile {
    const known = this.#filesByPath.get(path);
    if (known !== undefined) {
      this.#filesByPath.delete(path);
      this.#filesByPath.set(path, known);
      return known;
    }
    const open: OpenFile = {
      path,
      opening: this.#disk.open(path, mode),
      file: undefined,
      userCount: 0,
      pinned: false,
      onIdle: undefined,
    };
    this.#filesByPath.set(path, open);
    open.opening.then(
      (file) => {
        open.file = file;
      },
      () => {
        if (this.#filesByPath.get(path) === open) this.#filesByPath.delete(path);
      },
    );
    return open;
  }

  #evict(): void {
    let excess = this.#filesByPath.size - this.#pinnedCount - this.#unpinnedCountMax;
    if (excess <= 0) return;
    for (const open of this.#filesByPath.values()) {
      if (excess <= 0) return;
      if (open.pinned || open.userCount > 0) continue;
      this.#retire(open);
      excess -= 1;
    }
  }

  #retire(open: OpenFile): void {
    if (this.#filesByPath.get(open.path) === open) this.#filesByPath.delete(open.path);
    if (open.pinned) this.#pinnedCount -= 1;
    open.pinned = false;
    const closing = closeWhenIdle(open).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** Never rejects: what was written was synced before, so a close that fails loses nothing. */
async function closeWhenIdle(open: OpenFile): Promise<void> {
  if (open.userCount > 0) {
    await new Promise<void>((resolve) => {
      open.onIdle = resolve;
    });
  }
  await open.opening.then((file) => file.close()).catch(() => undefined);
}
