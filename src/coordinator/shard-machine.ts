/** What a shard needs of the state machine that it drives; `GroupMachine` in earnest. */
import type { Caller } from '../groups/call.ts';
import type { Now } from '../groups/group-host.ts';
import type { ReplayFacts } from '../groups/group-kind.ts';
import type { Answered, Transition } from '../groups/transition.ts';
import type { KafkaError } from '../protocol/errors.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';

export interface ShardMachine {
  replay(record: GroupRecord, at: ReplayFacts): void;
  /** The log was replayed to its end. */
  loaded(now: Now): void;
  connectionGone(connectionId: number, now: Now): void;
  tick(now: Now): void;
  /** Monotonic; Infinity: nothing is due. */
  readonly nextDueMs: number;
  postpone(byMs: number): void;
  take(): readonly Transition[];
  abandon(error: KafkaError): readonly Answered[];
}

/** Who asks, and how it is known that nobody waits for the answer any more. */
export interface GroupCaller extends Caller {
  readonly departure: CallerDeparture | undefined;
}

export interface CallerDeparture {
  readonly isGone: boolean;
  /** Calls `listener` once, when the caller goes; the answer ends that. */
  onGone(listener: () => void): () => void;
}
