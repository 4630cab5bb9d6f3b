/**
 * What a reader in a group is to the group, whichever protocol it speaks: `classic-member.ts` (JoinGroup and SyncGroup, where one
 * member assigns) or `consumer-member.ts` (KIP-848, where the coordinator does).
 */
import type { Env } from '../kernel/env.ts';
import type { Deadline } from './deadline.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import type { GroupPartition, PartitionOffset } from './group-offsets.ts';
import type { TopicLookUp } from './group-topics.ts';

/** A member that is not heard of for so long is taken for gone; the least that brokers take. By KIP-848 the broker decides. */
export const SESSION_TIMEOUT_MS = 6_000;
export const HEARTBEAT_INTERVAL_MS = 1_500;
/** How long a member may take to give partitions up. */
export const REBALANCE_TIMEOUT_MS = 60_000;

/**
 * - `done`: the group has them.
 * - `again`: nobody answered, or not now.
 * - `refused`: the partitions are not this member's any more.
 */
export type CommitOutcome = 'done' | 'again' | 'refused';

/** What happens to a member. */
export interface MembershipEvents {
  /** The assignment is known, and these are new in it; none may be. */
  assigned(added: readonly GroupPartition[]): void;
  /** To be given up: resolves when nothing more is read there, and what was read is committed as far as it can be. */
  revoked(partitions: readonly GroupPartition[]): Promise<void>;
  /** Given to somebody else meanwhile: nothing of them can be committed any more. */
  lost(partitions: readonly GroupPartition[]): void;
  /** `isSettled` may have changed. */
  changed(): void;
  /** It is no member any more, and will not be: KafkaError `isOtherKind`, or an error to end with. */
  failed(error: unknown): void;
}

export interface GroupMember {
  /** Whether it has its assignment and nobody has asked to give any of it up. */
  readonly isSettled: boolean;
  start(): void;
  /** Tells the group at once that the member lives: a broker that has just taken over does not know. */
  nudge(): void;
  /** One attempt. Throws what the run is to end with. */
  commit(offsets: readonly PartitionOffset[]): Promise<CommitOutcome>;
  /** The last commit, and goodbye, tried again until the deadline. Answers for the commit. */
  leave(offsets: readonly PartitionOffset[], deadline: Deadline): Promise<CommitOutcome>;
}

export interface MemberOptions {
  readonly env: Env;
  readonly coordinator: GroupCoordinator;
  readonly topics: TopicLookUp;
  readonly instanceId: string | null;
  /** How long nobody may answer; 0 = for ever. */
  readonly timeoutMs: number;
}
