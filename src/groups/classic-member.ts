/** A member of a classic group: what it said when it joined, and what it waits for. Source: Kafka's ClassicGroupMember.java. */
import { assert } from '../kernel/assert.ts';
import type { JoinGroup } from '../protocol/apis/11-join-group.ts';
import type { SyncGroup } from '../protocol/apis/14-sync-group.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { Call } from './call.ts';

export type JoinRequest = RequestOf<typeof JoinGroup>;
export type JoinResponse = ResponseOf<typeof JoinGroup>;
export type SyncRequest = RequestOf<typeof SyncGroup>;
export type SyncResponse = ResponseOf<typeof SyncGroup>;

/** A name, and bytes that only the members read. */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

export interface ClassicMember {
  readonly memberId: string;
  /** null: a dynamic member. */
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  /** In the order of the member's preference; no name twice. Changed by `setProtocols` alone, while it is in a group. */
  protocols: readonly MemberProtocol[];
  /** Empty until a leader gave one. */
  assignment: Buffer;
  /** Joined since the last rebalance began to wait: it cannot heartbeat, as it does not know its id yet. */
  isNew: boolean;
  awaitingJoin: Call<JoinResponse> | undefined;
  awaitingSync: Call<SyncResponse> | undefined;
}

export const NO_BYTES = Buffer.alloc(0);

/**
 * Copies of a request's protocols, whose memory is used again, or what the member gave before where that is the same. Of a name that
 * stands twice the first counts.
 */
export function keepProtocols(
  protocols: JoinRequest['protocols'],
  known: readonly MemberProtocol[] = [],
): readonly MemberProtocol[] {
  if (sameProtocols(known, protocols)) return known;
  const kept = new Map<string, MemberProtocol>();
  for (const { name, metadata } of protocols) {
    if (!kept.has(name)) kept.set(name, { name, metadata: keepBytes(metadata) });
  }
  return [...kept.values()];
}

/** A copy that holds no pool's memory back. */
export function keepBytes(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NO_BYTES;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** The same names with the same bytes in the same order. */
export function sameProtocols(left: readonly MemberProtocol[], right: readonly MemberProtocol[]): boolean {
  return (
    left.length === right.length &&
    left.every(({ name, metadata }, at) => {
      const other = right[at];
      return other !== undefined && other.name === name && other.metadata.equals(metadata);
    })
  );
}

/** What the member gave for a protocol that all members support. */
export function metadataFor(member: ClassicMember, protocolName: string): Buffer {
  const found = member.protocols.find(({ name }) => name === protocolName);
  assert(found !== undefined, `member ${member.memberId} does not support ${protocolName}`);
  return found.metadata;
}

/** Members that wait for the others need no heartbeat, once they know their id. */
export function isHeldAlive(member: ClassicMember): boolean {
  return !member.isNew && (member.awaitingJoin !== undefined || member.awaitingSync !== undefined);
}
