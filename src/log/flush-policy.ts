/** When a log is synced, by its topic's durability, flush.ms and flush.messages (C-1). */
import type { LogConfig } from './log-config.ts';

/** When to sync without being asked for each group. */
export interface FlushPolicy {
  /** Sync after each write. */
  readonly everyWrite: boolean;
  /** Sync at the latest this long after a write; Infinity: never for that reason. */
  readonly intervalMs: number;
  /** Sync when as many records are written and not synced; Infinity: never for that reason. */
  readonly recordCount: number;
}

/** With durability=interval, when flush.ms says nothing tighter. */
const SYNC_INTERVAL_MS = 1000;

export function flushPolicyOf(config: Pick<LogConfig, 'durability' | 'flushMs' | 'flushMessages'>): FlushPolicy {
  const { durability, flushMs, flushMessages } = config;
  return {
    everyWrite: durability === 'ack',
    intervalMs: durability === 'interval' ? Math.min(flushMs, SYNC_INTERVAL_MS) : flushMs,
    recordCount: flushMessages,
  };
}
