/**
 * A disk whose changes stay in memory: for a directory that may only be read. What was not changed is read from the real disk
 * as it is now; nothing is ever written there. It lets the whole broker open somebody else's logs, cut a torn tail and rebuild
 * an index, for this process's eyes only.
 */
import type { Disk, DiskFile, DiskStat, FileSystemFacts } from '../kernel/env.ts';
import { OverlayContent, overlayFile } from './overlay-file.ts';

/** What this disk has at a path in place of the real one's. */
type Node =
  | { readonly kind: 'gone' }
  | { readonly kind: 'directory' }
  /** `basePath`: where the real disk has the content under the changes. */
  | {
      readonly kind: 'file';
      readonly content: OverlayContent;
      readonly basePath: string | undefined;
      modifiedMs: number;
    };

export class OverlayDisk implements Disk {
  readonly #real: Disk;
  readonly #nowMs: () => number;
  readonly #nodes = new Map<string, Node>();
  #inode = 1;

  constructor(real: Disk, nowMs: () => number) {
    this.#real = real;
    this.#nowMs = nowMs;
  }

  async open(path: string, mode: 'r' | 'r+' | 'wx+' | 'w+'): Promise<DiskFile> {
    const node = this.#nodes.get(path);
    if (node === undefined && mode === 'r' && !this.#isHidden(path)) {
      return await this.#real.open(path, 'r');
    }
    const file = await this.#fileNode(path, mode);
    const base = file.basePath === undefined ? undefined : await this.#real.open(file.basePath, 'r');
    return overlayFile(file.content, base);
  }

  async readFile(path: string, bytesMax = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const file = await this.open(path, 'r');
    try {
      const sizeBytes = await file.size();
      if (sizeBytes > bytesMax) throw systemError('EFBIG', path);
      const bytes = Buffer.alloc(sizeBytes);
      let done = 0;
      while (done < bytes.length) {
        const count = await file.read(bytes, done, bytes.length - done, done);
        if (count === 0) {
          break;
        }
        done += count;
      }
      return bytes.subarray(0, done);
    } finally {
      await file.close();
    }
  }

  async list(path: string): Promise<string[]> {
    const node = this.#nodes.get(path);
    if (node !== undefined && node.kind !== 'directory') {
      throw systemError(node.kind === 'gone' ? 'ENOENT' : 'ENOTDIR', path);
    }
    const real = await this.#real.list(path).catch((error: unknown) => {
      if (node?.kind === 'directory') {
        return [];
      }
      throw error;
    });
    const names = new Set(real.filter((name) => !this.#isHidden(`${path}/${name}`)));
    for (const [other, { kind }] of this.#nodes) {
      if (kind !== 'gone' && parentOf(other) === path) {
        names.add(other.slice(path.length + 1));
      }
    }
    return [...names].sort();
  }

  async stat(path: string): Promise<DiskStat | undefined> {
    const node = this.#nodes.get(path);
    if (node === undefined) {
      return this.#isHidden(path) ? undefined : await this.#real.stat(path);
    }
    if (node.kind === 'gone') {
      return undefined;
    }
    const size = node.kind === 'file' ? node.content.size : 0;
    const modifiedMs = node.kind === 'file' ? node.modifiedMs : this.#nowMs();
    return { kind: node.kind, size, modifiedMs, inode: this.#inode++, mode: 0o600, uid: 0 };
  }

  async makeDirectory(path: string): Promise<boolean> {
    if ((await this.stat(path)) !== undefined) {
      return false;
    }
    const parent = parentOf(path);
    if (parent !== '' && parent !== path) {
      await this.makeDirectory(parent);
    }
    this.#nodes.set(path, { kind: 'directory' });
    return true;
  }

  async rename(from: string, to: string): Promise<void> {
    const stat = await this.stat(from);
    if (stat === undefined) {
      throw systemError('ENOENT', from);
    }
    if (stat.kind !== 'directory') {
      this.#nodes.set(to, await this.#fileNode(from, 'r+'));
      this.#nodes.set(from, { kind: 'gone' });
      return;
    }
    this.#nodes.set(to, { kind: 'directory' });
    for (const name of await this.list(from)) {
      await this.rename(`${from}/${name}`, `${to}/${name}`);
    }
    this.#nodes.set(from, { kind: 'gone' });
  }

  async link(from: string, to: string): Promise<void> {
    if ((await this.stat(to)) !== undefined) {
      throw systemError('EEXIST', to);
    }
    this.#nodes.set(to, await this.#fileNode(from, 'r+'));
  }

  async remove(path: string): Promise<void> {
    this.#nodes.set(path, { kind: 'gone' });
  }

  async removeTree(path: string): Promise<void> {
    for (const other of this.#nodes.keys()) {
      if (other.startsWith(`${path}/`)) {
        this.#nodes.delete(other);
      }
    }
    this.#nodes.set(path, { kind: 'gone' });
  }

  async syncDirectory(_path: string): Promise<void> {
    // Nothing here outlives the process.
  }

  watch(path: string, onHint: () => void): ReturnType<Disk['watch']> {
    return this.#real.watch(path, onHint);
  }

  fileSystem(path: string): Promise<FileSystemFacts> {
    return this.#real.fileSystem(path);
  }

  /** The file at `path` as one of this disk's own, as an open for writing makes it. */
  async #fileNode(path: string, mode: 'r' | 'r+' | 'wx+' | 'w+'): Promise<Node & { kind: 'file' }> {
    const node = this.#nodes.get(path);
    if (node?.kind === 'file' && mode !== 'wx+') {
      return node;
    }
    const stat = await this.stat(path);
    if (stat !== undefined && mode === 'wx+') {
      throw systemError('EEXIST', path);
    }
    if (stat === undefined && (mode === 'r' || mode === 'r+')) {
      throw systemError('ENOENT', path);
    }
    const made: Node & { kind: 'file' } = {
      kind: 'file',
      content: new OverlayContent(stat?.size ?? 0),
      basePath: stat === undefined ? undefined : path,
      modifiedMs: stat?.modifiedMs ?? this.#nowMs(),
    };
    this.#nodes.set(path, made);
    return made;
  }

  /** Whether the real disk's entry at `path` was taken away here, alone or with a folder above it. */
  #isHidden(path: string): boolean {
    for (let at = path; at !== '' && at !== '/'; at = parentOf(at)) {
      const node = this.#nodes.get(at);
      if (node?.kind === 'gone') {
        return true;
      }
    }
    return false;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
