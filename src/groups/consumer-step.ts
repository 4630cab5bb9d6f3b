/**
 * What one heartbeat makes of its member and its group: the member joins or changes; where what the group subscribes to has changed, its
 * epoch is raised and the target worked out anew; then this member goes on towards the target. All of it is worked out from the group as
 * it was, into records in Kafka's order: 5, 3, 7 for each change, 6, 8.
 * Source: Kafka's GroupMetadataManager.java (consumerGroupHeartbeat), 4.x.
 */
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { Caller } from './call.ts';
import { type Assignment, isSameAssignment, toAssignment } from './consumer-assignment.ts';
import type { ConsumerGroup } from './consumer-group.ts';
import type { FoundMember } from './consumer-identity.ts';
import { raiseEpoch } from './consumer-leave.ts';
import {
  type ConsumerHeartbeatRequest,
  type ConsumerMember,
  isReconciledTo,
  isSameList,
  isSameMetadata,
  isSameProgress,
  NOT_SAID,
} from './consumer-member.ts';
import { metadataHashOf } from './consumer-metadata-hash.ts';
import { reconcile } from './consumer-reconcile.ts';
import { currentRecord, memberRecord, memberTombstones, targetEpochRecord, targetRecord } from './consumer-records.ts';
import { computeTarget, topicIdsOf } from './consumer-target.ts';
import type { GroupHost, Now } from './group-host.ts';

export interface HeartbeatFacts {
  readonly group: ConsumerGroup;
  readonly found: FoundMember;
  readonly request: ConsumerHeartbeatRequest;
  readonly caller: Caller;
}

export interface HeartbeatStep {
  readonly member: ConsumerMember;
  readonly records: readonly GroupRecord[];
  /** Whether the member is another step towards its target. */
  readonly hasProgressed: boolean;
}

/** What the member is to have, and since which epoch. */
interface Goal {
  readonly targetEpoch: number;
  readonly target: Assignment;
  readonly records: readonly GroupRecord[];
}

/** Throws KafkaError FENCED_MEMBER_EPOCH. */
export function takeStep(host: GroupHost, facts: HeartbeatFacts, now: Now): HeartbeatStep {
  const { group, found, request, caller } = facts;
  const updated = withMetadata(found.member, request, caller);
  const hasChanged = hasOtherSubscription(found.member, updated);
  const { targetEpoch, target, records } = goalOf(host, facts, { updated, hasChanged, now });
  const member = goOn(host, facts, { updated, hasChanged, targetEpoch, target });
  const hasProgressed = !isSameProgress(updated, member);
  return {
    member,
    records: [
      ...metadataRecords(facts, updated),
      ...records,
      ...(hasProgressed ? [currentRecord(group.groupId, member)] : []),
    ],
    hasProgressed,
  };
}

/** A static member that comes back has first all that the one before it had, under its own id. */
function metadataRecords({ group, found }: HeartbeatFacts, updated: ConsumerMember): readonly GroupRecord[] {
  const { groupId } = group;
  const { member, isNew, replaced } = found;
  const taken =
    replaced === undefined
      ? []
      : [
          ...memberTombstones(groupId, replaced.memberId),
          memberRecord(groupId, member),
          targetRecord(groupId, member.memberId, group.targetOf(replaced.memberId)),
          currentRecord(groupId, member),
        ];
  return isNew || !isSameMetadata(member, updated) ? [...taken, memberRecord(groupId, updated)] : taken;
}

/** Raises the epoch and works out the target where something has changed since the last time. */
function goalOf(
  host: GroupHost,
  { group, found }: HeartbeatFacts,
  { updated, hasChanged, now }: { readonly updated: ConsumerMember; readonly hasChanged: boolean; readonly now: Now },
): Goal {
  const { groupId } = group;
  const { replaced } = found;
  const mustRaise = group.groupEpoch === 0 || hasChanged;
  const known: Goal = {
    targetEpoch: group.targetEpoch,
    target: group.targetOf(replaced?.memberId ?? updated.memberId),
    records: [],
  };
  if (!mustRaise && group.isMetadataFresh && group.groupEpoch <= group.targetEpoch) return known;
  const members = membersAfter(group, found, updated);
  const raised = mustRaise || !group.isMetadataFresh ? raiseIfChanged(host, group, members, mustRaise) : [];
  const groupEpoch = raised.length > 0 ? group.groupEpoch + 1 : group.groupEpoch;
  if (groupEpoch <= group.targetEpoch) return known;
  const { topics, settings } = host;
  const targets = computeTarget(
    { group, members, replaced: replaced && { memberId: replaced.memberId, takerId: updated.memberId } },
    topics,
    settings.consumerAssignors,
  );
  const changed = [...targets].filter(([memberId, target]) => {
    const before = group.target.get(memberId);
    return before === undefined || !isSameAssignment(before, target);
  });
  return {
    targetEpoch: groupEpoch,
    target: targets.get(updated.memberId) ?? known.target,
    records: [
      ...raised,
      ...changed.map(([memberId, target]) => targetRecord(groupId, memberId, target)),
      targetEpochRecord(groupId, groupEpoch, now.wallMs),
    ],
  };
}

function raiseIfChanged(
  { topics }: GroupHost,
  group: ConsumerGroup,
  members: ReadonlyMap<string, ConsumerMember>,
  mustRaise: boolean,
): readonly GroupRecord[] {
  const names = [...members.values()].flatMap((member) => [...group.topicNamesOf(member)]);
  const hash = metadataHashOf(names, topics);
  return mustRaise || hash !== group.metadataHash ? raiseEpoch(group, hash) : [];
}

function goOn(
  host: GroupHost,
  { group, found, request }: HeartbeatFacts,
  aim: Pick<Goal, 'targetEpoch' | 'target'> & { readonly updated: ConsumerMember; readonly hasChanged: boolean },
): ConsumerMember {
  const { updated, hasChanged, targetEpoch, target } = aim;
  if (!hasChanged && isReconciledTo(updated, targetEpoch)) return updated;
  const { topicPartitions } = request;
  return reconcile(updated, {
    targetEpoch,
    target,
    // What the member whose place this one takes has is nobody else's.
    ownerOf: (topicId, partition) => {
      const owner = group.ownerOf(topicId, partition);
      return owner === found.replaced?.memberId ? undefined : owner;
    },
    owned: topicPartitions === null ? undefined : toAssignment(topicPartitions),
    changedTopicIds: hasChanged ? topicIdsOf(group, updated, host.topics) : undefined,
  });
}

function membersAfter(
  group: ConsumerGroup,
  { replaced }: FoundMember,
  updated: ConsumerMember,
): ReadonlyMap<string, ConsumerMember> {
  const members = new Map(group.members);
  if (replaced !== undefined) members.delete(replaced.memberId);
  return members.set(updated.memberId, updated);
}

/** What the request does not say stays. */
function withMetadata(member: ConsumerMember, request: ConsumerHeartbeatRequest, caller: Caller): ConsumerMember {
  const { subscribedTopicNames, subscribedTopicRegex, rebalanceTimeoutMs } = request;
  const names = subscribedTopicNames === null ? undefined : [...new Set(subscribedTopicNames)].sort();
  return {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: request.rackId ?? member.rackId,
    clientId: caller.clientId,
    clientHost: caller.clientHost,
    subscribedTopicNames: names ?? member.subscribedTopicNames,
    subscribedTopicRegex: subscribedTopicRegex === '' ? null : member.subscribedTopicRegex,
    rebalanceTimeoutMs: rebalanceTimeoutMs === NOT_SAID ? member.rebalanceTimeoutMs : rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? member.serverAssignor,
  };
}

function hasOtherSubscription(before: ConsumerMember, after: ConsumerMember): boolean {
  return (
    !isSameList(before.subscribedTopicNames, after.subscribedTopicNames) ||
    before.subscribedTopicRegex !== after.subscribedTopicRegex
  );
}
