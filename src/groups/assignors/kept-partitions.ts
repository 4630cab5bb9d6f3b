/** What stays of an earlier assignment, and what nobody has. */
import { type AssignorInput, type AssignorMember, compareText } from './assignor.ts';

export interface TopicPartition {
  readonly topicId: string;
  readonly partition: number;
}

export interface KeptPartitions {
  /** In the order of their ids. */
  readonly members: readonly AssignorMember[];
  /** In the order of their ids. */
  readonly topicIds: readonly string[];
  /** By index of the member: what it had, of existing partitions that it still subscribes to. */
  readonly kept: readonly (readonly TopicPartition[])[];
  /** Nobody's, topic by topic. */
  readonly free: readonly TopicPartition[];
}

export function keepPartitions({ members, partitionCounts }: AssignorInput): KeptPartitions {
  const sorted = [...members].sort((left, right) => compareText(left.memberId, right.memberId));
  const topicIds = [...partitionCounts.keys()].sort(compareText);
  const taken = new Map(topicIds.map((topicId) => [topicId, new Set<number>()]));
  const kept = sorted.map((member) => keptBy(member, topicIds, partitionCounts, taken));
  const free = topicIds.flatMap((topicId) => {
    const all = Array.from({ length: partitionCounts.get(topicId) ?? 0 }, (_, partition) => ({ topicId, partition }));
    return all.filter(({ partition }) => taken.get(topicId)?.has(partition) === false);
  });
  return { members: sorted, topicIds, kept, free };
}

function keptBy(
  { topicIds: subscribed, previous }: AssignorMember,
  topicIds: readonly string[],
  partitionCounts: ReadonlyMap<string, number>,
  taken: ReadonlyMap<string, Set<number>>,
): TopicPartition[] {
  const kept: TopicPartition[] = [];
  for (const topicId of topicIds) {
    if (!subscribed.has(topicId)) continue;
    const takenHere = taken.get(topicId);
    for (const partition of previous.get(topicId) ?? []) {
      if (partition >= (partitionCounts.get(topicId) ?? 0) || takenHere?.has(partition) !== false) continue;
      takenHere.add(partition);
      kept.push({ topicId, partition });
    }
  }
  return kept;
}
