/** JoinGroup and SyncGroup: how a classic member comes to its assignment, and a leader to those of all. */
import { JoinGroup } from '../protocol/apis/11-join-group.ts';
import { SyncGroup } from '../protocol/apis/14-sync-group.ts';
import { KafkaError } from '../protocol/errors.ts';
import {
  CONSUMER_PROTOCOL_TYPE,
  decodeConsumerAssignment,
  decodeConsumerSubscription,
  encodeConsumerAssignment,
  encodeConsumerSubscription,
} from '../protocol/group/consumer-protocol.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ClientError } from './client-error.ts';
import { CLASSIC_ASSIGNORS } from './consumer-assignors.ts';
import { type MemberOptions, REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS } from './group-member.ts';
import type { GroupPartition } from './group-offsets.ts';
import { Patience } from './group-patience.ts';

/** A join is answered when all others have joined too, or have had their time. */
const JOIN_TIMEOUT_MS = REBALANCE_TIMEOUT_MS + 5_000;
/** Every client reads this version of the messages between members; what later ones add is for cooperative members. */
const CONSUMER_PROTOCOL_VERSION = 0;

type JoinAnswer = ResponseOf<typeof JoinGroup>;

export interface ClassicJoined {
  readonly generationId: number;
  readonly partitions: readonly GroupPartition[];
  /** Of all topics that the group reads, as they were when they were assigned; for the leader alone. */
  readonly partitionCounts: ReadonlyMap<string, number> | undefined;
}

export interface ClassicJoin extends MemberOptions {
  /** '' while the group has given it none. */
  memberId(): string;
  identified(memberId: string): void;
  /** Whether to give up. */
  isOver(): boolean;
}

/** undefined when it is over before. Throws KafkaError INCONSISTENT_GROUP_PROTOCOL, and `ClientError`. */
export async function joinClassicGroup(join: ClassicJoin): Promise<ClassicJoined | undefined> {
  const { env, coordinator } = join;
  const patience = new Patience(env.clock, env.random, join.timeoutMs);
  while (!join.isOver()) {
    try {
      const joined = await attempt(join);
      if (joined !== undefined) return joined;
      patience.answered();
    } catch (error) {
      if (error instanceof KafkaError && startsAnew(error, join)) continue;
      if (error instanceof KafkaError && error.errorName === 'INCONSISTENT_GROUP_PROTOCOL') throw error;
      await env.clock.sleep(patience.pauseMs(error, coordinator));
    }
  }
  return undefined;
}

/** Whether to join once more at once. */
function startsAnew({ errorName }: KafkaError, join: ClassicJoin): boolean {
  if (errorName === 'UNKNOWN_MEMBER_ID') join.identified('');
  return (
    errorName === 'UNKNOWN_MEMBER_ID' || errorName === 'REBALANCE_IN_PROGRESS' || errorName === 'ILLEGAL_GENERATION'
  );
}

/** undefined: once more, with the id that was given. */
async function attempt(join: ClassicJoin): Promise<ClassicJoined | undefined> {
  const { coordinator } = join;
  const answer = await coordinator.request(JoinGroup, JoinGroup.versions.max, () => joinRequest(join), JOIN_TIMEOUT_MS);
  if (answer.memberId !== '') join.identified(answer.memberId);
  if (isToComeAgain(answer)) return undefined;
  coordinator.check(answer.errorCode);
  const isLeader = answer.leader === answer.memberId && !answer.skipAssignment;
  const partitionCounts = isLeader ? await countPartitions(join, answer) : undefined;
  if (join.isOver()) return undefined;
  const assignments = partitionCounts === undefined ? [] : assign(answer, partitionCounts);
  const synced = await coordinator.request(
    SyncGroup,
    SyncGroup.versions.max,
    () => ({
      groupId: coordinator.groupId,
      generationId: answer.generationId,
      memberId: answer.memberId,
      groupInstanceId: join.instanceId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocolName: answer.protocolName,
      assignments,
    }),
    JOIN_TIMEOUT_MS,
  );
  coordinator.check(synced.errorCode);
  return { generationId: answer.generationId, partitions: readAssignment(synced.assignment), partitionCounts };
}

/** KIP-394: the first answer only tells the member's id. */
function isToComeAgain({ errorCode }: JoinAnswer): boolean {
  return errorCode === new KafkaError('MEMBER_ID_REQUIRED').code;
}

function joinRequest({ coordinator, topics, instanceId, memberId }: ClassicJoin): RequestOf<typeof JoinGroup> {
  const metadata = encodeConsumerSubscription({ topics: topics.names }, CONSUMER_PROTOCOL_VERSION);
  return {
    groupId: coordinator.groupId,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
    memberId: memberId(),
    groupInstanceId: instanceId,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocols: [...CLASSIC_ASSIGNORS.keys()].map((name) => ({ name, metadata })),
    reason: null,
  };
}

function subscribers({ members }: JoinAnswer) {
  return members.map(({ memberId, groupInstanceId, metadata }) => {
    const subscription = decodeConsumerSubscription(metadata);
    return { memberId, instanceId: groupInstanceId, topics: subscription?.topics ?? [] };
  });
}

async function countPartitions({ topics }: ClassicJoin, answer: JoinAnswer): Promise<Map<string, number>> {
  return await topics.partitionCounts([...new Set(subscribers(answer).flatMap((member) => member.topics))]);
}

function assign(
  answer: JoinAnswer,
  partitionCounts: ReadonlyMap<string, number>,
): RequestOf<typeof SyncGroup>['assignments'] {
  const assignor = CLASSIC_ASSIGNORS.get(answer.protocolName ?? '');
  if (assignor === undefined) {
    throw new ClientError('refused', `the group wants partitions assigned by '${answer.protocolName}'`);
  }
  return [...assignor(subscribers(answer), partitionCounts)].map(([memberId, assignedPartitions]) => ({
    memberId,
    assignment: encodeConsumerAssignment({ assignedPartitions }, CONSUMER_PROTOCOL_VERSION),
  }));
}

function readAssignment(bytes: Buffer): GroupPartition[] {
  const assignment = bytes.length === 0 ? { assignedPartitions: [] } : decodeConsumerAssignment(bytes);
  if (assignment === undefined)
    throw new ClientError('refused', 'the leader of the group sent an unreadable assignment');
  return assignment.assignedPartitions.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
