/**
 * Produce (0), versions 3-13; 0-2 are only listed. Each partition's batch is validated and queued by its log in the order of
 * the request; nothing waits between decoding and queueing unless a log has to be opened or a batch to be decompressed,
 * and then the connection holds back its next request. acks=-1 is answered when durable by the topic's mode, acks=1 when
 * written, acks=0 never: an error then closes the connection, so that the client looks at the metadata again.
 *
 * Skipped: current leader and node endpoints in errors (KIP-951), which a client finds out by Metadata; which records of a
 * compressed batch are to blame for an error.
 * Source: KafkaApis.handleProduceRequest, ReplicaManager.appendRecords (Kafka 4.x).
 */

import type { TopicImage } from '../../cluster/cluster-image.ts';
import type { Appended, PartitionLog } from '../../log/partition-log.ts';
import { RecordWithoutKey } from '../../log/validate-batch.ts';
import type { Produce } from '../../protocol/apis/index.ts';
import { errorCode, KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { isInternalTopic } from '../../protocol/topic-names.ts';
import { topicResource } from '../authorize.ts';
import type { Failure } from '../failure.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { checkInSync } from '../in-sync.ts';
import { confirmLease } from '../lease.ts';
import { LoopTurns } from '../loop-turns.ts';
import { recordsOutOfTime, recordsWithoutKey } from '../record-errors.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import { logConfigOf } from '../topic-configs.ts';

type ProduceRequest = RequestOf<typeof Produce>;
type TopicData = ProduceRequest['topicData'][number];
type PartitionData = TopicData['partitionData'][number];
type PartitionResponse = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number];

/** From here on the answer speaks topic ids. */
const TOPIC_ID_VERSION = 13;
const ACKS_ALL = -1;
/** The only client that may write to internal topics. */
const ADMIN_CLIENT_ID = '__admin_client';

/** One partition of the request, and what became of it. */
interface Turn {
  readonly topicData: TopicData;
  readonly data: PartitionData;
  readonly acks: number;
  appended?: Appended;
  failure?: Failure;
  /** The records to blame for the failure, by their index in the batch. */
  blamedRecords?: readonly number[];
  settled: boolean;
}

export async function handleProduce(services: BrokerServices, request: ProduceRequest, call: Call): Promise<Reply> {
  const turns = request.topicData.flatMap((topicData) =>
    topicData.partitionData.map((data): Turn => ({ topicData, data, acks: request.acks, settled: false })),
  );
  if (request.acks < ACKS_ALL || request.acks > 1) {
    const failure = { errorCode: errorCode('INVALID_REQUIRED_ACKS'), errorMessage: null };
    for (const turn of turns) turn.failure = failure;
    return reply(services, request, turns, call);
  }
  const queueing = services.session.holdsLease()
    ? appendFrom(services, turns, 0, call)
    : appendOnceLeased(services, turns, call);
  if (queueing !== undefined) {
    call.context.hold(queueing);
    await queueing;
  }
  call.context.retain(Promise.allSettled(turns.map((turn) => turn.appended?.written)));
  if (request.acks === 0) return silence(turns);
  await settle(services, turns, request.acks === 1 ? 'written' : 'committed', request.timeoutMs);
  await loseUnlessLeased(services, turns);
  return reply(services, request, turns, call);
}

/**
 * Queues the batches from the given turn on; a promise only when one of them has to wait for something, or when there are so many
 * that others must have their turn. Never rejects.
 */
function appendFrom(
  services: BrokerServices,
  turns: readonly Turn[],
  start: number,
  call: Call,
  loopTurns = new LoopTurns(services.env.clock),
): Promise<void> | undefined {
  for (let index = start; index < turns.length; index += 1) {
    const turn = turns[index];
    if (turn === undefined) break;
    if (loopTurns.isDue()) return loopTurns.next().then(() => appendFrom(services, turns, index, call, loopTurns));
    const queueing = appendOne(services, turn, call);
    if (queueing !== undefined) return queueing.then(() => appendFrom(services, turns, index + 1, call, loopTurns));
  }
  return undefined;
}

/** A lapse of the lease delays appends; when somebody else has become the broker they fail. Never rejects. */
async function appendOnceLeased(services: BrokerServices, turns: readonly Turn[], call: Call): Promise<void> {
  await loseUnlessLeased(services, turns);
  if (turns.every(({ failure }) => failure === undefined)) await appendFrom(services, turns, 0, call);
}

function appendOne(services: BrokerServices, turn: Turn, call: Call): Promise<void> | undefined {
  const fail = (error: unknown): void => {
    turn.failure = failureOf(services.env.log, error);
    turn.blamedRecords = blamedRecords(services, turn, error, call);
  };
  const accept = (appended: Appended): void => {
    turn.appended = appended;
    // Whoever needs to know waits for them as well; a failure must not go unheard for the others.
    appended.written.catch(() => undefined);
    appended.committed.catch(() => undefined);
  };
  try {
    const topic = writableTopic(services, turn.topicData, call);
    const partition = services.partitions.led(topic, turn.data.index);
    const log = services.partitions.log(topic, partition);
    const appendTo = (opened: PartitionLog): Appended | Promise<Appended> => {
      if (turn.acks === ACKS_ALL) checkInSync(partition, opened.minInsyncReplicas);
      return opened.append({
        records: turn.data.records ?? [],
        origin: 'client',
        leaderEpoch: partition.leaderEpoch,
        apiVersion: call.version,
      });
    };
    const appended = log instanceof Promise ? log.then(appendTo) : appendTo(log);
    if (appended instanceof Promise) return appended.then(accept, fail);
    accept(appended);
  } catch (error) {
    fail(error);
  }
  return undefined;
}

/** Throws KafkaError when the topic is not there or not for this client. */
function writableTopic(services: BrokerServices, topicData: TopicData, { version, context }: Call): TopicImage {
  const byId = version >= TOPIC_ID_VERSION;
  const topic = findTopic(services, topicData, version);
  const name = topic?.name ?? topicData.name;
  if (!services.authorize(context, 'write', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  if (topic === undefined) throw new KafkaError(byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION');
  if (isInternalTopic(topic.name) && context.clientId !== ADMIN_CLIENT_ID) {
    throw new KafkaError('INVALID_TOPIC_EXCEPTION', `clients may not write to ${topic.name}`);
  }
  return topic;
}

function findTopic(
  { partitions }: BrokerServices,
  { name, topicId }: TopicData,
  version: number,
): TopicImage | undefined {
  return version >= TOPIC_ID_VERSION ? partitions.topicWithId(topicId) : partitions.topicNamed(name);
}

function blamedRecords(
  services: BrokerServices,
  { topicData, data }: Turn,
  error: unknown,
  { version }: Call,
): readonly number[] {
  const [bytes] = data.records ?? [];
  const topic = findTopic(services, topicData, version);
  if (bytes !== undefined && error instanceof RecordWithoutKey) return recordsWithoutKey(bytes);
  const isOutOfTime = error instanceof KafkaError && error.errorName === 'INVALID_TIMESTAMP';
  if (!isOutOfTime || topic === undefined || bytes === undefined) return [];
  const config = logConfigOf(topic.configs, services.settings.explicit);
  return recordsOutOfTime(bytes, config, services.env.clock.wallMs());
}

/** Waits until every append reached the stage, at most `timeoutMs`; what is not there by then has timed out. */
async function settle(
  services: BrokerServices,
  turns: readonly Turn[],
  stage: 'written' | 'committed',
  timeoutMs: number,
): Promise<void> {
  const settling = Promise.all(
    turns.map(async (turn) => {
      try {
        await turn.appended?.[stage];
      } catch (error) {
        turn.failure ??= failureOf(services.env.log, error);
      }
      turn.settled = true;
    }),
  );
  if (stage === 'written') {
    await settling;
    return;
  }
  await new Promise<void>((resolve) => {
    const deadline = services.deadlines.after(timeoutMs, resolve);
    settling.then(
      () => {
        deadline.cancel();
        resolve();
      },
      () => undefined,
    );
  });
  for (const turn of turns) {
    if (!turn.settled) turn.failure ??= { errorCode: errorCode('REQUEST_TIMED_OUT'), errorMessage: null };
  }
}

/** Nothing is acknowledged by a process that may no longer be this broker. */
async function loseUnlessLeased(services: BrokerServices, turns: readonly Turn[]): Promise<void> {
  if (services.session.holdsLease()) return;
  try {
    await confirmLease(services.session);
  } catch (error) {
    const failure = failureOf(services.env.log, error);
    for (const turn of turns) turn.failure ??= failure;
  }
}

function silence(turns: readonly Turn[]): Reply {
  return { message: undefined, closeConnection: turns.some((turn) => turn.failure !== undefined) };
}

function reply(services: BrokerServices, request: ProduceRequest, turns: readonly Turn[], { context }: Call): Reply {
  let next = 0;
  const message: ResponseOf<typeof Produce> = {
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => partitionResponse(index, turns[next++])),
    })),
    throttleTimeMs: services.throttleTimeMs(context),
    nodeEndpoints: [],
  };
  return { message };
}

function partitionResponse(index: number, turn: Turn | undefined): PartitionResponse {
  const appended = turn?.failure === undefined ? turn?.appended : undefined;
  const failure = turn?.failure ?? NO_FAILURE;
  return {
    index,
    errorCode: failure.errorCode,
    baseOffset: BigInt(appended?.baseOffset ?? -1),
    logAppendTimeMs: appended?.logAppendTimeMs ?? -1n,
    logStartOffset: BigInt(appended?.logStartOffset ?? -1),
    recordErrors: (turn?.blamedRecords ?? []).map((batchIndex) => ({
      batchIndex,
      batchIndexErrorMessage: failure.errorMessage,
    })),
    errorMessage: failure.errorMessage,
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
  };
}
