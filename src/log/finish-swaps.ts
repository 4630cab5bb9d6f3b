/**
 * Finishes what a compaction had decided when its process ended (contract 4.4.2): a `.log.swap` is whole, and takes the place of
 * the segments that it covers. Each step may be done again, and a crash may come between any two (I-27):
 *
 *   the folder is synced      what was renamed and not synced may be gone with the power, and nothing may rest on it
 *   the .log.swap is read     every batch of it: broken, it is no reason to remove anything; nor where it ends at no segment's end,
 *                             as its CRCs cover neither its length nor the offsets of its batches
 *   index swaps without it    removed: nobody knows whether they are of the log that is there; an index can be derived
 *   what it covers            removed, but for the producer snapshot of its base; the folder is synced
 *   .swap -> final name       the .log last, as long as it is left all is found again; the folder is synced
 */
import * as batch from '../protocol/records/batch.ts';
import { scanBatches } from './batch-scan.ts';
import type { LoadOptions } from './loaded-log.ts';
import { storageError } from './log-failure.ts';
import { coveredNames } from './name-cases.ts';
import { DELETED_SUFFIX, parseSegmentFileName, SWAP_SUFFIX, segmentFileName } from './segment-files.ts';

/**
 * `swaps`: the names, the `.log` ones last.
 * @throws KafkaError KAFKA_STORAGE_ERROR (rejects) where one of them is broken: nothing was changed
 */
export async function finishSwaps(options: LoadOptions, swaps: readonly string[]): Promise<void> {
  const { env, directory } = options;
  await env.disk.syncDirectory(directory);
  const logs = swaps.flatMap((name) => {
    const parsed = parseSegmentFileName(finalName(name));
    return parsed?.suffix === '.log' ? [parsed.offset] : [];
  });
  const ranges = [];
  const names = await env.disk.list(directory);
  for (const from of logs) {
    const range = { from, to: await endOffsetOf(options, from) };
    if (!(await endsWithSegment(options, names, range))) {
      throw storageError(
        `${swapPath(options, from)}, which a compaction left, ends at offset ${range.to}, no segment's end`,
      );
    }
    ranges.push(range);
  }
  const isOfLog = (name: string): boolean => logs.includes(parseSegmentFileName(finalName(name))?.offset ?? -1);
  for (const name of swaps) if (!isOfLog(name)) await env.disk.remove(`${directory}/${name}`);
  for (const { from, to } of ranges) {
    const snapshot = segmentFileName(from, '.snapshot');
    for (const name of coveredNames(await env.disk.list(directory), from, to)) {
      if (name !== snapshot) await env.disk.remove(`${directory}/${name}`);
    }
  }
  await env.disk.syncDirectory(directory);
  for (const name of swaps) {
    if (isOfLog(name)) await env.disk.rename(`${directory}/${name}`, `${directory}/${finalName(name)}`);
  }
  await env.disk.syncDirectory(directory);
}

function finalName(name: string): string {
  return name.slice(0, -SWAP_SUFFIX.length);
}

/** Exclusive. The last batch of a compacted segment reaches to where the last of those it is made of did. */
async function endOffsetOf(options: LoadOptions, baseOffset: number): Promise<number> {
  const path = swapPath(options, baseOffset);
  const { endOffset, isWhole } = await readThrough(options, path, baseOffset);
  // A compaction leaves at least the last batch.
  if (!isWhole || endOffset === baseOffset) {
    throw storageError(`${path}, which a compaction left, is broken at offset ${endOffset}`);
  }
  return endOffset;
}

/**
 * Whether a segment begins at `to`, as one does behind all that is compacted, or is to begin there: the newest of the old ones, which
 * may be out of the way already, ends there.
 */
async function endsWithSegment(
  options: LoadOptions,
  names: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<boolean> {
  const basesOf = (suffix: string): number[] => names.flatMap((name) => baseOfLog(name, suffix) ?? []);
  if ([...basesOf(''), ...basesOf(SWAP_SUFFIX)].includes(to)) return true;
  const newest = Math.max(...[...basesOf(''), ...basesOf(DELETED_SUFFIX)].filter((base) => base >= from && base < to));
  if (newest === Number.NEGATIVE_INFINITY) return true;
  const name = segmentFileName(newest, '.log');
  const path = `${options.directory}/${names.includes(name) ? name : name + DELETED_SUFFIX}`;
  return (await readThrough(options, path, newest)).endOffset === to;
}

/** The offset in the name of a `.log` with that suffix behind it; undefined for any other name. */
function baseOfLog(name: string, suffix: string): number | undefined {
  const parsed = name.endsWith(`.log${suffix}`)
    ? parseSegmentFileName(name.slice(0, name.length - suffix.length))
    : undefined;
  return parsed?.offset;
}

function swapPath({ directory }: LoadOptions, baseOffset: number): string {
  return `${directory}/${segmentFileName(baseOffset, '.log')}${SWAP_SUFFIX}`;
}

/** Where the whole batches of a `.log` end, each behind the one before it, and whether there is nothing else in it. */
async function readThrough(
  options: LoadOptions,
  path: string,
  baseOffset: number,
): Promise<{ readonly endOffset: number; readonly isWhole: boolean }> {
  const file = await options.env.disk.open(path, 'r');
  let endOffset = baseOffset;
  try {
    const range = { from: 0, to: await file.size(), wholeBatches: true };
    const { outcome } = await scanBatches(file, range, (bytes, at) => {
      if (batch.baseOffset(bytes, at) < endOffset || batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) return 'bad';
      endOffset = batch.lastOffset(bytes, at) + 1;
      return 'next';
    });
    return { endOffset, isWhole: outcome !== 'bad' };
  } finally {
    await file.close();
  }
}
