/**
 * How the files of a compacted segment take the place of those that it was made from (contract 4.5). A crash anywhere leaves
 * what the next open undoes or finishes (name-cases.ts N2 to N4, finish-swaps.ts):
 *
 *   b.log.cleaned, indexes    synced before                             undone
 *   b.log.swap, indexes       renamed; the folder is synced             undone, or finished: it covers the same offsets
 *   old .log, indexes and     renamed to .deleted, the newest first;    finished
 *   snapshots but b's         the folder is synced
 *   b.index, b.timeindex,     renamed from .swap, the .log last;        finished
 *   b.log                     the folder is synced
 *
 * The second sync keeps an old file from coming back beside a new one that has its final name.
 */
import { errorCodeOf } from '../../kernel/error-code.ts';
import { NotAllowedToWrite } from '../log-failure.ts';
import type { LogHost } from '../log-host.ts';
import { CLEANED_SUFFIX, DELETED_SUFFIX, type SegmentSuffix, SWAP_SUFFIX, segmentFileName } from '../segment-files.ts';

/** The `.log` last: as long as it has its old name, the others are found by it. */
const SUFFIXES: readonly SegmentSuffix[] = ['.index', '.timeindex', '.log'];

type Host = Pick<LogHost, 'env' | 'canWrite'>;

/** `.cleaned` becomes `.swap`, durably. @throws NotAllowedToWrite, or what the disk throws: `discard` undoes it */
export async function offerSwap(host: Host, directory: string, baseOffset: number): Promise<void> {
  for (const suffix of SUFFIXES) {
    const path = `${directory}/${segmentFileName(baseOffset, suffix)}`;
    await rename(host, path + CLEANED_SUFFIX, path + SWAP_SUFFIX);
  }
  await host.env.disk.syncDirectory(directory);
}

/**
 * `.swap` becomes part of the log in the place of the segments with `oldBases`, ascending, the first of which is its own base.
 * Durable when it resolves; answers the paths of the old files.
 * @throws NotAllowedToWrite, or what the disk throws: the next open finishes it, and until then nothing may be read or written
 */
export async function takePlace(host: Host, directory: string, oldBases: readonly number[]): Promise<string[]> {
  const [baseOffset = 0] = oldBases;
  const deleted: string[] = [];
  for (const oldBase of [...oldBases].reverse()) {
    const suffixes: readonly SegmentSuffix[] = oldBase === baseOffset ? SUFFIXES : [...SUFFIXES, '.snapshot'];
    for (const suffix of suffixes) {
      const path = `${directory}/${segmentFileName(oldBase, suffix)}`;
      if (await renameIfThere(host, path, path + DELETED_SUFFIX)) deleted.push(path + DELETED_SUFFIX);
    }
  }
  await host.env.disk.syncDirectory(directory);
  for (const suffix of SUFFIXES) {
    const path = `${directory}/${segmentFileName(baseOffset, suffix)}`;
    await rename(host, path + SWAP_SUFFIX, path);
  }
  await host.env.disk.syncDirectory(directory);
  return deleted;
}

/** Removes what `offerSwap` or those before it left, durably. @throws what the disk throws */
export async function discard(host: Host, directory: string, baseOffset: number): Promise<void> {
  for (const suffix of SUFFIXES) {
    const path = `${directory}/${segmentFileName(baseOffset, suffix)}`;
    // The .log last, and before any .cleaned: what a crash leaves of them counts as before, or does not count.
    await remove(host, path + SWAP_SUFFIX);
  }
  for (const suffix of SUFFIXES) {
    await remove(host, `${directory}/${segmentFileName(baseOffset, suffix)}${CLEANED_SUFFIX}`);
  }
  await host.env.disk.syncDirectory(directory);
}

async function rename(host: Host, from: string, to: string): Promise<void> {
  if (!host.canWrite()) throw new NotAllowedToWrite();
  await host.env.disk.rename(from, to);
}

async function remove(host: Host, path: string): Promise<void> {
  if (!host.canWrite()) throw new NotAllowedToWrite();
  await host.env.disk.remove(path);
}

async function renameIfThere(host: Host, from: string, to: string): Promise<boolean> {
  try {
    await rename(host, from, to);
    return true;
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
