/**
 * SyncGroup to a classic group: the leader's assignments become the generation's, and its record; the others wait for theirs.
 * Source: Kafka's GroupMetadataManager.java (classicGroupSync).
 */
import { KafkaError } from '../protocol/errors.ts';
import { CONSUMER_PROTOCOL_TYPE, encodeConsumerAssignment } from '../protocol/group/consumer-protocol.ts';
import type { Call } from './call.ts';
import { answerSync, failSync, parkSync } from './classic-answers.ts';
import { type ClassicGroup, checkMember, enterState, setAssignment } from './classic-group.ts';
import { type ClassicMember, keepBytes, NO_BYTES, type SyncRequest, type SyncResponse } from './classic-member.ts';
import { failSyncs, keepAlive, noteSync, prepareRebalance } from './classic-rebalance.ts';
import { recordBytes, recordOf } from './classic-record.ts';
import type { GroupHost, Now } from './group-host.ts';

export function syncGroup(
  host: GroupHost,
  group: ClassicGroup | undefined,
  call: Call<SyncResponse>,
  request: SyncRequest,
  now: Now,
): void {
  try {
    if (request.groupId === '') throw new KafkaError('INVALID_GROUP_ID');
    if (group === undefined) throw new KafkaError('UNKNOWN_MEMBER_ID');
    const member = checkSync(group, request);
    if (member.groupInstanceId === null) host.tie(group.groupId, member.memberId, call.caller);
    syncMember({ host, group, now }, member, call, request);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    failSync(host, call, error.errorName);
  }
}

interface Syncing {
  readonly host: GroupHost;
  readonly group: ClassicGroup;
  readonly now: Now;
}

/** @throws KafkaError */
function checkSync(group: ClassicGroup, request: SyncRequest): ClassicMember {
  const member = checkMember(group, request.memberId, request.groupInstanceId);
  if (request.generationId !== group.generation) throw new KafkaError('ILLEGAL_GENERATION');
  if (differs(request.protocolType, group.protocolType) || differs(request.protocolName, group.protocolName)) {
    throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL');
  }
  if (group.state === 'PreparingRebalance') throw new KafkaError('REBALANCE_IN_PROGRESS');
  return member;
}

/** Before v5 nothing is said, and nothing is compared. */
function differs(said: string | null, known: string | undefined): boolean {
  return said !== null && known !== undefined && said !== known;
}

function syncMember(syncing: Syncing, member: ClassicMember, call: Call<SyncResponse>, request: SyncRequest): void {
  const { host, group } = syncing;
  noteSync(host, group, member.memberId);
  if (group.state === 'Stable') {
    answerSync(host, call, group, member);
    return;
  }
  parkSync(host, member, call);
  if (group.leaderId === member.memberId) completeGeneration(syncing, request);
}

/** The group is stable from here on; who hears of it hears of it when the record is safe. */
function completeGeneration({ host, group, now }: Syncing, request: SyncRequest): void {
  const given = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment]));
  const bytesBefore = group.memberBytes;
  for (const member of group.members.values()) {
    const assignment = given.get(member.memberId);
    setAssignment(group, member, assignment === undefined ? emptyAssignment(group) : keepBytes(assignment));
  }
  const hasRoom = group.memberBytes <= bytesBefore || host.hasRoomFor(0);
  const record = recordOf(group);
  if (!hasRoom || (record.value !== null && recordBytes(group.groupId, record.value) > host.recordBytesMax)) {
    host.log(`group ${group.groupId}: the assignments of ${group.members.size} members are too large to be kept`);
    failSyncs(host, group, 'UNKNOWN_SERVER_ERROR', now);
    prepareRebalance(host, group, now);
    return;
  }
  host.push(record);
  enterState(group, 'Stable', now.wallMs);
  for (const member of group.members.values()) {
    if (member.awaitingSync === undefined) continue;
    answerSync(host, member.awaitingSync, group, member);
    member.awaitingSync = undefined;
    keepAlive(host, group, member, now);
  }
}

/** For a member that the leader passed over: consumers read their assignment, and stumble over one of no bytes at all. */
function emptyAssignment(group: ClassicGroup): Buffer {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return NO_BYTES;
  return encodeConsumerAssignment({ assignedPartitions: [] }, 0);
}
