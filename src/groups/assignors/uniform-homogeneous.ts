/**
 * All members subscribe to the same topics. Each gets its share, or one more where that does not come out even; those who have that one
 * more already are the first to keep it. Of what a member has, only what exceeds its quota moves.
 * Source: Kafka's UniformHomogeneousAssignmentBuilder.java, which gives the ones that are over to whoever comes first.
 */
import { type Assignment, assignmentOf } from '../consumer-assignment.ts';
import type { AssignorInput } from './assignor.ts';
import { keepPartitions, type TopicPartition } from './kept-partitions.ts';

export function assignHomogeneous(input: AssignorInput): ReadonlyMap<string, Assignment> {
  const { members, kept, free } = keepPartitions(input);
  const quotas = quotasOf(
    kept.map(({ length }) => length),
    [...input.partitionCounts.values()].reduce((sum, count) => sum + count, 0),
  );
  const waiting = [...free, ...kept.flatMap((partitions, index) => partitions.slice(quotas[index]))];
  let next = 0;
  return new Map(
    members.map(({ memberId }, index) => {
      const quota = quotas[index] ?? 0;
      const stays = (kept[index] ?? []).slice(0, quota);
      const comes = waiting.slice(next, next + quota - stays.length);
      next += comes.length;
      return [memberId, byTopic([...stays, ...comes])];
    }),
  );
}

/** By index of the member. */
function quotasOf(keptCounts: readonly number[], partitionCount: number): number[] {
  const share = Math.floor(partitionCount / keptCounts.length);
  const indexes = [...keptCounts.keys()];
  const order = [
    ...indexes.filter((index) => (keptCounts[index] ?? 0) > share),
    ...indexes.filter((index) => (keptCounts[index] ?? 0) <= share),
  ];
  const withOneMore = new Set(order.slice(0, partitionCount % keptCounts.length));
  return indexes.map((index) => share + (withOneMore.has(index) ? 1 : 0));
}

function byTopic(partitions: readonly TopicPartition[]): Assignment {
  const topics = new Map<string, number[]>();
  for (const { topicId, partition } of partitions) {
    const known = topics.get(topicId);
    if (known === undefined) topics.set(topicId, [partition]);
    else known.push(partition);
  }
  return assignmentOf(topics);
}
