/**
 * Members that go: for good, which raises the group epoch, so that the next heartbeat of anybody gives away what they had; or, static
 * ones, for a while, which keeps their place as long as their session lasts. Source: Kafka's GroupMetadataManager.java
 * (consumerGroupLeave, consumerGroupFenceMember).
 */
import type { GroupRecord } from '../protocol/group/group-record.ts';
import { NO_PARTITIONS } from './consumer-assignment.ts';
import type { ConsumerGroup } from './consumer-group.ts';
import { type ConsumerMember, LEFT_FOR_A_WHILE } from './consumer-member.ts';
import { metadataHashOf } from './consumer-metadata-hash.ts';
import { currentRecord, epochRecord, memberTombstones, partitionMetadataTombstone } from './consumer-records.ts';
import type { GroupHost } from './group-host.ts';

/** The records that take the member out of the group. */
export function removeMember(host: GroupHost, group: ConsumerGroup, member: ConsumerMember): readonly GroupRecord[] {
  const others = [...group.members.values()].filter((other) => other !== member);
  const hash = metadataHashOf(
    others.flatMap((other) => group.topicNamesOf(other)),
    host.topics,
  );
  return [...memberTombstones(group.groupId, member.memberId), ...raiseEpoch(group, hash)];
}

/** The records that raise the group epoch by one. */
export function raiseEpoch(group: ConsumerGroup, metadataHash: bigint): readonly GroupRecord[] {
  const { groupId, groupEpoch, hasPartitionMetadata } = group;
  return [
    ...(hasPartitionMetadata ? [partitionMetadataTombstone(groupId)] : []),
    epochRecord(groupId, groupEpoch + 1, metadataHash),
  ];
}

/** What a static member was letting go of it has let go of: it has stopped. */
export function leaveForAWhile(group: ConsumerGroup, member: ConsumerMember): GroupRecord {
  return currentRecord(group.groupId, {
    ...member,
    memberEpoch: LEFT_FOR_A_WHILE,
    state: 'stable',
    pendingRevocation: NO_PARTITIONS,
  });
}
