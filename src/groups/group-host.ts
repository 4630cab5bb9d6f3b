/**
 * What `GroupMachine` gives to its parts. All of it works within the turn that runs: what is pushed and answered becomes one
 * transition, and is replayed and told after the turn.
 */

import type { KafkaError } from '../protocol/errors.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { Call, Caller } from './call.ts';
import type { GroupSettings } from './group-settings.ts';
import type { MemberMemory } from './member-memory.ts';
import type { TopicsView } from './topics-view.ts';

export interface Now {
  /** Monotonic: deadlines. */
  readonly nowMs: number;
  /** Wall clock: what records carry. */
  readonly wallMs: number;
}

export type GroupType = 'classic' | 'consumer';

export interface GroupHost {
  readonly settings: GroupSettings;
  readonly topics: TopicsView;
  /** What a record may take, in bytes: a larger one could never be written. */
  readonly recordBytesMax: number;
  /** Of this machine's members. */
  readonly memory: MemberMemory;
  /** Whether the members of all machines may take so many bytes more. */
  hasRoomFor(bytes: number): boolean;
  /** `${clientId}-${uuid}` */
  newMemberId(clientId: string): string;
  push(...records: readonly GroupRecord[]): void;
  /** Answers a call of this turn, or one that was parked in an earlier one; each call once, by this or by `fail`. */
  answer<R>(call: Call<R>, value: R): void;
  fail<R>(call: Call<R>, error: KafkaError): void;
  /**
   * One deadline a key: set again, it is replaced; a later time costs no heap work. `run` is a turn of its own. A time that has come
   * already means: next, after what this turn pushed is replayed.
   */
  schedule(key: string, atMs: number, run: (now: Now) => void): void;
  cancel(key: string): void;
  /** At each call by a dynamic member (pending and parked ones too): the call's connection now stands for it, if any does. */
  tie(groupId: string, memberId: string, caller: Caller): void;
  untie(groupId: string, memberId: string): void;
  kindOf(groupId: string): GroupType | undefined;
  /** Pushes the tombstones of an empty group of the other kind (its offsets stay); false when it has members. */
  giveUpKind(groupId: string, wanted: GroupType): boolean;
  /** One line for the broker's log. */
  log(line: string): void;
}
