/** A group's lag in one line: what `groups lag`, `wait`, `watch` and `check lag` judge by. */
import type { GroupLag, PartitionLag } from '../client/group-offsets-lag.ts';

export interface LagSummary {
  readonly groupId: string;
  readonly type: string;
  readonly state: string;
  readonly memberCount: number;
  /** Records, over the partitions of which it is known; null when it is known of none. */
  readonly lag: number | null;
  /** The oldest record that is not committed; null when no partition's time is known. */
  readonly lagMs: number | null;
  /** Partitions that are there and have no committed offset, or no leader now; those of deleted topics do not count. */
  readonly unknownCount: number;
  readonly partitions: readonly LagPartition[];
}

export type LagPartition = Omit<PartitionLag, 'member' | 'leaderEpoch' | 'metadata'>;

export function lagSummary({ group, partitions }: GroupLag): LagSummary {
  const lags = partitions.map(({ lag }) => lag).filter((lag) => lag !== null);
  const times = partitions.map(({ lagMs }) => lagMs).filter((lagMs) => lagMs !== null);
  return {
    groupId: group.groupId,
    type: group.type,
    state: group.state,
    memberCount: group.members.length,
    lag: lags.length === 0 ? null : lags.reduce((sum, lag) => sum + lag, 0),
    lagMs: times.length === 0 ? null : times.reduce((most, lagMs) => Math.max(most, lagMs), 0),
    unknownCount: partitions.filter(({ lag, problem }) => lag === null && problem !== 'deleted').length,
    partitions: partitions.map(({ member: _, leaderEpoch: __, metadata: ___, ...partition }) => partition),
  };
}

/** Whether nothing of the group's partitions but at most `records` is left to be read: also what nobody has committed yet. */
export function isWithin({ partitions }: LagSummary, records: number): boolean {
  let left = 0;
  for (const { lag, problem, logStartOffset, logEndOffset } of partitions) {
    if (problem === 'deleted') continue;
    if (logStartOffset === null || logEndOffset === null) return false;
    left += lag ?? logEndOffset - logStartOffset;
  }
  return partitions.length > 0 && left <= records;
}
