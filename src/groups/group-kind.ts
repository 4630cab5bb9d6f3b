/** What classic groups and KIP-848 groups both are to the machine: to offsets, lists, deletion and expiry. */
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { Call, Caller } from './call.ts';
import type { Now } from './group-host.ts';

export interface ReplayFacts {
  readonly offset: number;
  readonly wallMs: number;
  /** Whether the log is being loaded; false for a record that was pushed by a turn of this machine. */
  readonly loading: boolean;
}

export interface CommitWho {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationOrEpoch: number;
  readonly apiVersion: number;
}

export interface FetchWho {
  /** null and -1 before OffsetFetch v9: nobody in particular. */
  readonly memberId: string | null;
  readonly memberEpoch: number;
}

export interface GroupKind {
  /** Gets records of its own kinds alone. Tombstones of unknown things change nothing. Pushes nothing. */
  replay(record: GroupRecord, at: ReplayFacts): void;
  /** The group became one of the other kind: forgets it, with its deadlines and ties. Pushes nothing. */
  forget(groupId: string): void;
  has(groupId: string): boolean;
  groupIds(): Iterable<string>;
  /** No members, known or joining. */
  isEmpty(groupId: string): boolean;
  /** 'Empty', 'Stable', 'Assigning', ... as ListGroups has it. */
  stateOf(groupId: string): string;
  protocolTypeOf(groupId: string): string;
  isSubscribed(groupId: string, topic: string): boolean;
  /** @throws KafkaError */
  checkCommit(groupId: string, who: CommitWho): void;
  /** A commit was taken: a classic member's session goes on, and it is tied to its caller. */
  committed(groupId: string, who: CommitWho, caller: Caller, now: Now): void;
  /** @throws KafkaError */
  checkFetch(groupId: string, who: FetchWho): void;
  /** Pushes the tombstones of the group itself, not of its offsets. */
  remove(groupId: string): void;
  /** Wall time in ms from which retention counts for an offset committed at `commitMs`; undefined: it never expires now. */
  retentionStartMs(groupId: string, commitMs: number): number | undefined;
  /** The member's connection or process is gone for good. No-op for one that is not there. */
  memberGone(groupId: string, memberId: string, now: Now): void;
  /** The log is replayed to its end: deadlines begin. */
  loaded(now: Now): void;
  topicsChanged(): void;
  /** All parked calls of all groups, for a shard that is unloaded. */
  parked(): Iterable<Call<never>>;
}
