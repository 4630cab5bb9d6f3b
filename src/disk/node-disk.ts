/**
 * Disk over node:fs. Durability is the caller's: nothing here syncs by itself.
 *
 * `syncDirectory` and systems: Linux and macOS sync a directory by an fsync of its descriptor. Some file systems (SMB, some
 * FUSE ones) refuse that with EINVAL or ENOTSUP: their directory entries are as durable as the server makes them, and
 * nothing more can be done from here, so that is no error. EIO and ENOSPC are.
 */

import {
  constants,
  fsync,
  link as linkFile,
  lstat,
  mkdir,
  open as openFile,
  readdir,
  rename as renameFile,
  rm,
  type Stats,
  stat as statFollowing,
  unlink,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Disk, DiskFile, DiskStat, OpenMode } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { fileSystemOf } from './file-system-kind.ts';
import { NodeFile, settle } from './node-file.ts';
import { type WatchOptions, watchDirectory } from './watch-directory.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

// O_NONBLOCK: a FIFO that stands where a file should be must not block a thread at `open`; files ignore it.
const ALWAYS = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  r: ALWAYS | constants.O_RDONLY,
  'r+': ALWAYS | constants.O_RDWR,
  'wx+': ALWAYS | constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  'w+': ALWAYS | constants.O_RDWR | constants.O_CREAT,
};
/** The largest file that is ever read whole is an index, of at most 2 GiB (segment.index.bytes). */
const WHOLE_FILE_BYTES_MAX = 2 ** 31;
const DIRECTORY_SYNC_UNSUPPORTED: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

/** The file system of this machine. */
export function nodeDisk(options: WatchOptions): Disk {
  return {
    open: async (path, mode) => new NodeFile(await openDescriptor(path, OPEN_FLAGS[mode])),
    readFile,
    list,
    stat,
    makeDirectory,
    rename: (from, to) => call((done) => renameFile(from, to, done)),
    link: (from, to) => call((done) => linkFile(from, to, done)),
    remove: (path) => unlessAbsent(call((done) => unlink(path, done))),
    removeTree: (path) => call((done) => rm(path, { recursive: true, force: true }, done)),
    syncDirectory,
    watch: (path, onHint) => watchDirectory(path, onHint, options),
    fileSystem: fileSystemOf,
  };
}

async function readFile(path: string, bytesMax = WHOLE_FILE_BYTES_MAX): Promise<Buffer> {
  const file: DiskFile = new NodeFile(await openDescriptor(path, OPEN_FLAGS.r));
  try {
    return await readToEnd(file, bytesMax);
  } catch (error) {
    // What the system says of an open file does not name it.
    throw Object.assign(new Error(`${path}: ${messageOf(error)}`, { cause: error }), {
      code: errorCodeOf(error),
      path,
    });
  } finally {
    await file.close();
  }
}

async function readToEnd(file: DiskFile, bytesMax: number): Promise<Buffer> {
  const sizeBytes = await file.size();
  if (sizeBytes > bytesMax) {
    throw Object.assign(new Error(`${sizeBytes} bytes are more than such a file can have`), { code: 'EFBIG' });
  }
  // One byte more than the size shows the end in the first read. A file that grows meanwhile is read to its new end.
  let content = Buffer.allocUnsafeSlow(sizeBytes + 1);
  let byteCount = 0;
  for (;;) {
    const readCount = await file.read(content, byteCount, content.length - byteCount, byteCount);
    byteCount += readCount;
    if (readCount === 0 || byteCount < content.length) return content.subarray(0, byteCount);
    content = Buffer.concat([content], content.length * 2);
  }
}

function list(path: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    readdir(path, (error, names) => {
      if (error === null) resolve(names.sort());
      else reject(error);
    });
  });
}

function stat(path: string): Promise<DiskStat | undefined> {
  return new Promise((resolve, reject) => {
    lstat(path, (error, stats) => {
      if (error === null) resolve(toDiskStat(stats));
      else if (error.code === 'ENOENT' || error.code === 'ENOTDIR') resolve(undefined);
      else reject(error);
    });
  });
}

function toDiskStat(stats: Stats): DiskStat {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
  const { size, ino, mode, uid } = stats;
  return { kind, size, modifiedMs: stats.mtimeMs, inode: ino, mode: mode & 0o7777, uid };
}

async function makeDirectory(path: string): Promise<boolean> {
  try {
    return await makeLastComponent(path);
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
  }
  await makeDirectory(dirname(path));
  // Once more and no oftener: a file system such as /proc answers ENOENT although the parent is there.
  return makeLastComponent(path);
}

async function makeLastComponent(path: string): Promise<boolean> {
  try {
    await call((done) => mkdir(path, DIRECTORY_MODE, done));
    return true;
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST' && (await leadsToDirectory(path))) return false;
    throw error;
  }
}

/** People put a link where the data should be (`/var/lib/x -> /mnt/x`), and systems do (`/tmp` on macOS). */
function leadsToDirectory(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    statFollowing(path, (error, stats) => resolve(error === null && stats.isDirectory()));
  });
}

async function syncDirectory(path: string): Promise<void> {
  const descriptor = await openDescriptor(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const directory = new NodeFile(descriptor);
  try {
    await call((done) => fsync(descriptor, done));
  } catch (error) {
    if (!DIRECTORY_SYNC_UNSUPPORTED.has(errorCodeOf(error))) throw error;
  } finally {
    await directory.close();
  }
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    openFile(path, flags, FILE_MODE, (error, descriptor) => {
      if (error === null) resolve(descriptor);
      else reject(error);
    });
  });
}

function call(start: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start(settle(resolve, reject)));
}

async function unlessAbsent(action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
