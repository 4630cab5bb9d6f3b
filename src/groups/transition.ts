/** What a turn of a `GroupMachine` decided, for its shard to write and to tell. */

import type { KafkaError } from '../protocol/errors.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';

/** The records are one batch, the answers follow it in order. */
export interface Transition {
  readonly records: readonly GroupRecord[];
  readonly answers: readonly Answered[];
  /** Nothing but the records carries what was decided: where their append fails, the calls alone have failed. */
  readonly isolated: boolean;
}

/** An answer that may not go out before the records that it tells of are safe. One of the two is called, once. */
export interface Answered {
  give(): void;
  refuse(error: KafkaError): void;
}
