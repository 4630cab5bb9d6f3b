/** Which partitions somebody has: sets by topic id. No topic has an empty set, and partitions stand in ascending order. */

export type Assignment = ReadonlyMap<string, ReadonlySet<number>>;

/** The form of requests, answers and records. */
export interface TopicIdPartitions {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

export const NO_PARTITIONS: Assignment = new Map();

/** A topic that is named twice has the partitions of both. */
export function toAssignment(topics: readonly TopicIdPartitions[]): Assignment {
  const all = new Map<string, number[]>();
  for (const { topicId, partitions } of topics) {
    const known = all.get(topicId);
    if (known === undefined) all.set(topicId, [...partitions]);
    else for (const partition of partitions) known.push(partition);
  }
  return assignmentOf(all);
}

/** In any order, and with repetitions. */
export function assignmentOf(partitions: ReadonlyMap<string, Iterable<number>>): Assignment {
  const assignment = new Map<string, ReadonlySet<number>>();
  for (const [topicId, each] of partitions) {
    const sorted = new Set([...each].sort((left, right) => left - right));
    if (sorted.size > 0) assignment.set(topicId, sorted);
  }
  return assignment;
}

export function toTopicPartitions(assignment: Assignment): { topicId: string; partitions: number[] }[] {
  return [...assignment].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions] }));
}

export function isSameAssignment(left: Assignment, right: Assignment): boolean {
  return left === right || (left.size === right.size && isSubset(left, right) && isSubset(right, left));
}

export function isSubset(part: Assignment, whole: Assignment): boolean {
  for (const [topicId, partitions] of part) {
    const others = whole.get(topicId);
    for (const partition of partitions) if (others?.has(partition) !== true) return false;
  }
  return true;
}

export function hasCommon(left: Assignment, right: Assignment): boolean {
  for (const [topicId, partitions] of left) {
    const others = right.get(topicId);
    for (const partition of partitions) if (others?.has(partition) === true) return true;
  }
  return false;
}

export function unionOf(left: Assignment, right: Assignment): Assignment {
  return toAssignment([...toTopicPartitions(left), ...toTopicPartitions(right)]);
}

export function isEmptyAssignment(assignment: Assignment): boolean {
  return assignment.size === 0;
}
