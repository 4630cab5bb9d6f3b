/** Committed offsets of a group: asked for, and committed as one of its members. */
import { OffsetCommit } from '../protocol/apis/08-offset-commit.ts';
import { OffsetFetch } from '../protocol/apis/09-offset-fetch.ts';
import { type RequestOf, type ResponseOf, ZERO_UUID } from '../protocol/schema.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import type { Lane } from './transport.ts';

/** The highest versions that name topics; later ones have ids. */
const COMMIT_BY_NAME_VERSION = 9;
const FETCH_BY_NAME_VERSION = 9;
/** From this version on OffsetFetch asks for many groups. */
const MANY_GROUPS_VERSION = 8;

export interface GroupPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends GroupPartition {
  /** The next one to be read. */
  readonly offset: number;
}

/** Who commits, as the coordinator knows it. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generationOrEpoch: number;
}

export function partitionKey({ topic, partition }: GroupPartition): string {
  return `${partition}/${topic}`;
}

/** One attempt: the offset of each partition, in order; undefined where none is committed. Throws KafkaError, and as `request`. */
export async function fetchCommitted(
  coordinator: GroupCoordinator,
  partitions: readonly GroupPartition[],
  timeoutMs: number,
): Promise<(number | undefined)[]> {
  const { groupId } = coordinator;
  const topics = byTopic(partitions).map(([name, found]) => ({
    name,
    topicId: ZERO_UUID,
    partitionIndexes: found.map(({ partition }) => partition),
  }));
  const message = (version: number): RequestOf<typeof OffsetFetch> => {
    const isForMany = version >= MANY_GROUPS_VERSION;
    return {
      groupId: isForMany ? '' : groupId,
      topics: isForMany ? [] : topics,
      groups: isForMany ? [{ groupId, memberId: null, memberEpoch: -1, topics }] : [],
      requireStable: version >= 7,
    };
  };
  const answer = await coordinator.request(OffsetFetch, FETCH_BY_NAME_VERSION, message, timeoutMs);
  const found = answer.groups[0] ?? answer;
  coordinator.check(found.errorCode);
  const offsets = new Map<string, number>();
  for (const { name, partitions: answered } of found.topics) {
    for (const { partitionIndex, committedOffset, errorCode } of answered) {
      coordinator.check(errorCode);
      if (committedOffset < 0n) continue;
      offsets.set(partitionKey({ topic: name, partition: partitionIndex }), Number(committedOffset));
    }
  }
  return partitions.map((partition) => offsets.get(partitionKey(partition)));
}

/** Whether the group has these offsets, and no others, for their partitions. One attempt; false too where nobody answers. */
export async function areCommitted(
  coordinator: GroupCoordinator,
  offsets: readonly PartitionOffset[],
  timeoutMs: number,
): Promise<boolean> {
  const found = await fetchCommitted(coordinator, offsets, timeoutMs).catch(() => []);
  return offsets.every(({ offset }, index) => offset === found[index]);
}

/** One attempt. Throws KafkaError when one of them was not committed, and as `request`. */
export async function commitOffsets(
  coordinator: GroupCoordinator,
  { memberId, instanceId, generationOrEpoch }: MemberIdentity,
  offsets: readonly PartitionOffset[],
  timeoutMs: number,
  lane: Lane,
): Promise<void> {
  const message: RequestOf<typeof OffsetCommit> = {
    groupId: coordinator.groupId,
    generationIdOrMemberEpoch: generationOrEpoch,
    memberId,
    groupInstanceId: instanceId,
    retentionTimeMs: -1n,
    topics: byTopic(offsets).map(([name, found]) => ({
      name,
      topicId: ZERO_UUID,
      partitions: found.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: '',
      })),
    })),
  };
  const answer = await coordinator.request(OffsetCommit, COMMIT_BY_NAME_VERSION, () => message, timeoutMs, lane);
  for (const code of errorCodes(answer)) coordinator.check(code);
}

function errorCodes({ topics }: ResponseOf<typeof OffsetCommit>): number[] {
  return topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
}

/** The partitions of each topic, topics in the order in which they come. */
export function byTopic<P extends GroupPartition>(partitions: readonly P[]): [string, P[]][] {
  const topics = new Map<string, P[]>();
  for (const partition of partitions) {
    const found = topics.get(partition.topic);
    if (found === undefined) topics.set(partition.topic, [partition]);
    else found.push(partition);
  }
  return [...topics];
}
