/**
 * One look at all partitions of a fetch: what is there is read, what is wrong is noted. A fetch that finds too little
 * throws the pass away and makes another when something has moved.
 */

import type { PartitionImage, TopicImage } from '../cluster/cluster-image.ts';
import type { LogRead, PartitionLog } from '../log/partition-log.ts';
import type { Fetch } from '../protocol/apis/index.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { RequestOf } from '../protocol/schema.ts';
import { topicResource } from './authorize.ts';
import type { Failure } from './failure.ts';
import { failureOf } from './failure.ts';
import { afterRead, type FetchPlan, fetchPlan, grantRead } from './fetch-plan.ts';
import { LoopTurns } from './loop-turns.ts';
import { checkLeaderEpoch } from './partitions.ts';
import type { BrokerServices, Call } from './services.ts';

type FetchRequest = RequestOf<typeof Fetch>;
export type TopicAsked = FetchRequest['topics'][number];
export type PartitionAsked = TopicAsked['partitions'][number];
type Isolation = 'read_uncommitted' | 'read_committed';

/** Kafka's isolation level by which only what is committed is shown. */
export const READ_COMMITTED = 1;
/** From here on the request speaks topic ids. */
const TOPIC_ID_VERSION = 13;

type LogOffsets = Pick<LogRead, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'>;

/** One partition of the request and what the pass found. Offsets are undefined only beside a failure. */
export interface PartitionFound {
  readonly asked: PartitionAsked;
  readonly failure?: Failure;
  readonly log?: PartitionLog;
  readonly diverging?: { readonly leaderEpoch: number; readonly endOffset: number };
  readonly read?: LogRead;
  /** Of the look, beside `log`: the log may go on before the answer does, which must not tell of what is not in it. */
  readonly offsets?: LogOffsets;
}

export interface FetchPass {
  /** In the order of the request, all topics in one row. */
  readonly found: readonly PartitionFound[];
  readonly byteCount: number;
  /** A failure or a divergence: the answer goes out at once. */
  readonly isUrgent: boolean;
  /** Gives the memory of what was read back; once, and not when the pass has been released by its answer. */
  release(): void;
}

export function isolationOf(request: FetchRequest): Isolation {
  return request.isolationLevel === READ_COMMITTED ? 'read_committed' : 'read_uncommitted';
}

/** The offset up to which a consumer may read, exclusive. */
export function readLimit(log: PartitionLog, isolation: Isolation): number {
  return isolation === 'read_committed' ? log.lastStableOffset : log.highWatermark;
}

/**
 * Never rejects. `takenBytes` have been taken from the fetch memory; with 0 of them nothing is read, which is the answer of a
 * broker that is stopping.
 */
export async function makeFetchPass(
  services: BrokerServices,
  request: FetchRequest,
  call: Call,
  takenBytes: number,
): Promise<FetchPass> {
  const isolation = isolationOf(request);
  let plan = fetchPlan(takenBytes);
  let byteCount = 0;
  let heldBytes = 0;
  const found: PartitionFound[] = [];
  const turns = new LoopTurns(services.env.clock);
  for (const topic of request.topics) {
    for (const asked of topic.partitions) {
      if (turns.isDue()) await turns.next();
      const result = await lookAt(services, topic, asked, isolation, takenBytes === 0 ? undefined : plan, call);
      found.push(result);
      const readBytes = result.read?.byteCount ?? 0;
      plan = afterRead(plan, readBytes);
      byteCount += readBytes;
      heldBytes += result.read?.heldBytes ?? 0;
    }
  }
  services.fetchMemory.adjust(call.context.connectionId, heldBytes - takenBytes);
  return {
    found,
    byteCount,
    isUrgent: found.some(({ failure, diverging }) => failure !== undefined || diverging !== undefined),
    release: () => {
      for (const { read } of found) read?.release();
      services.fetchMemory.adjust(call.context.connectionId, -heldBytes);
    },
  };
}

async function lookAt(
  services: BrokerServices,
  topicAsked: TopicAsked,
  asked: PartitionAsked,
  isolation: Isolation,
  plan: FetchPlan | undefined,
  call: Call,
): Promise<PartitionFound> {
  try {
    const { topic, partition } = readablePartition(services, topicAsked, asked, call);
    const opening = services.partitions.log(topic, partition);
    const log = opening instanceof Promise ? await opening : opening;
    checkUndamaged(log, asked.fetchOffset);
    const diverging = divergence(log, asked);
    if (diverging !== undefined) return { asked, log, offsets: offsetsOf(log), diverging };
    const offset = checkedOffset(log, asked.fetchOffset);
    const grant = plan === undefined ? undefined : grantRead(plan, asked.partitionMaxBytes);
    if (grant === undefined || offset >= readLimit(log, isolation)) return { asked, log, offsets: offsetsOf(log) };
    // The client in our own process compares the CRC of each batch (client/fetched-batches.ts), others need not.
    const crcBy = call.context.listener === 'embedded' ? 'reader' : 'log';
    const read = await log.read({ offset, ...grant, isolation, upTo: 'highWatermark', crcBy });
    return { asked, log, offsets: read, read };
  } catch (error) {
    return { asked, failure: failureOf(services.env.log, error) };
  }
}

function offsetsOf({ highWatermark, lastStableOffset, logStartOffset }: PartitionLog): LogOffsets {
  return { highWatermark, lastStableOffset, logStartOffset };
}

/** Throws KafkaError when the partition is not there, not ours, or not for this client. */
function readablePartition(
  services: BrokerServices,
  topicAsked: TopicAsked,
  asked: PartitionAsked,
  { version, context }: Call,
): { topic: TopicImage; partition: PartitionImage } {
  const byId = version >= TOPIC_ID_VERSION;
  const topic = byId
    ? services.partitions.topicWithId(topicAsked.topicId)
    : services.partitions.topicNamed(topicAsked.topic);
  const name = topic?.name ?? topicAsked.topic;
  if (!services.authorize(context, 'read', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  if (topic === undefined) throw new KafkaError(byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION');
  const partition = services.partitions.led(topic, asked.partition);
  checkLeaderEpoch(partition, asked.currentLeaderEpoch);
  return { topic, partition };
}

/**
 * Throws KafkaError CORRUPT_MESSAGE from the damage of a log on, also above its end: what the log held there is not known, and
 * to say that it parts from the client's, or that the offset is out of range, would have clients go on elsewhere without a word.
 */
function checkUndamaged(log: PartitionLog, fetchOffset: bigint): void {
  const { name, damagedAt, logStartOffset } = log;
  if (damagedAt === undefined || fetchOffset < BigInt(Math.max(damagedAt, logStartOffset))) return;
  throw new KafkaError('CORRUPT_MESSAGE', `${name} is damaged at offset ${damagedAt}`);
}

/**
 * Where the log of a client that last read under `lastFetchedEpoch` parts from ours (KIP-595); undefined when it does not.
 * Throws KafkaError OFFSET_OUT_OF_RANGE when that epoch is not known here at all.
 */
function divergence(log: PartitionLog, asked: PartitionAsked): PartitionFound['diverging'] {
  if (asked.lastFetchedEpoch < 0) return undefined;
  const end = log.endOffsetFor(asked.lastFetchedEpoch);
  if (end.leaderEpoch < 0 || end.endOffset < 0) throw new KafkaError('OFFSET_OUT_OF_RANGE');
  if (end.leaderEpoch >= asked.lastFetchedEpoch && BigInt(end.endOffset) >= asked.fetchOffset) return undefined;
  return end;
}

/** Throws KafkaError OFFSET_OUT_OF_RANGE outside [log start, log end]; between high watermark and log end is fine. */
function checkedOffset(log: PartitionLog, fetchOffset: bigint): number {
  if (fetchOffset < BigInt(log.logStartOffset) || fetchOffset > BigInt(log.logEndOffset)) {
    throw new KafkaError('OFFSET_OUT_OF_RANGE');
  }
  return Number(fetchOffset);
}
