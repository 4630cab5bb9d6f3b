/** The second pass of a compaction: writes what stays of some neighbouring segments as one, under a name that does not count yet. */
import * as batch from '../../protocol/records/batch.ts';
import type { ScanStep } from '../batch-scan.ts';
import type { Segment } from '../segment.ts';
import type { BatchCleaner, CleanedBatch } from './batch-cleaner.ts';
import { type CompactedLog, type ScanSettings, scanChecked } from './checked-scan.ts';
import { CleanedSegment, type WrittenSegment } from './cleaned-segment.ts';

/**
 * Answers the segment that was written, on the disk but for its names; undefined when it would be the one that is there.
 * The last batch of the group stays, without records if need be: so segments follow each other without a hole, and a segment
 * that is lost is found to be.
 * @param group ascending, at least one, none of them written to any more
 */
export async function cleanGroup(
  log: CompactedLog,
  group: readonly Segment[],
  cleaner: BatchCleaner,
  settings: ScanSettings & { readonly indexIntervalBytes: number },
): Promise<WrittenSegment | undefined> {
  const [first] = group;
  const last = group[group.length - 1];
  if (first === undefined) return undefined;
  const { indexIntervalBytes, chunkBytes, pace } = settings;
  const output = { indexIntervalBytes, bufferBytes: chunkBytes };
  const cleaned = await CleanedSegment.create(log.host, log.context, first.baseOffset, output);
  let isChanged = group.length > 1;
  const keep = (what: CleanedBatch, bytes: Buffer, at: number): ScanStep | Promise<ScanStep> => {
    if (what !== 'same') isChanged = true;
    if (what === 'none') return 'next';
    const [source, start] = what === 'same' ? [bytes, at] : [what, 0];
    const added = cleaned.add(source, start);
    const turn = pace.spent(batch.batchBytes(source, start));
    return added === undefined && turn === undefined ? 'next' : Promise.all([added, turn]).then(() => 'next');
  };
  try {
    for (const segment of group) {
      await scanChecked(log, segment, settings, (bytes, at, position) => {
        const isLast = segment === last && position + batch.batchBytes(bytes, at) === segment.writtenBytes;
        const what = cleaner.clean(bytes, at, isLast);
        return what instanceof Promise ? what.then((settled) => keep(settled, bytes, at)) : keep(what, bytes, at);
      });
    }
    return isChanged ? await cleaned.finish() : undefined;
  } finally {
    await cleaned.close();
  }
}
