/**
 * What the members of groups take of the broker's memory by what they say of themselves: group.max.size bounds how many there are in a
 * group, and nothing in Kafka how many groups there are, nor what a member says. Each machine counts its own; the coordinator has the sum.
 */
import type { ClassicMember } from './classic-member.ts';
import type { ConsumerMember } from './consumer-member.ts';

/** In bytes, about; of all groups of one machine. */
export interface MemberMemory {
  bytes: number;
}

/** One group's share. */
export interface GroupShare {
  readonly memory: MemberMemory;
  memberBytes: number;
}

/** What a member takes that says nothing: its objects, deadlines and places in maps. */
const MEMBER_BYTES = 1024;

export function count(share: GroupShare, bytes: number): void {
  share.memberBytes += bytes;
  share.memory.bytes += bytes;
}

/** The group is forgotten. */
export function uncount(share: GroupShare): void {
  count(share, -share.memberBytes);
}

export function classicMemberBytes(member: ClassicMember): number {
  const { memberId, groupInstanceId, clientId, clientHost, protocols, assignment } = member;
  const texts = textBytes([memberId, groupInstanceId, clientId, clientHost]);
  return MEMBER_BYTES + texts + protocolBytes(protocols) + assignment.length;
}

export function protocolBytes(protocols: readonly { readonly name: string; readonly metadata: Buffer }[]): number {
  return protocols.reduce((sum, { name, metadata }) => sum + 64 + textBytes([name]) + metadata.length, 0);
}

/** An id that was given out and has not come back. */
export function pendingBytes(memberId: string): number {
  return MEMBER_BYTES + textBytes([memberId]);
}

/** Without its partitions, of which there are no more than the directory has. */
export function consumerMemberBytes(member: ConsumerMember): number {
  const { memberId, instanceId, rackId, clientId, clientHost, subscribedTopicRegex, subscribedTopicNames } = member;
  const texts = textBytes([memberId, instanceId, rackId, clientId, clientHost, subscribedTopicRegex]);
  return MEMBER_BYTES + texts + textBytes(subscribedTopicNames);
}

function textBytes(texts: readonly (string | null)[]): number {
  return texts.reduce((sum, text) => sum + (text === null ? 0 : 32 + 2 * text.length), 0);
}
