/** `Disk` of one simulated process: the machine's file system with time, faults and the process' own death. */
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile, DiskStat, DiskWatch, FileSystemFacts, OpenMode } from '../../src/kernel/env.ts';
import type { DiskCall, DiskFaultPlan } from './disk-faults.ts';
import type { FileSystem, Inode } from './file-system.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';
import { systemError } from './system-error.ts';

/** Usual and worst milliseconds of a call. */
const LATENCY: Readonly<Record<'cache' | 'sync', readonly [number, number]>> = { cache: [0.03, 20], sync: [0.4, 800] };
/** A read that is not at the end of the file and brings less than was asked for. */
const SHORT_READ = 0.02;
const HINT_LOST = 0.1;
const HINT_MS_MAX = 120;

export interface DiskHardware {
  readonly files: FileSystem;
  readonly chance: Prng;
  /** The faults that are in force now. */
  faults: DiskFaultPlan;
  /** A call is about to take effect; the process may be dead afterwards, and then it does not. */
  before(call: DiskCall, process: SimProcess): void;
  /** A call took effect. */
  after(call: DiskCall, path: string, process: SimProcess): void;
}

interface CallDetail {
  /** For the trace. */
  readonly detail?: string | number;
  /** What happens beside a fault that is an error. */
  readonly onError?: () => void;
  /** What happens beside a fault that is a short call. */
  readonly onShort?: () => void;
  /** What may have come to pass when the process dies meanwhile; by default all or nothing. */
  readonly cutShort?: () => void;
}

export class SimDisk implements Disk {
  readonly #process: SimProcess;
  readonly #hardware: DiskHardware;

  constructor(process: SimProcess, hardware: DiskHardware) {
    this.#process = process;
    this.#hardware = hardware;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const { files } = this.#hardware;
    const inode = await this.call(mode === 'r' ? 'openToRead' : 'open', path, () => {
      const found = files.find(path);
      if (mode === 'wx+' || (mode === 'w+' && found === undefined)) {
        return files.create(path, 'file', 'open');
      }
      const inode = files.get(path, 'open');
      if (inode.kind === 'other') throw systemError('ENXIO', 'open', path);
      if (inode.kind === 'directory' && mode !== 'r') throw systemError('EISDIR', 'open', path);
      return inode;
    });
    return new SimFile(this, this.#hardware, inode, path, mode !== 'r');
  }

  readFile(path: string, bytesMax = Number.POSITIVE_INFINITY): Promise<Buffer> {
    return this.call('readFile', path, () => {
      const inode = this.#hardware.files.get(path, 'open');
      if (inode.kind === 'directory') throw systemError('EISDIR', 'read', path);
      if (inode.content.size > bytesMax) throw systemError('EFBIG', 'read', path);
      return inode.content.bytes();
    });
  }

  list(path: string): Promise<string[]> {
    return this.call('list', path, () => {
      const inode = this.#hardware.files.get(path, 'scandir');
      if (inode.kind !== 'directory') throw systemError('ENOTDIR', 'scandir', path);
      return [...inode.folder.names.keys()].sort();
    });
  }

  stat(path: string): Promise<DiskStat | undefined> {
    return this.call('stat', path, () => {
      const inode = this.#hardware.files.find(path);
      if (inode === undefined) return undefined;
      const { kind, modifiedMs, number, mode, content } = inode;
      return { kind, size: content.size, modifiedMs, inode: number, mode, uid: 1000 };
    });
  }

  async makeDirectory(path: string): Promise<boolean> {
    let created = false;
    const names = path.split('/').filter((name) => name !== '');
    for (let depth = 1; depth <= names.length; depth++) {
      const part = `/${names.slice(0, depth).join('/')}`;
      const isThere = this.#hardware.files.find(part)?.kind === 'directory';
      if (isThere && depth < names.length) continue;
      created = await this.call('mkdir', part, () => this.#mkdirOnce(part));
    }
    return created;
  }

  rename(from: string, to: string): Promise<void> {
    return this.call('rename', to, () => this.#hardware.files.rename(from, to), { detail: from });
  }

  link(from: string, to: string): Promise<void> {
    return this.call('link', to, () => this.#hardware.files.link(from, to));
  }

  remove(path: string): Promise<void> {
    return this.call('unlink', path, () => {
      if (this.#hardware.files.find(path) !== undefined) this.#hardware.files.unlink(path);
    });
  }

  async removeTree(path: string): Promise<void> {
    const { files } = this.#hardware;
    if (files.find(path)?.kind !== 'directory') return this.remove(path);
    for (const name of await this.list(path)) await this.removeTree(`${path}/${name}`);
    return this.call('rmdir', path, () => {
      if (files.find(path) !== undefined) files.removeDirectory(path);
    });
  }

  async syncDirectory(path: string): Promise<void> {
    const { files } = this.#hardware;
    const inode = files.find(path);
    const covered = inode === undefined ? 0 : files.folderChangeCount(inode);
    await this.call('syncDirectory', path, () => {
      if (inode?.kind !== 'directory') throw systemError('ENOENT', 'fsync', path);
      files.syncFolder(inode, covered);
    });
  }

  watch(path: string, onHint: () => void): DiskWatch {
    const { files, chance } = this.#hardware;
    let isDue = false;
    let isOpen = files.find(path)?.kind === 'directory';
    const stop = !isOpen
      ? () => undefined
      : files.watch(path, () => {
          if (isDue || chance.hits(HINT_LOST)) return;
          isDue = true;
          this.#process.world.after(HINT_MS_MAX * chance.fraction(), () => {
            isDue = false;
            if (isOpen) this.#process.deliver('disk', onHint);
          });
        });
    const close = (): void => {
      isOpen = false;
      stop();
    };
    this.#process.own({ abandon: close });
    return { close: async () => close() };
  }

  async fileSystem(): Promise<FileSystemFacts> {
    return { kind: 'simulated', isNetwork: false, isUncertain: false, totalBytes: 1e12, freeBytes: 1e12 };
  }

  /** One system call: its time, its fault, its line in the trace. */
  call<T>(name: DiskCall, path: string, effect: () => T, more: CallDetail = {}): Promise<T> {
    const { chance } = this.#hardware;
    const [usualMs, worstMs] = LATENCY[name === 'datasync' || name === 'syncDirectory' ? 'sync' : 'cache'];
    const fault = this.#hardware.faults(name, path, this.#process);
    const delayMs = chance.latencyMs(usualMs, worstMs) + (fault?.kind === 'slow' ? fault.delayMs : 0);
    const traced = (): T => {
      this.#process.note(name, path, more.detail ?? '', fault?.kind ?? '');
      // Of a process that was killed meanwhile, the call may still come to its end; of one killed right here it does not.
      if (!this.#process.isDead) {
        this.#hardware.before(name, this.#process);
        if (this.#process.isDead) throw systemError('EINTR', name, path);
      }
      if (fault?.kind === 'error' || fault?.kind === 'short') {
        if (fault.kind === 'short') more.onShort?.();
        more.onError?.();
        throw systemError(fault.code, name, path);
      }
      const value = effect();
      this.#hardware.after(name, path, this.#process);
      return value;
    };
    return this.#process.perform('disk', delayMs, traced, more.cutShort);
  }

  #mkdirOnce(path: string): boolean {
    const { files } = this.#hardware;
    const found = files.find(path);
    if (found?.kind === 'directory') return false;
    files.create(path, 'directory', 'mkdir');
    return true;
  }

  /** For SimFile: reports that a buffer was changed while the kernel could still read it. */
  reportChanged(path: string): void {
    this.#process.world.violate(
      'buffer',
      `${this.#process.name}: bytes for ${path} changed while they were being written`,
    );
  }
}

class SimFile implements DiskFile {
  readonly #disk: SimDisk;
  readonly #hardware: DiskHardware;
  readonly #inode: Inode;
  readonly #path: string;
  readonly #mayWrite: boolean;
  #isOpen = true;

  constructor(disk: SimDisk, hardware: DiskHardware, inode: Inode, path: string, mayWrite: boolean) {
    this.#disk = disk;
    this.#hardware = hardware;
    this.#inode = inode;
    this.#path = path;
    this.#mayWrite = mayWrite;
  }

  async read(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    this.#need(false, 'read');
    const { chance } = this.#hardware;
    const asked = length > 1 && chance.hits(SHORT_READ) ? chance.between(1, length) : length;
    return this.#disk.call('read', this.#path, () => {
      return this.#inode.content.read(target.subarray(offset, offset + asked), position);
    });
  }

  async writev(buffers: readonly Uint8Array[], position: number): Promise<void> {
    this.#need(true, 'write');
    const sum = checksum(buffers);
    const put = (count: number): void => {
      // The kernel takes the bytes some time during the call, so they must be the same all through it.
      if (checksum(buffers) !== sum) this.#disk.reportChanged(this.#path);
      const bytes = Buffer.concat(buffers).subarray(0, count);
      this.#inode.content.write(bytes, position);
      this.#hardware.files.touched(this.#path, this.#inode);
    };
    const { chance } = this.#hardware;
    const size = buffers.reduce((total, buffer) => total + buffer.length, 0);
    const effect = (): void => {
      const beyond = position + size - this.#inode.content.size - this.#hardware.files.roomBytes();
      // A full disk gives a short write: what fits, or less.
      put(beyond <= 0 ? size : chance.between(0, Math.max(0, size - beyond)));
      if (beyond > 0) throw systemError('ENOSPC', 'write', this.#path);
    };
    await this.#disk.call('write', this.#path, effect, {
      detail: `${position} ${size} ${sum}`,
      cutShort: () => put(chance.between(0, size)),
      onShort: () => put(chance.between(0, Math.max(0, size - 1))),
    });
  }

  async datasync(): Promise<void> {
    this.#need(false, 'fdatasync');
    const { content } = this.#inode;
    const covered = content.changeCount;
    await this.#disk.call('datasync', this.#path, () => content.sync(covered), {
      detail: covered,
      onError: () => content.dropUnsynced(covered),
      cutShort: () => content.sync(covered),
    });
  }

  async truncate(size: number): Promise<void> {
    this.#need(true, 'ftruncate');
    const effect = (): void => {
      this.#inode.content.truncate(size);
      this.#hardware.files.touched(this.#path, this.#inode);
    };
    await this.#disk.call('truncate', this.#path, effect, { detail: size });
  }

  async size(): Promise<number> {
    this.#need(false, 'fstat');
    return this.#disk.call('stat', this.#path, () => this.#inode.content.size);
  }

  async close(): Promise<void> {
    this.#need(false, 'close');
    this.#isOpen = false;
  }

  #need(toWrite: boolean, call: string): void {
    if (!this.#isOpen || (toWrite && !this.#mayWrite)) throw systemError('EBADF', call, this.#path);
  }
}

function checksum(buffers: readonly Uint8Array[]): number {
  let sum = 0;
  for (const buffer of buffers) sum = crc32(buffer, sum);
  return sum;
}
