/** A group's committed offsets as those who look after it read, set and remove them: from outside, as no member of it. */
import { OffsetCommit } from '../protocol/apis/08-offset-commit.ts';
import { OffsetFetch } from '../protocol/apis/09-offset-fetch.ts';
import { OffsetDelete } from '../protocol/apis/47-offset-delete.ts';
import { errorName } from '../protocol/errors.ts';
import { type RequestOf, ZERO_UUID } from '../protocol/schema.ts';
import { ClientError } from './client-error.ts';
import { atCoordinator, type GroupAdmin, groupSeat } from './group-admin.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { byTopic, type GroupPartition } from './group-offsets.ts';
import { refusal } from './refusal.ts';

export interface CommittedOffset extends GroupPartition {
  /** The next one to be read. */
  readonly offset: number;
  /** Of the record before it; -1 when unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
}

export interface PartitionFailure extends GroupPartition {
  readonly error: ClientError;
}

/** The highest versions that name topics; later ones have ids. */
const BY_NAME_VERSION = 9;
/** From this version on OffsetFetch asks for many groups. */
const MANY_GROUPS_VERSION = 8;
/** So many offsets go into one request: brokers bound what one may hold. */
const OFFSETS_AT_A_TIME = 5_000;

/** All that the group has committed, by topic and partition; nothing for a group that is not there. Throws `ClientError`. */
export async function fetchGroupOffsets(admin: GroupAdmin, groupId: string): Promise<CommittedOffset[]> {
  const seat = groupSeat(admin, groupId);
  const { coordinator, caller } = seat;
  const message = (version: number): RequestOf<typeof OffsetFetch> => {
    const isForMany = version >= MANY_GROUPS_VERSION;
    return {
      groupId: isForMany ? '' : groupId,
      topics: isForMany ? [] : null,
      groups: isForMany ? [{ groupId, memberId: null, memberEpoch: -1, topics: null }] : [],
      requireStable: version >= 7,
    };
  };
  const topics = await atCoordinator(seat, async () => {
    const timeoutMs = caller.deadline.attemptMs();
    const answer = await coordinator.request(OffsetFetch, BY_NAME_VERSION, message, timeoutMs, 'data');
    const found = answer.groups[0] ?? answer;
    if (errorName(found.errorCode) === 'GROUP_ID_NOT_FOUND') return [];
    coordinator.check(found.errorCode);
    for (const { partitions } of found.topics) for (const { errorCode } of partitions) coordinator.check(errorCode);
    return found.topics;
  });
  const offsets = topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ committedOffset }) => committedOffset >= 0n)
      .map((found) => ({
        topic: name,
        partition: found.partitionIndex,
        offset: Number(found.committedOffset),
        leaderEpoch: found.committedLeaderEpoch,
        metadata: found.metadata ?? '',
      })),
  );
  return offsets.sort(byPlace);
}

/**
 * Commits for a group without members, which is made if it is not there. Answers the partitions that were not committed. Throws
 * `ClientError`: `conflict` when the group has members.
 */
export async function storeGroupOffsets(
  admin: GroupAdmin,
  groupId: string,
  offsets: readonly CommittedOffset[],
): Promise<PartitionFailure[]> {
  const seat = groupSeat(admin, groupId);
  const failures: PartitionFailure[] = [];
  for (let at = 0; at < offsets.length; at += OFFSETS_AT_A_TIME) {
    const message: RequestOf<typeof OffsetCommit> = {
      groupId,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1n,
      topics: byTopic(offsets.slice(at, at + OFFSETS_AT_A_TIME)).map(([name, found]) => ({
        name,
        topicId: ZERO_UUID,
        partitions: found.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition,
          committedOffset: BigInt(offset),
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        })),
      })),
    };
    const answer = await atCoordinator(seat, async () => {
      const timeoutMs = seat.caller.deadline.attemptMs();
      const { coordinator } = seat;
      const { topics } = await coordinator.request(OffsetCommit, BY_NAME_VERSION, () => message, timeoutMs, 'data');
      for (const { partitions } of topics) {
        for (const { errorCode } of partitions) checkGroup(coordinator, errorCode);
      }
      return topics;
    });
    failures.push(...failuresOf(answer));
  }
  return failures;
}

/**
 * Removes committed offsets. Answers the partitions whose offset stays, such as those of a topic to which members subscribe. Throws
 * `ClientError`: `not-found` for a group that is not there.
 */
export async function deleteGroupOffsets(
  admin: GroupAdmin,
  groupId: string,
  partitions: readonly GroupPartition[],
): Promise<PartitionFailure[]> {
  const seat = groupSeat(admin, groupId);
  const failures: PartitionFailure[] = [];
  for (let at = 0; at < partitions.length; at += OFFSETS_AT_A_TIME) {
    const message: RequestOf<typeof OffsetDelete> = {
      groupId,
      topics: byTopic(partitions.slice(at, at + OFFSETS_AT_A_TIME)).map(([name, found]) => ({
        name,
        partitions: found.map(({ partition }) => ({ partitionIndex: partition })),
      })),
    };
    const answer = await atCoordinator(seat, async () => {
      const timeoutMs = seat.caller.deadline.attemptMs();
      const answered = await seat.coordinator.request(OffsetDelete, Infinity, () => message, timeoutMs, 'data');
      seat.coordinator.check(answered.errorCode);
      return answered.topics;
    });
    failures.push(...failuresOf(answer));
  }
  return failures;
}

/** By topic, then partition. */
export function byPlace(left: GroupPartition, right: GroupPartition): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  return left.partition - right.partition;
}

const OF_PARTITION: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'OFFSET_METADATA_TOO_LARGE',
  'INVALID_COMMIT_OFFSET_SIZE',
  'INVALID_TOPIC_EXCEPTION',
]);

/** How coordinators refuse a commit of somebody who is no member while there are some. */
const OF_MEMBERS: ReadonlySet<string> = new Set([
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'REBALANCE_IN_PROGRESS',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
]);

/** Throws for a partition's error code that speaks of the whole group, or of its broker. */
function checkGroup(coordinator: GroupCoordinator, code: number): void {
  const name = errorName(code);
  if (OF_PARTITION.has(name)) return;
  if (OF_MEMBERS.has(name)) {
    throw new ClientError('conflict', `group '${coordinator.groupId}' has members; stop them first`);
  }
  coordinator.check(code);
}

interface AnsweredTopic {
  readonly name: string;
  readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
}

function failuresOf(topics: readonly AnsweredTopic[]): PartitionFailure[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ errorCode }) => errorCode !== 0)
      .map(({ partitionIndex, errorCode }) => ({
        topic: name,
        partition: partitionIndex,
        error: refusal(errorCode, `topic '${name}' partition ${partitionIndex}`),
      })),
  );
}
