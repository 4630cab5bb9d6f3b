/**
 * The file system of one simulated machine, shared by its processes: inodes, names, and for each folder the changes of
 * names that were not synced yet. The calls are synchronous; `sim-disk.ts` gives them time, faults and a process.
 */
import { FILE_LOSSES, FileContent, type FileLoss } from './file-content.ts';
import type { Prng } from './prng.ts';
import { systemError } from './system-error.ts';

/** What a power cut does to the changes of names that a folder had not synced. */
export type FolderLoss = 'nothing kept' | 'all kept' | 'prefix' | 'subset';
export const FOLDER_LOSSES: readonly FolderLoss[] = ['nothing kept', 'all kept', 'prefix', 'subset'];

export interface LossModels {
  readonly file: readonly FileLoss[];
  readonly folder: readonly FolderLoss[];
}
export const ALL_LOSSES: LossModels = { file: FILE_LOSSES, folder: FOLDER_LOSSES };

export interface Inode {
  readonly number: number;
  readonly kind: 'file' | 'directory' | 'other';
  readonly mode: number;
  modifiedMs: number;
  readonly content: FileContent;
  readonly folder: Folder;
}

interface NameChange {
  readonly removes: readonly string[];
  readonly puts: readonly (readonly [string, Inode])[];
}

interface Folder {
  names: Map<string, Inode>;
  durable: Map<string, Inode>;
  pending: NameChange[];
  /** Changes synced so far; see FileContent. */
  settledCount: number;
  readonly watchers: Set<() => void>;
}

export class FileSystem {
  readonly #wallMs: () => number;
  readonly #root: Inode;
  #inodeCount = 1;
  /** Bytes that all files together may have. */
  capacityBytes = Number.POSITIVE_INFINITY;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
    this.#root = this.#newInode('directory');
  }

  /** undefined when there is nothing. */
  find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name !== '' && name !== '.') inode = inode?.folder.names.get(name);
    }
    return inode;
  }

  /** ENOENT when there is nothing. */
  get(path: string, call: string): Inode {
    const inode = this.find(path);
    if (inode === undefined) throw systemError('ENOENT', call, path);
    return inode;
  }

  /** EEXIST when the name is taken, ENOENT when its folder is not there, ENOSPC. */
  create(path: string, kind: Inode['kind'], call: string): Inode {
    const { parent, name } = this.#parentOf(path, call);
    if (parent.folder.names.has(name)) throw systemError('EEXIST', call, path);
    if (this.roomBytes() === 0) throw systemError('ENOSPC', call, path);
    const inode = this.#newInode(kind);
    this.#change(parent, { removes: [], puts: [[name, inode]] });
    return inode;
  }

  rename(from: string, to: string): void {
    const source = this.#parentOf(from, 'rename');
    const target = this.#parentOf(to, 'rename');
    const inode = source.parent.folder.names.get(source.name);
    if (inode === undefined) throw systemError('ENOENT', 'rename', from);
    const replaced = target.parent.folder.names.get(target.name);
    if (replaced === inode) return;
    if (replaced !== undefined) {
      if (replaced.kind === 'directory' && inode.kind !== 'directory') throw systemError('EISDIR', 'rename', to);
      if (replaced.kind !== 'directory' && inode.kind === 'directory') throw systemError('ENOTDIR', 'rename', to);
      if (replaced.folder.names.size > 0) throw systemError('ENOTEMPTY', 'rename', to);
    }
    if (source.parent === target.parent) {
      this.#change(source.parent, { removes: [source.name], puts: [[target.name, inode]] });
    } else {
      this.#change(target.parent, { removes: [], puts: [[target.name, inode]] });
      this.#change(source.parent, { removes: [source.name], puts: [] });
    }
  }

  link(from: string, to: string): void {
    const inode = this.get(from, 'link');
    if (inode.kind === 'directory') throw systemError('EPERM', 'link', from);
    const { parent, name } = this.#parentOf(to, 'link');
    if (parent.folder.names.has(name)) throw systemError('EEXIST', 'link', to);
    this.#change(parent, { removes: [], puts: [[name, inode]] });
  }

  /** ENOENT, EISDIR. */
  unlink(path: string): void {
    const inode = this.get(path, 'unlink');
    if (inode.kind === 'directory') throw systemError('EISDIR', 'unlink', path);
    const { parent, name } = this.#parentOf(path, 'unlink');
    this.#change(parent, { removes: [name], puts: [] });
  }

  /** ENOENT, ENOTDIR, ENOTEMPTY. */
  removeDirectory(path: string): void {
    const inode = this.get(path, 'rmdir');
    if (inode.kind !== 'directory') throw systemError('ENOTDIR', 'rmdir', path);
    if (inode.folder.names.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
    const { parent, name } = this.#parentOf(path, 'rmdir');
    this.#change(parent, { removes: [name], puts: [] });
  }

  /** Calls `onChange` on each change of names in the folder, or of a file in it. */
  watch(path: string, onChange: () => void): () => void {
    const { watchers } = this.get(path, 'watch').folder;
    watchers.add(onChange);
    return () => watchers.delete(onChange);
  }

  /** To be called when the content of the file at `path` changed. */
  touched(path: string, inode: Inode): void {
    inode.modifiedMs = this.#wallMs();
    const parent = this.find(path.slice(0, path.lastIndexOf('/')));
    for (const watcher of parent?.folder.watchers ?? []) watcher();
  }

  folderChangeCount(inode: Inode): number {
    return inode.folder.settledCount + inode.folder.pending.length;
  }

  /** The first `changeCount` changes of names ever made in the folder are on the disk. */
  syncFolder(inode: Inode, changeCount: number): void {
    const { folder } = inode;
    const settled = folder.pending.splice(0, Math.max(0, changeCount - folder.settledCount));
    folder.settledCount += settled.length;
    for (const change of settled) applyNames(folder.durable, change);
  }

  /** The power is cut: everything becomes what the disk has, chosen among the models. */
  losePower(models: LossModels, chance: Prng): void {
    const seen = new Set<Inode>();
    const lose = (inode: Inode): void => {
      if (seen.has(inode)) return;
      seen.add(inode);
      inode.content.losePower(chance.pick(models.file), chance);
      loseNames(inode.folder, chance.pick(models.folder), chance);
      for (const below of inode.folder.names.values()) lose(below);
    };
    lose(this.#root);
  }

  /** Bytes that can still be written; 0 on a full disk. */
  roomBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes;
    return Math.max(0, this.capacityBytes - this.usedBytes());
  }

  /** Bytes of all files that have a name. */
  usedBytes(): number {
    const counted = new Set(this.files('').map(({ inode }) => inode));
    return [...counted].reduce((total, { content }) => total + content.size, 0);
  }

  /** Every file below `path` with its inode, for checkers; folders are not listed. */
  files(path: string): { path: string; inode: Inode }[] {
    const inode = this.find(path);
    if (inode === undefined) return [];
    if (inode.kind !== 'directory') return [{ path, inode }];
    return [...inode.folder.names.keys()].sort().flatMap((name) => this.files(`${path}/${name}`));
  }

  #parentOf(path: string, call: string): { parent: Inode; name: string } {
    const clean = path.replace(/\/+$/, '');
    const cut = clean.lastIndexOf('/');
    const parent = this.get(clean.slice(0, cut), call);
    if (parent.kind !== 'directory') throw systemError('ENOTDIR', call, path);
    return { parent, name: clean.slice(cut + 1) };
  }

  #change(parent: Inode, change: NameChange): void {
    const { folder } = parent;
    applyNames(folder.names, change);
    folder.pending.push(change);
    parent.modifiedMs = this.#wallMs();
    for (const watcher of folder.watchers) watcher();
  }

  #newInode(kind: Inode['kind']): Inode {
    return {
      number: this.#inodeCount++,
      kind,
      mode: kind === 'directory' ? 0o700 : 0o600,
      modifiedMs: this.#wallMs(),
      content: new FileContent(),
      folder: { names: new Map(), durable: new Map(), pending: [], settledCount: 0, watchers: new Set() },
    };
  }
}

function applyNames(names: Map<string, Inode>, change: NameChange): void {
  for (const name of change.removes) names.delete(name);
  for (const [name, inode] of change.puts) names.set(name, inode);
}

function loseNames(folder: Folder, loss: FolderLoss, chance: Prng): void {
  const { pending } = folder;
  let kept: readonly NameChange[] = [];
  if (loss === 'all kept') kept = pending;
  if (loss === 'prefix') kept = pending.slice(0, chance.between(0, pending.length));
  if (loss === 'subset') kept = pending.filter(() => chance.hits(0.5));
  for (const change of kept) applyNames(folder.durable, change);
  folder.settledCount += pending.length;
  folder.pending = [];
  folder.names = new Map(folder.durable);
}
