/**
 * A member of a KIP-848 group, as its records 5 and 8 have it: a value that is replaced whole. Source: Kafka's ConsumerGroupMember.java.
 */
import type { ConsumerGroupHeartbeat } from '../protocol/apis/68-consumer-group-heartbeat.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { type Assignment, isSameAssignment, NO_PARTITIONS } from './consumer-assignment.ts';

export type ConsumerHeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>;
export type ConsumerHeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>;

/**
 * Where a member is on its way to what it is to have: `unrevoked` until it reports that it let go of what it has to, `unreleased` as
 * long as others still have something that it waits for. `unknown` is a state of a later broker.
 */
export type MemberState = 'stable' | 'unrevoked' | 'unreleased' | 'unknown';

export interface MemberMetadata {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Ascending, each once. */
  readonly subscribedTopicNames: readonly string[];
  /** Of a member that joined another broker: none is taken here. */
  readonly subscribedTopicRegex: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly serverAssignor: string | null;
}

export interface ConsumerMember extends MemberMetadata {
  readonly memberId: string;
  /** The group epoch that it has come to; LEFT_FOR_A_WHILE of a static member that will come back. */
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  readonly assigned: Assignment;
  /** What it has to let go of and did not yet: nobody else may have it. */
  readonly pendingRevocation: Assignment;
}

/** Member epochs that are no epochs: requests that join, and those that leave, for good or for a while. */
export const JOINS = 0;
export const LEAVES = -1;
export const LEFT_FOR_A_WHILE = -2;
/** A rebalance timeout that the request does not name. */
export const NOT_SAID = -1;

export function newConsumerMember(memberId: string): ConsumerMember {
  return {
    memberId,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    subscribedTopicNames: [],
    subscribedTopicRegex: null,
    rebalanceTimeoutMs: -1,
    serverAssignor: null,
    memberEpoch: 0,
    previousMemberEpoch: 0,
    state: 'stable',
    assigned: NO_PARTITIONS,
    pendingRevocation: NO_PARTITIONS,
  };
}

/** Whether it has all that the target of this epoch gives to it, and nothing else. */
export function isReconciledTo(member: ConsumerMember, targetEpoch: number): boolean {
  return member.state === 'stable' && member.memberEpoch === targetEpoch;
}

export function isSameMetadata(left: MemberMetadata, right: MemberMetadata): boolean {
  return (
    left === right ||
    (left.instanceId === right.instanceId &&
      left.rackId === right.rackId &&
      left.clientId === right.clientId &&
      left.clientHost === right.clientHost &&
      isSameList(left.subscribedTopicNames, right.subscribedTopicNames) &&
      left.subscribedTopicRegex === right.subscribedTopicRegex &&
      left.rebalanceTimeoutMs === right.rebalanceTimeoutMs &&
      left.serverAssignor === right.serverAssignor)
  );
}

/** Whether what record 8 says of both is the same. */
export function isSameProgress(left: ConsumerMember, right: ConsumerMember): boolean {
  return (
    left.memberEpoch === right.memberEpoch &&
    left.previousMemberEpoch === right.previousMemberEpoch &&
    left.state === right.state &&
    isSameAssignment(left.assigned, right.assigned) &&
    isSameAssignment(left.pendingRevocation, right.pendingRevocation)
  );
}

export function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((each, index) => each === right[index]));
}
