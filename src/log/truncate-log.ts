/**
 * Cuts a log at a batch boundary (contract 4.4, H-1). Segments that lie wholly past the cut go first, newest first and each
 * durably, so that a crash in the middle leaves a log without a hole; then the segment that holds the cut. Everything is
 * durable afterwards.
 */
import { scanBatches } from './batch-scan.ts';
import { cutEpochsFromEnd, type EpochEntry } from './leader-epochs.ts';
import type { LogConfig } from './log-config.ts';
import type { LogFiles } from './log-files.ts';
import type { LogHost } from './log-host.ts';
import type { LogReader } from './log-reader.ts';
import { Segment, type SegmentContext } from './segment.ts';
import { writtenBatchOf } from './segment-indexes.ts';
import type { SegmentList } from './segment-list.ts';

export interface Truncation {
  readonly host: LogHost;
  readonly context: SegmentContext;
  readonly segments: SegmentList;
  readonly files: LogFiles;
  readonly reader: LogReader;
}

/** Cuts so that no offset from `offset` on is left; answers where the log ends now, and its epochs. */
export async function truncateSegments(
  log: Truncation,
  offset: number,
  logEndOffset: number,
  epochs: readonly EpochEntry[],
  config: LogConfig,
): Promise<{ endOffset: number; epochs: readonly EpochEntry[] }> {
  const { segments, files, host } = log;
  files.release();
  while (segments.count > 1 && segments.active.baseOffset >= offset) {
    const gone = segments.pop();
    host.indexes.forget(gone);
    await files.removeSnapshot(gone.baseOffset);
    await gone.remove();
    await host.env.disk.syncDirectory(log.context.directory);
  }
  let endOffset = offset;
  if (segments.first.baseOffset >= offset) {
    const gone = segments.first;
    host.indexes.forget(gone);
    await gone.remove();
    const empty = Segment.planned(log.context, offset);
    segments.replaceAll(empty);
    await files.makeReady(empty, undefined, [], config.indexIntervalBytes);
  } else {
    endOffset = await cutActive(log, offset, logEndOffset, config);
  }
  const kept = cutEpochsFromEnd(epochs, endOffset);
  await files.saveEpochs(kept);
  return { endOffset, epochs: kept };
}

/** Cuts the last segment before the batch that holds `offset`; answers the offset at which the log ends then. */
async function cutActive(log: Truncation, offset: number, logEndOffset: number, config: LogConfig): Promise<number> {
  const { indexIntervalBytes } = config;
  const segment = log.segments.active;
  const position = await log.reader.locate(segment, { offset, logEndOffset, indexIntervalBytes });
  await log.files.truncate(segment, position);
  segment.resetIndexes();
  let endOffset = segment.baseOffset;
  await log.host.files.use(segment.path, (file) =>
    scanBatches(file, { from: 0, to: position, wholeBatches: false }, (bytes, at) => {
      const written = writtenBatchOf(bytes, at);
      segment.firstTimestamp ??= written.maxTimestamp;
      segment.noteWritten(written, indexIntervalBytes);
      endOffset = written.lastOffset + 1;
      return 'next';
    }),
  );
  segment.plannedBytes = segment.writtenBytes;
  // Only headers were looked at.
  segment.checkedFrom = segment.writtenBytes;
  await segment.sealIndexes();
  return endOffset;
}
