/**
 * Batch after batch of a sealed segment for a compaction, which must not take broken bytes for good ones: it writes new
 * checksums. Each batch follows the one before it, is of a leader that the log knows, and its CRC is right.
 */
import * as batch from '../../protocol/records/batch.ts';
import { type ScanStep, scanBatches } from '../batch-scan.ts';
import type { LogHost } from '../log-host.ts';
import type { LogReader } from '../log-reader.ts';
import type { Segment, SegmentContext } from '../segment.ts';
import type { SegmentList } from '../segment-list.ts';
import type { Pace } from './pace.ts';

/** The log that is compacted. */
export interface CompactedLog {
  readonly host: LogHost;
  readonly context: SegmentContext;
  readonly segments: SegmentList;
  readonly reader: LogReader;
}

/** How the passes of one compaction read. */
export interface ScanSettings {
  readonly pace: Pace;
  /** How much is read at a time, unless a batch is larger. */
  readonly chunkBytes: number;
}

/**
 * Visits the batches of `segment`, whole, up to its end or where `visit` answers `stop`. `bytes` hold until its answer settles.
 * @throws KafkaError (rejects) CORRUPT_MESSAGE: the log is told of the damage; and what the disk throws
 */
export async function scanChecked(
  log: CompactedLog,
  segment: Segment,
  { pace, chunkBytes }: ScanSettings,
  visit: (bytes: Buffer, at: number, position: number) => ScanStep | Promise<ScanStep>,
): Promise<void> {
  pace.check();
  const range = { from: 0, to: segment.writtenBytes, wholeBatches: true, chunkBytes };
  let expectedOffset = segment.baseOffset;
  const end = await log.host.files.use(segment.path, (file) =>
    scanBatches(file, range, (bytes, at, position) => {
      if (!log.reader.follows(bytes, at, expectedOffset)) return 'bad';
      if (batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) return 'bad';
      expectedOffset = batch.lastOffset(bytes, at) + 1;
      const step = visit(bytes, at, position);
      const turn = pace.spent(batch.batchBytes(bytes, at));
      return turn === undefined ? step : stepAfter(turn, step);
    }),
  );
  if (end.outcome === 'bad') throw log.reader.damagedAt(segment, expectedOffset);
}

async function stepAfter(turn: Promise<void>, step: ScanStep | Promise<ScanStep>): Promise<ScanStep> {
  const [settled] = await Promise.all([step, turn]);
  return settled;
}
