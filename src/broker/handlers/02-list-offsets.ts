/**
 * ListOffsets (2), versions 1-11: the first offset at or after a timestamp, and the special timestamps -1 latest,
 * -2 earliest, -3 of the largest timestamp (v7), -4 earliest local (v8; the log's start, nothing being tiered), -5 latest
 * tiered (v9) and -6 earliest pending upload (v11), which have no answer without tiers. What is found above the limit
 * of the isolation level does not count.
 *
 * Skipped: OFFSET_NOT_AVAILABLE after an election, which needs a second broker; the timeout of v10, since nothing waits.
 * Source: ReplicaManager.fetchOffset, Partition.fetchOffsetForTimestamp, UnifiedLog.fetchOffsetByTimestamp (Kafka 4.x).
 */

import type { FoundTimestamp, PartitionLog } from '../../log/partition-log.ts';
import type { ListOffsets } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { topicResource } from '../authorize.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { READ_COMMITTED } from '../fetch-pass.ts';
import { confirmSight } from '../lease.ts';
import { LoopTurns } from '../loop-turns.ts';
import { checkLeaderEpoch } from '../partitions.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type ListOffsetsRequest = RequestOf<typeof ListOffsets>;
type PartitionAsked = ListOffsetsRequest['topics'][number]['partitions'][number];
type PartitionFound = ResponseOf<typeof ListOffsets>['topics'][number]['partitions'][number];

const LATEST = -1n;
const EARLIEST = -2n;
const MAX_TIMESTAMP = -3n;
const EARLIEST_LOCAL = -4n;
/** The first version in which each special timestamp may be asked for. */
const SPECIAL_SINCE: ReadonlyMap<bigint, number> = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [-5n, 9],
  [-6n, 11],
]);
const NO_TIMESTAMP = -1n;
const NO_EPOCH = -1;
/** The first version whose answer has a leader epoch. */
const LEADER_EPOCH_VERSION = 4;

export async function handleListOffsets(
  services: BrokerServices,
  request: ListOffsetsRequest,
  call: Call,
): Promise<Reply> {
  const duplicates = partitionsAskedTwice(request);
  const topics: ResponseOf<typeof ListOffsets>['topics'][number][] = [];
  const turns = new LoopTurns(services.env.clock);
  for (const { name, partitions } of request.topics) {
    const found: PartitionFound[] = [];
    for (const asked of partitions) {
      if (turns.isDue()) await turns.next();
      try {
        if (duplicates.has(partitionKey(name, asked.partitionIndex))) throw new KafkaError('INVALID_REQUEST');
        found.push(await findOffset(services, request, name, asked, call));
      } catch (error) {
        const { errorCode } = failureOf(services.env.log, error);
        found.push({ ...nothingFound(asked.partitionIndex), errorCode });
      }
    }
    topics.push({ name, partitions: found });
  }
  const message: ResponseOf<typeof ListOffsets> = { throttleTimeMs: services.throttleTimeMs(call.context), topics };
  return { message };
}

async function findOffset(
  services: BrokerServices,
  request: ListOffsetsRequest,
  name: string,
  asked: PartitionAsked,
  { version, context }: Call,
): Promise<PartitionFound> {
  if (!services.authorize(context, 'describe', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  const topic = services.partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  const partition = services.partitions.led(topic, asked.partitionIndex);
  checkLeaderEpoch(partition, asked.currentLeaderEpoch);
  const special = SPECIAL_SINCE.get(asked.timestamp);
  if (asked.timestamp < 0n && (special === undefined || version < special)) throw new KafkaError('UNSUPPORTED_VERSION');
  const log = await services.partitions.log(topic, partition);
  const limit = request.isolationLevel === READ_COMMITTED ? log.lastStableOffset : log.highWatermark;
  const found = await lookUp(log, asked.timestamp, limit);
  await confirmSight(services.session);
  if (found === undefined) return nothingFound(asked.partitionIndex);
  return {
    partitionIndex: asked.partitionIndex,
    errorCode: NO_FAILURE.errorCode,
    timestamp: found.timestamp,
    offset: BigInt(found.offset),
    leaderEpoch: version >= LEADER_EPOCH_VERSION ? found.leaderEpoch : NO_EPOCH,
  };
}

async function lookUp(log: PartitionLog, timestamp: bigint, limit: number): Promise<FoundTimestamp | undefined> {
  switch (timestamp) {
    case LATEST:
      return { offset: limit, timestamp: NO_TIMESTAMP, leaderEpoch: log.leaderEpoch };
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: log.logStartOffset, timestamp: NO_TIMESTAMP, leaderEpoch: log.logStartEpoch };
    default: {
      if (timestamp < MAX_TIMESTAMP) return undefined;
      const found = await (timestamp === MAX_TIMESTAMP
        ? log.offsetOfMaxTimestamp()
        : log.offsetForTimestamp(timestamp));
      return found !== undefined && found.offset < limit ? found : undefined;
    }
  }
}

function nothingFound(partitionIndex: number): PartitionFound {
  return {
    partitionIndex,
    errorCode: NO_FAILURE.errorCode,
    timestamp: NO_TIMESTAMP,
    offset: -1n,
    leaderEpoch: NO_EPOCH,
  };
}

function partitionsAskedTwice(request: ListOffsetsRequest): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = partitionKey(name, partitionIndex);
      if (seen.has(key)) twice.add(key);
      seen.add(key);
    }
  }
  return twice;
}

function partitionKey(name: string, index: number): string {
  return `${name}/${index}`;
}
