/** When the records were written that a group reads next: what makes lag a time. */
import { Fetch } from '../protocol/apis/01-fetch.ts';
import { KafkaError } from '../protocol/errors.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecOf, decompress } from '../protocol/records/compression.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import { ZERO_UUID } from '../protocol/schema.ts';
import { type Caller, pickVersion } from './call.ts';
import { ClientError, ConnectionLost } from './client-error.ts';
import { openBatch, RECORDS_BYTES_MAX } from './decodable-batch.ts';
import {
  FETCH_BY_ID_VERSION,
  type FetchedPartition,
  fetchRequest,
  matchAnswer,
  type PartitionCursor,
} from './fetch-request.ts';
import { checkBatch, type FetchedBatch, TransactionFilter, wholeBatches } from './fetched-batches.ts';
import { CursorView } from './record-decoder.ts';

/** Where a group reads next; records from `fetchOffset` to `untilOffset` (exclusive) are looked at. */
export type UnreadPlace = PartitionCursor;

/** One record of each is wanted; a partition whose first batch is larger gets a round of its own. */
const PARTITION_BYTES = 16 << 10;
const PARTITIONS_AT_A_TIME = 200;

/**
 * The time of the first record at or after each place's `fetchOffset`, in milliseconds since the epoch, by the place. Missing for those
 * that have no record with a time, whose records cannot be read, or whose leader does not answer.
 */
export async function firstTimesMs(
  caller: Caller,
  places: readonly UnreadPlace[],
): Promise<ReadonlyMap<UnreadPlace, number>> {
  const found = new Map<UnreadPlace, number>();
  for (const leader of new Set(places.map((place) => place.leader))) {
    const open = places.filter((place) => place.leader === leader);
    while (open.length > 0 && !caller.deadline.passed) {
      await askSome(caller, leader, open.splice(0, PARTITIONS_AT_A_TIME), { found, again: open });
    }
  }
  return found;
}

interface Search {
  readonly found: Map<UnreadPlace, number>;
  /** Takes what is to be asked for once more. */
  readonly again: UnreadPlace[];
}

async function askSome(caller: Caller, leader: number, asked: readonly UnreadPlace[], search: Search): Promise<void> {
  const { transport, deadline } = caller;
  try {
    const isNamed = asked.some(({ topicId }) => topicId === ZERO_UUID);
    const highest = isNamed ? FETCH_BY_ID_VERSION - 1 : Fetch.versions.max;
    const version = pickVersion(Fetch, await transport.versions(leader), highest);
    const reply = await transport.request(leader, Fetch, version, smallRequest(asked, version), deadline.attemptMs());
    try {
      await read(asked, reply.message, search);
    } finally {
      reply.release();
    }
  } catch (error) {
    // A time is told where it can be: who asks for lag wants the records all the same.
    if (!(error instanceof ConnectionLost) && !(error instanceof ClientError)) throw error;
  }
}

function smallRequest(places: readonly UnreadPlace[], version: number) {
  const request = fetchRequest(places, version, 'read_uncommitted');
  const topics = request.topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((partition) => ({ ...partition, partitionMaxBytes: PARTITION_BYTES })),
  }));
  return { ...request, maxWaitMs: 0, topics };
}

async function read(asked: readonly UnreadPlace[], answer: ResponseOf<typeof Fetch>, search: Search): Promise<void> {
  const silent: UnreadPlace[] = [];
  let isAnyHeard = false;
  for (const { cursor, fetched } of matchAnswer(asked, answer)) {
    if (fetched.errorCode !== 0) continue;
    const read = await firstOf(cursor, fetched).catch(unreadable);
    if (read === undefined) {
      isAnyHeard = true;
      continue;
    }
    if (read.timeMs !== undefined) search.found.set(cursor, read.timeMs);
    isAnyHeard ||= read.timeMs !== undefined || read.nextOffset > cursor.fetchOffset;
    if (read.timeMs !== undefined || read.nextOffset >= cursor.untilOffset) continue;
    if (read.nextOffset === cursor.fetchOffset) silent.push(cursor);
    else {
      cursor.fetchOffset = read.nextOffset;
      search.again.push(cursor);
    }
  }
  // An answer is never empty for a partition that is asked for first and has something: then there is nothing there.
  if (isAnyHeard) search.again.push(...silent);
  else search.again.push(...silent.slice(1));
}

/** The first record's time; without one `nextOffset` is behind all that was fetched. */
async function firstOf(
  place: UnreadPlace,
  fetched: FetchedPartition,
): Promise<{ readonly timeMs: number | undefined; readonly nextOffset: number }> {
  const where = `topic '${place.topic}' partition ${place.partition}`;
  const filter = new TransactionFilter(null);
  let nextOffset = place.fetchOffset;
  for (const item of wholeBatches(fetched.records ?? [])) {
    checkBatch(item, where);
    const lastOffset = batch.lastOffset(item.bytes, item.position);
    const isWanted = filter.wants(item) && batch.recordCount(item.bytes, item.position) > 0;
    if (isWanted && lastOffset >= place.fetchOffset) {
      const timeMs = await timeIn(item, place);
      if (timeMs !== undefined) return { timeMs, nextOffset };
    }
    nextOffset = Math.max(nextOffset, lastOffset + 1);
  }
  return { timeMs: undefined, nextOffset };
}

/** Records of one partition that are damaged, or of a codec that is not there, do not keep those of the others from being looked at. */
function unreadable(error: unknown): undefined {
  if (error instanceof ClientError || error instanceof KafkaError || error instanceof RangeError) return undefined;
  throw error;
}

async function timeIn(item: FetchedBatch, place: UnreadPlace): Promise<number | undefined> {
  if (codecOf(batch.attributes(item.bytes, item.position)) === undefined) return undefined;
  const wanted = { fromOffset: place.fetchOffset, untilOffset: place.untilOffset };
  const decodable = await openBatch(place, item, wanted, (codec, packed) =>
    decompress(codec, packed, RECORDS_BYTES_MAX),
  );
  const cursor = decodable.cursor();
  while (decodable.recordsLeft > 0) {
    decodable.nextRecord(cursor);
    if (cursor.offsetDelta < decodable.fromDelta) continue;
    const { timestamp } = new CursorView(decodable.facts, cursor);
    return timestamp < 0n ? undefined : Number(timestamp);
  }
  return undefined;
}
