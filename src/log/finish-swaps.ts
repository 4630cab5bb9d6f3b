/**
 * Finishes what a compaction had decided when its process ended (contract 4.4.2): files ending in .swap are whole, and take the
 * place of the segments that they cover. Each step may be done again.
 */
import * as batch from '../protocol/records/batch.ts';
import { scanBatches } from './batch-scan.ts';
import type { LoadOptions } from './loaded-log.ts';
import { coveredNames } from './name-cases.ts';
import { parseSegmentFileName } from './segment-files.ts';

const SUFFIX = /\.swap$/;

/** `swaps`: the names, the `.log` ones last, so that as long as any is left the others are found again. */
export async function finishSwaps(options: LoadOptions, swaps: readonly string[]): Promise<void> {
  const { env, directory } = options;
  const range = await coveredRange(options, swaps);
  if (range !== undefined) {
    for (const name of coveredNames(await env.disk.list(directory), range.from, range.to)) {
      await env.disk.remove(`${directory}/${name}`);
    }
    await env.disk.syncDirectory(directory);
  }
  for (const name of swaps) await env.disk.rename(`${directory}/${name}`, `${directory}/${name.replace(SUFFIX, '')}`);
  await env.disk.syncDirectory(directory);
}

/** The offsets [from, to) that the new segments cover; undefined without any. */
async function coveredRange(
  options: LoadOptions,
  swaps: readonly string[],
): Promise<{ from: number; to: number } | undefined> {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const name of swaps) {
    const parsed = parseSegmentFileName(name.replace(SUFFIX, ''));
    if (parsed?.suffix !== '.log') continue;
    from = Math.min(from, parsed.offset);
    to = Math.max(to, parsed.offset + 1, await endOffsetOf(options, name));
  }
  return from < to ? { from, to } : undefined;
}

async function endOffsetOf(options: LoadOptions, name: string): Promise<number> {
  const file = await options.env.disk.open(`${options.directory}/${name}`, 'r');
  let endOffset = 0;
  try {
    await scanBatches(file, { from: 0, to: await file.size(), wholeBatches: false }, (bytes, at) => {
      endOffset = batch.lastOffset(bytes, at) + 1;
      return 'next';
    });
  } finally {
    await file.close();
  }
  return endOffset;
}
