/** What the assignors of KIP-848 are to a group: pure functions from who is subscribed to what, to who is to have what. */
import type { Assignment } from '../consumer-assignment.ts';

export interface AssignorMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Of existing topics that it subscribes to, each once. */
  readonly topicIds: ReadonlySet<string>;
  /** What the last run gave to it; may be of topics that are gone. */
  readonly previous: Assignment;
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[];
  /** Of each topic that anybody subscribes to. */
  readonly partitionCounts: ReadonlyMap<string, number>;
}

export interface Assignor {
  /** As clients name it in a heartbeat. */
  readonly name: string;
  /**
   * By member id, an entry for each member. Each partition of a topic with subscribers is given to one of them. The same input gives
   * the same output, whatever the order of the members.
   */
  assign(input: AssignorInput): ReadonlyMap<string, Assignment>;
}

/** UTF-16 order: the same everywhere. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
