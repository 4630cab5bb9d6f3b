/**
 * What a topic's configuration means to one partition's log. Names and defaults are Kafka's (contract 8.1), the unit of
 * each number is in its name.
 */

/**
 * When a record counts as committed, that is, readable and acked to acks=all (DESIGN D5):
 * `ack` once it is on the disk; `interval` once it is written, with a sync at most `flushMs` (or 1000 ms) later;
 * `os` once it is written, with a sync only where flush.ms or flush.messages ask for one, on roll and on close.
 */
export type Durability = 'ack' | 'interval' | 'os';

/** What happens to old records: whole segments are deleted, of each key the newest stays, or both. */
export type CleanupPolicy = 'delete' | 'compact' | 'compact,delete';

export interface LogConfig {
  readonly segmentBytes: number;
  /** A segment is left at this size already, where that is less; a single batch may be larger. Absent: it is not. */
  readonly rollBytes?: number;
  readonly segmentMs: number;
  readonly segmentJitterMs: number;
  readonly indexIntervalBytes: number;
  readonly segmentIndexBytes: number;
  /** Of a whole batch, header included. */
  readonly maxMessageBytes: number;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  readonly timestampBeforeMaxMs: bigint;
  readonly timestampAfterMaxMs: bigint;
  /** Sync at the latest when this many records are written and not yet on the disk; Infinity: never for that reason. */
  readonly flushMessages: number;
  /** Sync at the latest this long after a write; Infinity: never for that reason. */
  readonly flushMs: number;
  readonly durability: Durability;
  readonly compressionType: 'producer';
  readonly cleanupPolicy: CleanupPolicy;
  /** How large the part that was not compacted yet becomes, of 1, before the log is compacted. */
  readonly minCleanableDirtyRatio: number;
  /** No record is compacted before it is so old. */
  readonly minCompactionLagMs: number;
  /** The log is compacted when a record is older than this and was not compacted yet; Infinity: not for that reason. */
  readonly maxCompactionLagMs: number;
  /** How long the mark of a deleted key stays after it was first compacted. */
  readonly deleteRetentionMs: number;
  /** A sealed segment goes when its newest record is older; Infinity: none goes for that reason. */
  readonly retentionMs: number;
  /** The oldest segments go while what stays is at least as large; Infinity: none goes for that reason. */
  readonly retentionBytes: number;
  /** How long the files of a deleted segment stay, under another name, for those who read them. */
  readonly fileDeleteDelayMs: number;
  /** A producer that is idle for longer is forgotten, unless it has an open transaction. */
  readonly producerIdExpirationMs: number;
  /** Of acks=all. */
  readonly minInsyncReplicas: number;
}

export const DEFAULT_LOG_CONFIG: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10_485_760,
  maxMessageBytes: 1_048_588,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 9_223_372_036_854_775_807n,
  timestampAfterMaxMs: 3_600_000n,
  flushMessages: Number.POSITIVE_INFINITY,
  flushMs: Number.POSITIVE_INFINITY,
  durability: 'ack',
  compressionType: 'producer',
  cleanupPolicy: 'delete',
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.POSITIVE_INFINITY,
  deleteRetentionMs: 86_400_000,
  retentionMs: 604_800_000,
  retentionBytes: Number.POSITIVE_INFINITY,
  fileDeleteDelayMs: 60_000,
  producerIdExpirationMs: 86_400_000,
  minInsyncReplicas: 1,
};

/** Whether older records of a key go. */
export function compacts({ cleanupPolicy }: Pick<LogConfig, 'cleanupPolicy'>): boolean {
  return cleanupPolicy !== 'delete';
}
