/**
 * Finishes what a compaction had decided when its process ended (contract 4.4.2): a `.log.swap` is whole, and takes the place of
 * the segments that it covers. Each step may be done again, and a crash may come between any two (I-27):
 *
 *   the folder is synced      what was renamed and not synced may be gone with the power, and nothing may rest on it
 *   the .log.swap is read     every batch of it: broken, it is no reason to remove anything
 *   index swaps without it    removed: nobody knows whether they are of the log that is there; an index can be derived
 *   what it covers            removed, but for the producer snapshot of its base; the folder is synced
 *   .swap -> final name       the .log last, as long as it is left all is found again; the folder is synced
 */
import * as batch from '../protocol/records/batch.ts';
import { scanBatches } from './batch-scan.ts';
import type { LoadOptions } from './loaded-log.ts';
import { storageError } from './log-failure.ts';
import { coveredNames } from './name-cases.ts';
import { parseSegmentFileName, SWAP_SUFFIX, segmentFileName } from './segment-files.ts';

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
  for (const from of logs) ranges.push({ from, to: await endOffsetOf(options, from) });
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
  const path = `${options.directory}/${segmentFileName(baseOffset, '.log')}${SWAP_SUFFIX}`;
  const file = await options.env.disk.open(path, 'r');
  let endOffset = baseOffset;
  try {
    const range = { from: 0, to: await file.size(), wholeBatches: true };
    const { outcome } = await scanBatches(file, range, (bytes, at) => {
      if (batch.baseOffset(bytes, at) < endOffset || batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) return 'bad';
      endOffset = batch.lastOffset(bytes, at) + 1;
      return 'next';
    });
    if (outcome === 'bad') throw storageError(`${path}, which a compaction left, is broken at offset ${endOffset}`);
  } finally {
    await file.close();
  }
  return Math.max(endOffset, baseOffset + 1);
}
