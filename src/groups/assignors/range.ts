/**
 * Contiguous ranges: each topic is divided among its subscribers in their order, the first ones getting one more where it does not come
 * out even. With the same topics for all, and the same number of partitions in each, a member has the same partitions of all topics.
 * Static members come first, by instance id, so that a restart gives them what they had. Source: Kafka's RangeAssignor.java.
 */
import { type Assignment, assignmentOf } from '../consumer-assignment.ts';
import { type Assignor, type AssignorInput, type AssignorMember, compareText } from './assignor.ts';

export const rangeAssignor: Assignor = { name: 'range', assign };

function assign({ members, partitionCounts }: AssignorInput): ReadonlyMap<string, Assignment> {
  const sorted = [...members].sort(compareMembers);
  const ranges = new Map(sorted.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
  for (const [topicId, partitionCount] of partitionCounts) {
    const subscribers = sorted.filter(({ topicIds }) => topicIds.has(topicId));
    const quota = Math.floor(partitionCount / subscribers.length);
    const extraCount = partitionCount % subscribers.length;
    let start = 0;
    for (const [index, { memberId }] of subscribers.entries()) {
      const length = quota + (index < extraCount ? 1 : 0);
      const first = start;
      ranges.get(memberId)?.set(
        topicId,
        Array.from({ length }, (_, at) => first + at),
      );
      start += length;
    }
  }
  return new Map([...ranges].map(([memberId, topics]) => [memberId, assignmentOf(topics)]));
}

function compareMembers(left: AssignorMember, right: AssignorMember): number {
  if (left.instanceId !== null && right.instanceId !== null) return compareText(left.instanceId, right.instanceId);
  if (left.instanceId !== null) return -1;
  if (right.instanceId !== null) return 1;
  return compareText(left.memberId, right.memberId);
}
