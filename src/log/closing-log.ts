/** What a log leaves behind when it is closed, so that the next open scans nothing. */
import type { ClosedPartition } from './close-record.ts';
import { describeClosed } from './closed-partition.ts';
import type { LoadedLog } from './loaded-log.ts';
import type { LogConfig } from './log-config.ts';
import type { LogFiles } from './log-files.ts';
import type { LogHost } from './log-host.ts';
import type { LogWriter } from './log-writer.ts';
import type { NewestSnapshot } from './newest-snapshot.ts';
import { formatProducerSnapshot } from './producer-snapshot.ts';
import type { SegmentContext } from './segment.ts';
import type { SegmentList } from './segment-list.ts';

/** What a closed log leaves: a new line of the close record, the old one, or none, as it must be recovered. */
export type LogCloseResult = ClosedPartition | 'unchanged' | 'unclean';

export interface ClosingLog {
  readonly host: LogHost;
  readonly name: string;
  readonly topicId: string;
  readonly context: SegmentContext;
  readonly loaded: LoadedLog;
  readonly segments: SegmentList;
  readonly files: LogFiles;
  readonly writer: LogWriter;
  readonly snapshots: NewestSnapshot;
  readonly config: LogConfig;
  /** Whether offsets may be missing between batches. */
  readonly gaps: boolean;
  /** Where bytes are broken; undefined when all is well. */
  readonly damagedAt: number | undefined;
}

/** Writes what is not on the disk yet of a log that nothing is appended to any more; never rejects. */
export async function leaveLog(log: ClosingLog): Promise<LogCloseResult> {
  const { host, name, context, loaded, segments, files, writer, snapshots, config, damagedAt } = log;
  if (writer.failed !== undefined) return 'unclean';
  if (loaded.damagedAt !== undefined) return lineOfDamage(log);
  if (damagedAt === undefined && !writer.grown && !loaded.recovered) return 'unchanged';
  const { active } = segments;
  if (!active.created || !host.canWrite()) return 'unclean';
  const { producers } = loaded;
  const endOffset = writer.writtenEnd;
  producers.expire(host.env.clock.wallMs(), config.producerIdExpirationMs);
  try {
    await files.settle();
    await host.indexes.seal(context, active, config.indexIntervalBytes);
    await files.saveEpochs(writer.epochs);
    await snapshots.replace(endOffset, formatProducerSnapshot(producers));
  } catch (error) {
    host.env.log.warn(`${name}: not closed cleanly: ${String(error)}`);
    return 'unclean';
  }
  const { logStartOffset, epochs } = writer;
  const closed = describeClosed(segments.all(), log.topicId, logStartOffset, endOffset, producers, epochs);
  return {
    ...closed,
    ...(log.gaps ? { gaps: true } : {}),
    ...(damagedAt === undefined ? {} : { damagedAt }),
  };
}

/**
 * Of a log that was damaged when it was opened, which is known up to there alone: the line that there was, as it says what must be
 * there, or where there was none, what is known.
 */
function lineOfDamage({ host, topicId, loaded, segments, writer, gaps, damagedAt }: ClosingLog): LogCloseResult {
  const { closed, durablePoint = 0 } = loaded.beforeDamage ?? {};
  if (damagedAt === undefined || !host.canWrite()) return 'unclean';
  if (closed?.damagedAt === damagedAt) return 'unchanged';
  if (closed !== undefined) return { ...closed, damagedAt };
  const { logStartOffset, epochs } = writer;
  const described = describeClosed(segments.all(), topicId, logStartOffset, durablePoint, loaded.producers, epochs);
  return { ...described, ...(gaps ? { gaps: true } : {}), damagedAt };
}
