/** Who is to have what at a group epoch. Source: Kafka's TargetAssignmentBuilder.java, ConsumerGroup.computePreferredServerAssignor. */
import type { AssignorMember } from './assignors/assignor.ts';
import { ASSIGNORS } from './assignors/assignors.ts';
import { uniformAssignor } from './assignors/uniform.ts';
import type { Assignment } from './consumer-assignment.ts';
import type { ConsumerGroup } from './consumer-group.ts';
import type { ConsumerMember } from './consumer-member.ts';
import type { TopicsView } from './topics-view.ts';

/** A group's members as they are at the end of a turn that is under way. */
export interface GroupMembers {
  readonly group: ConsumerGroup;
  readonly members: ReadonlyMap<string, ConsumerMember>;
  /** Whose place `taker` has taken: what was meant for the one is meant for the other. */
  readonly replaced: { readonly memberId: string; readonly takerId: string } | undefined;
}

/** By member id, an entry for each member. `assignorNames`: those that the broker lets a group have, the first is the default. */
export function computeTarget(
  { group, members, replaced }: GroupMembers,
  topics: TopicsView,
  assignorNames: readonly string[],
): ReadonlyMap<string, Assignment> {
  const partitionCounts = new Map<string, number>();
  const inputs = [...members.values()].map((member): AssignorMember => {
    const topicIds = topicIdsOf(group, member, topics, partitionCounts);
    const targetId = member.memberId === replaced?.takerId ? replaced.memberId : member.memberId;
    return { memberId: member.memberId, instanceId: member.instanceId, topicIds, previous: group.targetOf(targetId) };
  });
  const assignor = ASSIGNORS.get(preferredAssignor(members.values(), assignorNames)) ?? uniformAssignor;
  return assignor.assign({ members: inputs, partitionCounts });
}

/** Of existing topics; their partition counts go into `partitionCounts`. */
export function topicIdsOf(
  group: ConsumerGroup,
  member: ConsumerMember,
  topics: TopicsView,
  partitionCounts = new Map<string, number>(),
): ReadonlySet<string> {
  const topicIds = new Set<string>();
  for (const name of group.topicNamesOf(member)) {
    const topic = topics.byName(name);
    if (topic === undefined) continue;
    topicIds.add(topic.topicId);
    partitionCounts.set(topic.topicId, topic.partitionCount);
  }
  return topicIds;
}

/** The one that most members ask for; of equals, and where none is asked for, the first that the broker names. */
export function preferredAssignor(members: Iterable<ConsumerMember>, assignorNames: readonly string[]): string {
  const votes = new Map<string, number>();
  for (const { serverAssignor } of members) {
    if (serverAssignor !== null) votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1);
  }
  const [first = uniformAssignor.name, ...others] = assignorNames;
  return others.reduce((best, name) => ((votes.get(name) ?? 0) > (votes.get(best) ?? 0) ? name : best), first);
}
