/**
 * Paths of Unix sockets of any length.
 *
 * The kernel takes about 100 bytes (104 on macOS, 108 on Linux) and some systems cut longer ones off without a word. A longer
 * path is therefore reached through a short one: on Linux through an open descriptor of its folder
 * (`/proc/self/fd/<fd>/<name>`), elsewhere through a symbolic link in a folder that only this user can enter
 * (`<tmp>/streamctl-<uid>/<random>` -> the socket's folder). Listening and connecting sides each make their own.
 */
import { chmodSync, closeSync, constants, lstatSync, mkdirSync, openSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

export const SOCKET_PATH_BYTES_MAX = 100;

export interface ShortPath {
  readonly path: string;
  /** Takes the short way back; the socket itself stays. */
  close(): void;
}

/** A path of at most SOCKET_PATH_BYTES_MAX bytes to `path`. Throws ENAMETOOLONG when its last component alone is too long. */
export function shortSocketPath(path: string, uuid: () => string, platform = process.platform): ShortPath {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return { path, close: () => undefined };
  const short = platform === 'linux' ? throughDescriptor(path) : throughAlias(path, uuid());
  if (Buffer.byteLength(short.path) <= SOCKET_PATH_BYTES_MAX) return short;
  short.close();
  throw Object.assign(new Error(`no short way to the socket ${path}`), { code: 'ENAMETOOLONG' });
}

/** Lets only the user connect. */
export function protectSocket(path: string): void {
  chmodSync(path, 0o600);
}

function throughDescriptor(path: string): ShortPath {
  const descriptor = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${descriptor}/${basename(path)}`, close: () => closeSync(descriptor) };
}

function throughAlias(path: string, uuid: string): ShortPath {
  const folder = aliasFolder();
  const alias = join(folder, uuid.slice(0, 13));
  symlinkSync(resolve(dirname(path)), alias);
  return { path: join(alias, basename(path)), close: () => unlinkSync(alias) };
}

/** The user's own folder for aliases. Throws EPERM when something else stands at its place. */
function aliasFolder(): string {
  const { uid } = userInfo();
  const base = Buffer.byteLength(tmpdir()) <= SOCKET_PATH_BYTES_MAX / 2 ? tmpdir() : '/tmp';
  const folder = join(base, `streamctl-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return folder;
  throw Object.assign(new Error(`${folder} is not a folder that only its owner can enter`), { code: 'EPERM' });
}
