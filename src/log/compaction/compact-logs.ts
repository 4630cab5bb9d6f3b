/** Which of many logs is compacted next. Source: Kafka's LogCleanerManager.grabFilthiestCompactedLog. */
import type { Env } from '../../kernel/env.ts';
import type { Cleanable } from './cleanable.ts';
import type { CompactionOutcome, CompactionSettings, LogCompaction } from './log-compaction.ts';

export type { CompactionOutcome };

export interface CompactionOrder extends CompactionSettings {
  /** Logs with more below the end of what is to be compacted are left for another time; Infinity: none are. */
  readonly bytesMax: number;
}

/** A log as this file sees it. */
export interface CompactableLog {
  readonly name: string;
  readonly compaction: Pick<LogCompaction, 'candidate' | 'run'>;
}

/**
 * One pass over the log that needs it most: of those that are due, the one with the largest dirty share. Answers undefined when
 * none is due. Never rejects.
 */
export async function compactDirtiest(
  env: Pick<Env, 'log'>,
  logs: readonly CompactableLog[],
  order: CompactionOrder,
): Promise<CompactionOutcome | undefined> {
  let chosen: { readonly log: CompactableLog; readonly candidate: Cleanable } | undefined;
  for (const log of logs) {
    if (order.isStopped()) return undefined;
    const candidate = await candidateOf(env, log);
    if (candidate === undefined || candidate.dirtyBytes / candidate.dirtyRatio > order.bytesMax) continue;
    if (chosen === undefined || candidate.dirtyRatio > chosen.candidate.dirtyRatio) chosen = { log, candidate };
  }
  return chosen?.log.compaction.run(chosen.candidate, order);
}

async function candidateOf(env: Pick<Env, 'log'>, log: CompactableLog): Promise<Cleanable | undefined> {
  try {
    return await log.compaction.candidate();
  } catch (error) {
    env.log.warn(`${log.name}: whether it is to be compacted is not known for now: ${String(error)}`);
    return undefined;
  }
}
