/**
 * The open files of segments, in two bounded lots. Those of sealed segments: beyond the bound the one that was used least
 * recently is closed. Those that logs write to are pinned: beyond their bound the oldest are closed that their logs do not
 * need just now, and so are all such files when the system has no descriptor left. Readers and the writer of a path share one handle.
 */
import type { Disk, DiskFile } from '../kernel/env.ts';
import { isDescriptorShortage } from './log-failure.ts';

interface OpenFile {
  readonly path: string;
  readonly opening: Promise<DiskFile>;
  file: DiskFile | undefined;
  userCount: number;
  /** Set while it is pinned. */
  letGo: (() => boolean) | undefined;
  onIdle: (() => void) | undefined;
}

export class OpenFiles {
  readonly #disk: Disk;
  readonly #unpinnedCountMax: number;
  readonly #pinnedCountMax: number;
  /** Least recently used first. */
  readonly #filesByPath = new Map<string, OpenFile>();
  #pinnedCount = 0;
  readonly #closing = new Set<Promise<void>>();

  constructor(disk: Disk, unpinnedCountMax: number, pinnedCountMax: number) {
    this.#disk = disk;
    this.#unpinnedCountMax = unpinnedCountMax;
    this.#pinnedCountMax = pinnedCountMax;
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

  /**
   * The file, open for writing until `unpin`. With `create` it must not exist yet and is made. `letGo` is asked when files are
   * to be closed: true when the owner needs it no more, and will pin it again before it does.
   */
  async pin(path: string, mode: 'open' | 'create', letGo: () => boolean): Promise<DiskFile> {
    const readers = this.#filesByPath.get(path);
    if (readers !== undefined) void this.#retire(readers);
    const open = this.#take(path, mode === 'create' ? 'w+' : 'r+');
    open.letGo = letGo;
    this.#pinnedCount += 1;
    try {
      const file = await open.opening;
      void this.#closePinned(this.#pinnedCountMax);
      return file;
    } catch (error) {
      void this.#retire(open);
      throw error;
    }
  }

  unpin(path: string): void {
    const open = this.#filesByPath.get(path);
    if (open?.letGo === undefined) return;
    open.letGo = undefined;
    this.#pinnedCount -= 1;
    this.#evict();
  }

  /** Closes the file of `path`, as soon as nobody uses it. */
  async drop(path: string): Promise<void> {
    const open = this.#filesByPath.get(path);
    if (open !== undefined) void this.#retire(open);
    await Promise.all(this.#closing);
  }

  /** Closes every file that nobody needs just now. */
  async closeUnused(): Promise<void> {
    await Promise.all([...this.#closePinned(0), ...this.#closeUnpinned(0)]);
  }

  async close(): Promise<void> {
    for (const open of this.#filesByPath.values()) void this.#retire(open);
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
      opening: this.#open(path, mode),
      file: undefined,
      userCount: 0,
      letGo: undefined,
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

  /** Without a descriptor, once more when others were closed. */
  async #open(path: string, mode: 'r' | 'r+' | 'w+'): Promise<DiskFile> {
    try {
      return await this.#disk.open(path, mode);
    } catch (error) {
      if (!isDescriptorShortage(error)) throw error;
      await this.closeUnused();
      return await this.#disk.open(path, mode);
    }
  }

  #evict(): void {
    void this.#closeUnpinned(this.#unpinnedCountMax);
  }

  #closeUnpinned(countMax: number): Promise<void>[] {
    const excess = this.#filesByPath.size - this.#pinnedCount - countMax;
    return this.#closeSome(excess, ({ letGo }) => letGo === undefined);
  }

  #closePinned(countMax: number): Promise<void>[] {
    return this.#closeSome(this.#pinnedCount - countMax, ({ letGo }) => letGo?.() === true);
  }

  /** Retires up to `count` of those that are open, not in use, and `may` be closed, the oldest first. */
  #closeSome(count: number, may: (open: OpenFile) => boolean): Promise<void>[] {
    const closings: Promise<void>[] = [];
    if (count <= 0) return closings;
    for (const open of this.#filesByPath.values()) {
      if (closings.length >= count) break;
      if (open.file !== undefined && open.userCount === 0 && may(open)) closings.push(this.#retire(open));
    }
    return closings;
  }

  #retire(open: OpenFile): Promise<void> {
    if (this.#filesByPath.get(open.path) === open) this.#filesByPath.delete(open.path);
    if (open.letGo !== undefined) this.#pinnedCount -= 1;
    open.letGo = undefined;
    const closing = closeWhenIdle(open).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return closing;
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
