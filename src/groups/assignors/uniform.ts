/**
 * Balanced first, sticky second. Where all members subscribe to the same topics, their numbers of partitions differ by one at the most;
 * else as little as subscriptions allow. Source: Kafka's UniformAssignor.java.
 */
import type { Assignment } from '../consumer-assignment.ts';
import type { Assignor, AssignorInput } from './assignor.ts';
import { assignHeterogeneous } from './uniform-heterogeneous.ts';
import { assignHomogeneous } from './uniform-homogeneous.ts';

export const uniformAssignor: Assignor = { name: 'uniform', assign };

function assign(input: AssignorInput): ReadonlyMap<string, Assignment> {
  const topicCount = input.partitionCounts.size;
  const isHomogeneous = input.members.every(({ topicIds }) => topicIds.size === topicCount);
  return isHomogeneous ? assignHomogeneous(input) : assignHeterogeneous(input);
}
