/**
 * Fetch (1), versions 4-18. Whole batches, the partitions in the order of the request, the total and each partition within
 * their limits, except that the first batch always comes whole. A fetch that finds less than minBytes waits for
 * an append, at most maxWaitMs; an error or a divergence is told at once. Records are empty, never null.
 *
 * Sessions are declined: every answer has session id 0 and lists every partition asked for, and a request that goes on with a
 * session that was never given gets FETCH_SESSION_ID_NOT_FOUND. A replica id is refused until there are followers.
 *
 * Skipped: preferred read replicas (KIP-392); current leader and node endpoints in errors (KIP-951).
 * Source: KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages and readFromLog, DelayedFetch (Kafka 4.x).
 */

import type { Fetch } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import type { FetchPass, PartitionFound } from '../fetch-pass.ts';
import { isolationOf, makeFetchPass, readLimit } from '../fetch-pass.ts';
import { confirmSight } from '../lease.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type FetchRequest = RequestOf<typeof Fetch>;
type FetchResponse = ResponseOf<typeof Fetch>;
type PartitionData = FetchResponse['responses'][number]['partitions'][number];

/** No client waits longer than this, whatever it asks for (B-7). */
const WAIT_MS_MAX = 300_000;
/** Epochs of a request that stands for itself: a new session, or none. */
const SESSIONLESS_EPOCHS: readonly number[] = [0, -1];
const NO_SESSION = 0;

export async function handleFetch(services: BrokerServices, request: FetchRequest, call: Call): Promise<Reply> {
  if (!SESSIONLESS_EPOCHS.includes(request.sessionEpoch)) {
    return { message: response(services, call, errorCode('FETCH_SESSION_ID_NOT_FOUND'), []) };
  }
  if (request.replicaId >= 0 || request.replicaState.replicaId >= 0) {
    return refuseReplica(services, request, call);
  }
  const pass = await fetchWhenEnough(services, request, call);
  try {
    if (!services.session.maySee()) await confirmSight(services.session);
  } catch (error) {
    pass.release();
    return refuseAll(services, request, call, failureOf(services.env.log, error).errorCode);
  }
  return answer(services, request, call, pass);
}

/** The pass that is answered: with enough bytes, or urgent, or the last one when time is up. */
async function fetchWhenEnough(services: BrokerServices, request: FetchRequest, call: Call): Promise<FetchPass> {
  const { clock } = services.env;
  const { connectionId, departure } = call.context;
  let untilMs = clock.monotonicMs() + Math.min(request.maxWaitMs, WAIT_MS_MAX);
  const answerBytesMax = Math.max(1, Math.min(request.maxBytes, services.settings.number('fetch.max.bytes')));
  for (;;) {
    const takenBytes = await services.fetchMemory.take(connectionId, answerBytesMax);
    const pass = await makeFetchPass(services, request, call, takenBytes);
    const timeoutMs = untilMs - clock.monotonicMs();
    const isEnough = pass.byteCount >= request.minBytes || pass.isUrgent || pass.found.length === 0;
    if (isEnough || timeoutMs <= 0 || takenBytes === 0) return pass;
    const isReady = readiness(pass, request);
    const logs = pass.found.flatMap(({ log }) => (log === undefined ? [] : [log]));
    const partitionCount = pass.found.length;
    pass.release();
    const waiting = { logs, timeoutMs, isReady, departure, connectionId, partitionCount };
    const end = await services.purgatory.wait(waiting);
    if (end === 'stopped') return makeFetchPass(services, request, call, 0);
    if (end === 'full') untilMs = clock.monotonicMs();
  }
}

/**
 * Whether it is worth looking again. After a pass that found nothing anything new may be enough; after one that found too
 * little, the bytes are estimated from the sizes of the records seen, so that a large minBytes does not mean
 * reading the same beginning again with each append.
 */
function readiness(pass: FetchPass, request: FetchRequest): () => boolean {
  const isolation = isolationOf(request);
  const watched = pass.found.flatMap(({ log, asked, read }) => {
    if (log === undefined) return [];
    const limit = readLimit(log, isolation);
    return [{ log, limit, recordCount: read === undefined ? 0 : limit - Number(asked.fetchOffset) }];
  });
  const seenCount = watched.reduce((sum, { recordCount }) => sum + recordCount, 0);
  const bytesPerRecord = seenCount > 0 && pass.byteCount > 0 ? pass.byteCount / seenCount : Number.POSITIVE_INFINITY;
  return () => {
    let newCount = 0;
    for (const { log, limit } of watched) {
      const now = readLimit(log, isolation);
      if (log.failed !== undefined || log.damagedAt !== undefined || log.closed || now < limit) return true;
      newCount += now - limit;
    }
    return newCount > 0 && pass.byteCount + newCount * bytesPerRecord >= request.minBytes;
  };
}

function answer(services: BrokerServices, request: FetchRequest, call: Call, pass: FetchPass): Reply {
  let next = 0;
  const isolation = isolationOf(request);
  const responses = request.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => partitionData(partition, pass.found[next++], isolation)),
  }));
  return { message: response(services, call, NO_FAILURE.errorCode, responses), release: () => pass.release() };
}

function partitionData(
  partitionIndex: number,
  found: PartitionFound | undefined,
  isolation: 'read_uncommitted' | 'read_committed',
): PartitionData {
  const { failure, offsets, read, diverging } = found ?? {};
  const data = emptyPartition(partitionIndex, failure?.errorCode ?? NO_FAILURE.errorCode);
  if (offsets === undefined) return data;
  return {
    ...data,
    highWatermark: BigInt(offsets.highWatermark),
    lastStableOffset: BigInt(offsets.lastStableOffset),
    logStartOffset: BigInt(offsets.logStartOffset),
    divergingEpoch:
      diverging === undefined
        ? data.divergingEpoch
        : { epoch: diverging.leaderEpoch, endOffset: BigInt(diverging.endOffset) },
    abortedTransactions: isolation === 'read_committed' ? abortedTransactions(read) : null,
    records: read?.slices ?? [],
  };
}

function abortedTransactions(read: PartitionFound['read']): { producerId: bigint; firstOffset: bigint }[] {
  return (read?.abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({
    producerId,
    firstOffset: BigInt(firstOffset),
  }));
}

/** As Kafka answers a follower that may not be one. */
function refuseReplica(services: BrokerServices, request: FetchRequest, call: Call): Reply {
  return refuseAll(services, request, call, errorCode('TOPIC_AUTHORIZATION_FAILED'));
}

function refuseAll(services: BrokerServices, request: FetchRequest, call: Call, code: number): Reply {
  const responses = request.topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => emptyPartition(partition, code)),
  }));
  return { message: response(services, call, NO_FAILURE.errorCode, responses) };
}

function emptyPartition(partitionIndex: number, code: number): PartitionData {
  return {
    partitionIndex,
    errorCode: code,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    divergingEpoch: { epoch: -1, endOffset: -1n },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: { endOffset: -1n, epoch: -1 },
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: [],
  };
}

function response(
  services: BrokerServices,
  { context }: Call,
  code: number,
  responses: FetchResponse['responses'],
): FetchResponse {
  return {
    throttleTimeMs: services.throttleTimeMs(context),
    errorCode: code,
    sessionId: NO_SESSION,
    responses,
    nodeEndpoints: [],
  };
}
