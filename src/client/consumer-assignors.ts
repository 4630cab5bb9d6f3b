/**
 * What the leader of a classic group gives to whom. Eager: every member has given up all that it had.
 * Source: Kafka's RangeAssignor.java (without racks) and RoundRobinAssignor.java.
 */
import type { TopicPartitions } from '../protocol/group/consumer-protocol.ts';

export interface Subscriber {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
}

export type Assignment = Map<string, TopicPartitions[]>;

export type ClassicAssignor = (
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
) => Assignment;

/** By the names under which members agree on one, the first that all have wins. kafkajs knows round robin by a name of its own. */
export const CLASSIC_ASSIGNORS: ReadonlyMap<string, ClassicAssignor> = new Map([
  ['range', assignRanges],
  ['roundrobin', assignRoundRobin],
  ['RoundRobinAssigner', assignRoundRobin],
]);

/** Topic by topic: to each of its members a run of partitions, to the first members one more where they do not come out even. */
export function assignRanges(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): Assignment {
  const members = [...subscribers].sort(byRank);
  const assignment: Assignment = new Map(members.map(({ memberId }) => [memberId, []]));
  for (const topic of topicsOf(members)) {
    const partitionCount = partitionCounts.get(topic) ?? 0;
    const readers = members.filter(({ topics }) => topics.includes(topic));
    const each = Math.floor(partitionCount / readers.length);
    const more = partitionCount % readers.length;
    for (const [rank, { memberId }] of readers.entries()) {
      const first = each * rank + Math.min(rank, more);
      const partitions = numbersFrom(first, each + (rank < more ? 1 : 0));
      if (partitions.length > 0) assignment.get(memberId)?.push({ topic, partitions });
    }
  }
  return assignment;
}

/** All partitions of all topics in a row, dealt out one by one; who does not read the topic is passed over. */
export function assignRoundRobin(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): Assignment {
  const members = [...subscribers].sort(byRank);
  const dealt = new Map(members.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
  let turn = 0;
  for (const topic of topicsOf(members)) {
    for (const partition of numbersFrom(0, partitionCounts.get(topic) ?? 0)) {
      while (members[turn % members.length]?.topics.includes(topic) === false) turn++;
      const topics = dealt.get(members[turn % members.length]?.memberId ?? '');
      turn++;
      const partitions = topics?.get(topic);
      if (partitions === undefined) topics?.set(topic, [partition]);
      else partitions.push(partition);
    }
  }
  const toList = (topics: ReadonlyMap<string, number[]>): TopicPartitions[] =>
    [...topics].map(([topic, partitions]) => ({ topic, partitions }));
  return new Map([...dealt].map(([memberId, topics]) => [memberId, toList(topics)]));
}

/** In order; those that nobody reads are not there. */
function topicsOf(members: readonly Subscriber[]): string[] {
  return [...new Set(members.flatMap(({ topics }) => topics))].sort();
}

/** Static members come first, so that what they get does not depend on the member ids of the others. */
function byRank(left: Subscriber, right: Subscriber): number {
  if (left.instanceId !== null && right.instanceId !== null) return compare(left.instanceId, right.instanceId);
  if (left.instanceId !== null) return -1;
  if (right.instanceId !== null) return 1;
  return compare(left.memberId, right.memberId);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
