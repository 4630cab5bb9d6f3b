import { ListOffsets } from '../protocol/apis/02-list-offsets.ts';
import { errorName, isRetriable, KafkaError } from '../protocol/errors.ts';
import type { RequestOf } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { type Caller, callOnce, pauseBeforeRetry } from './call.ts';
import { ClientError, ConnectionLost } from './client-error.ts';
import type { ConsumeOptions, Isolation, OffsetSpec } from './consumer.ts';
import { describeTopicsByName } from './metadata.ts';
import { refusal } from './refusal.ts';

/** Where an offset is looked for; the leader is learned from Metadata again when it has moved. */
export interface OffsetPlace {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
}

/** ListOffsets' special timestamps. */
export const LATEST = -1n;
export const EARLIEST = -2n;

/**
 * One offset for each place, in their order: the first of that time or later for a timestamp, the log's start for
 * `EARLIEST`, and for `LATEST` what a reader of this isolation may read up to (exclusive). undefined: no record is that late.
 * Throws `ClientError`.
 */
export async function listOffsets(
  caller: Caller,
  places: readonly OffsetPlace[],
  timestamp: bigint,
  isolation: Isolation,
): Promise<(number | undefined)[]> {
  const offsets = new Map<string, number | undefined>();
  const backoff = new Backoff(caller.env.random);
  let open = places;
  while (open.length > 0) {
    const failed = await askLeaders(caller, open, { timestamp, isolation, offsets });
    if (failed === undefined) break;
    const [first] = failed.places;
    const what = `offsets of topic '${first?.topic}' partition ${first?.partition}`;
    await pauseBeforeRetry(caller, backoff, refusal(failed.error.code, what));
    open = await findLeaders(caller, failed.places);
  }
  return places.map((place) => offsets.get(key(place)));
}

interface Question {
  readonly timestamp: bigint;
  readonly isolation: Isolation;
  /** Answers, by place. */
  readonly offsets: Map<string, number | undefined>;
}

interface FailedPlaces {
  readonly error: KafkaError;
  readonly places: readonly OffsetPlace[];
}

async function askLeaders(
  caller: Caller,
  places: readonly OffsetPlace[],
  question: Question,
): Promise<FailedPlaces | undefined> {
  const byLeader = new Map<number, OffsetPlace[]>();
  for (const place of places) {
    const led = byLeader.get(place.leader);
    if (led === undefined) byLeader.set(place.leader, [place]);
    else led.push(place);
  }
  let failed: { error: KafkaError; places: OffsetPlace[] } | undefined;
  for (const [leader, led] of byLeader) {
    const errors =
      leader < 0
        ? led.map((place) => ({ place, error: new KafkaError('LEADER_NOT_AVAILABLE') }))
        : await askLeader(caller, leader, led, question);
    for (const { place, error } of errors) {
      failed ??= { error, places: [] };
      failed.places.push(place);
    }
  }
  return failed;
}

async function askLeader(
  caller: Caller,
  leader: number,
  places: readonly OffsetPlace[],
  { timestamp, isolation, offsets }: Question,
): Promise<{ place: OffsetPlace; error: KafkaError }[]> {
  const topics = [...new Set(places.map(({ topic }) => topic))].map((name) => ({
    name,
    partitions: places
      .filter(({ topic }) => topic === name)
      .map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp })),
  }));
  const answer = await callLeader(caller, leader, {
    replicaId: -1,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    topics,
    timeoutMs: Math.ceil(caller.deadline.attemptMs()),
  });
  if (answer instanceof KafkaError) return places.map((place) => ({ place, error: answer }));
  const answered = new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => [key({ topic: name, partition: partition.partitionIndex }), partition] as const),
    ),
  );
  const errors: { place: OffsetPlace; error: KafkaError }[] = [];
  for (const place of places) {
    const found = answered.get(key(place));
    const name = found === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : errorName(found.errorCode);
    if (found !== undefined && name === 'NONE') {
      offsets.set(key(place), found.offset < 0n ? undefined : Number(found.offset));
    } else if (isRetriable(name) && name !== 'CORRUPT_MESSAGE') {
      errors.push({ place, error: new KafkaError(name) });
    } else {
      throw refusal(found?.errorCode ?? 0, `offsets of topic '${place.topic}' partition ${place.partition}`);
    }
  }
  return errors;
}

async function callLeader(caller: Caller, leader: number, message: RequestOf<typeof ListOffsets>) {
  try {
    return await callOnce(caller, leader, ListOffsets, message);
  } catch (error) {
    // Another broker may lead by now.
    if (error instanceof ConnectionLost) return new KafkaError('NETWORK_EXCEPTION', error.message);
    throw error;
  }
}

async function findLeaders(caller: Caller, places: readonly OffsetPlace[]): Promise<OffsetPlace[]> {
  const topics = await describeTopicsByName(caller, [...new Set(places.map(({ topic }) => topic))]);
  const leaders = new Map(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partition, leader }) => [key({ topic: name, partition }), leader] as const),
    ),
  );
  return places.map((place) => ({ ...place, leader: leaders.get(key(place)) ?? -1 }));
}

/** The offset that `spec` means in each place; for a time that no record has come to yet, the end. */
export async function offsetsOf(
  caller: Caller,
  places: readonly OffsetPlace[],
  spec: OffsetSpec,
  isolation: Isolation,
): Promise<number[]> {
  if (spec.kind === 'offset') return places.map(() => spec.offset);
  if (spec.kind === 'earliest') return await known(caller, places, EARLIEST, isolation);
  if (spec.kind === 'skip') {
    return (await known(caller, places, EARLIEST, isolation)).map((first) => first + spec.count);
  }
  const ends = await known(caller, places, LATEST, isolation);
  if (spec.kind === 'latest') return ends;
  if (spec.kind === 'time') {
    const found = await listOffsets(caller, places, spec.timestampMs, isolation);
    return found.map((offset, index) => offset ?? ends[index] ?? 0);
  }
  const begins = await known(caller, places, EARLIEST, isolation);
  return ends.map((end, index) => Math.max(begins[index] ?? 0, end - spec.count));
}

/** For the special timestamps, to which there is always an answer. */
async function known(
  caller: Caller,
  places: readonly OffsetPlace[],
  timestamp: bigint,
  isolation: Isolation,
): Promise<number[]> {
  const offsets = await listOffsets(caller, places, timestamp, isolation);
  return offsets.map((offset) => offset ?? 0);
}

/** The first offset and the end (exclusive) of each place. */
async function offsetRanges(
  caller: Caller,
  places: readonly OffsetPlace[],
  isolation: Isolation,
): Promise<{ readonly first: number; readonly end: number }[]> {
  const firsts = await known(caller, places, EARLIEST, isolation);
  const ends = await known(caller, places, LATEST, isolation);
  return firsts.map((first, index) => ({ first, end: ends[index] ?? first }));
}

/** The end of a run that was to read where the log holds nothing: `at` is not from `first` to `end`. */
async function outOfRange(caller: Caller, place: OffsetPlace, at: number, isolation: Isolation): Promise<ClientError> {
  const [range] = await offsetRanges(caller, [place], isolation);
  const { first, end } = range ?? { first: 0, end: 0 };
  const where = `topic '${place.topic}' partition ${place.partition}`;
  const gap = at < first ? `; ${first - at} offsets, ${at} to ${first - 1}, are gone` : '';
  return new ClientError('data', `${where}: offset ${at} is not there, the log holds ${first} to ${end}${gap}`);
}

/**
 * Moves a cursor that stands where the log holds nothing, and tells so; throws what there is to say of the gap (`data`) unless the
 * user wants to go on behind it.
 */
export async function crossGap(
  caller: Caller,
  cursor: OffsetPlace & { fetchOffset: number },
  { onGap = 'fail', isolation, note }: Pick<ConsumeOptions, 'onGap' | 'isolation' | 'note'>,
): Promise<void> {
  const gap = await outOfRange(caller, cursor, cursor.fetchOffset, isolation);
  if (onGap === 'fail') throw gap;
  const [offset] = await known(caller, [cursor], onGap === 'earliest' ? EARLIEST : LATEST, isolation);
  cursor.fetchOffset = offset ?? 0;
  note?.(`${gap.message}; going on at ${cursor.fetchOffset}`);
}

function key({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`;
}
