/**
 * One sweep over open logs: what their retention, DeleteRecords or want of room takes is deleted. log-starts is written once for
 * all of them. A log that fails is told and left for the next sweep; the others go on.
 */
import type { Env } from '../kernel/env.ts';
import type { LogStart, LogStarts } from './log-starts.ts';
import type { PartitionLog } from './partition-log.ts';

/** What a sweep of the open logs is to delete. */
export interface SweepOrder {
  /** Of partitions; absent: all open logs. */
  readonly names?: ReadonlySet<string>;
  /** Segments that go whatever their age, from the first on, by name of the partition: for want of room. */
  readonly giveCounts?: ReadonlyMap<string, number>;
  /** Files go at once, not after file.delete.delay.ms. */
  readonly atOnce?: boolean;
  /** Asked before each log: whether the sweep is to end early. */
  readonly isStopped?: () => boolean;
}

const ABREAST_COUNT = 16;

/** Answers how many segments were deleted. Never rejects. */
export async function sweepLogs(
  env: Env,
  starts: LogStarts,
  logs: readonly PartitionLog[],
  order: SweepOrder,
): Promise<number> {
  const { giveCounts, atOnce = false, isStopped = () => false } = order;
  const begins = new Map<PartitionLog, number>();
  await eachAbreast(env, logs, isStopped, async (log) => {
    const start = await log.decideDeletion(giveCounts?.get(log.name) ?? 0);
    if (start !== undefined) begins.set(log, start);
  });
  if (begins.size === 0) return 0;
  try {
    env.fault('log.retention.before-starts');
    const news = new Map<string, LogStart>();
    for (const [{ name, topicId }, offset] of begins) news.set(name, { topicId, offset });
    await starts.set(news);
    env.fault('log.retention.after-starts');
  } catch (error) {
    env.log.warn(`nothing is deleted, as the new log starts cannot be written: ${String(error)}`);
    return 0;
  }
  let count = 0;
  await eachAbreast(
    env,
    [...begins.keys()],
    () => false,
    async (log) => {
      const deletedCount = await log.deleteSegmentsBefore(begins.get(log) ?? 0, atOnce);
      count += deletedCount;
    },
  );
  return count;
}

async function eachAbreast(
  env: Env,
  logs: readonly PartitionLog[],
  isStopped: () => boolean,
  action: (log: PartitionLog) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < logs.length && !isStopped(); from += ABREAST_COUNT) {
    await Promise.all(
      logs.slice(from, from + ABREAST_COUNT).map(async (log) => {
        try {
          await action(log);
        } catch (error) {
          env.log.warn(`${log.name}: old segments stay for now: ${String(error)}`);
        }
      }),
    );
    await new Promise<void>((resolve) => env.clock.soon(resolve));
  }
}
