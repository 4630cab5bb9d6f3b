import type { Fetch } from '../protocol/apis/01-fetch.ts';
import { type RequestOf, type ResponseOf, ZERO_UUID } from '../protocol/schema.ts';
import type { Isolation } from './consumer.ts';

/** From this version on Fetch names topics by id only. */
export const FETCH_BY_ID_VERSION = 13;

/** One answer holds about so much; more gains nothing, less costs round trips (performance.md section 2). */
const FETCH_BYTES = 4 << 20;
/** How long the broker waits for the first record. */
export const FETCH_WAIT_MS = 500;
const INT64_MAX = 9223372036854775807n;

/** One partition that is read, and how far. */
export interface PartitionCursor {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  leader: number;
  leaderEpoch: number;
  /** What is asked for next. */
  fetchOffset: number;
  /** Reading ends before this offset; Infinity when it follows. */
  readonly untilOffset: number;
  /** Up to where its text is on its way to the output; undefined where nobody asked for marks, or before the first. */
  decodedOffset?: number;
  /** Monotonic milliseconds since when nothing good came for it; undefined while all is well. */
  failingSinceMs: number | undefined;
}

export type FetchedPartition = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

export function fetchRequest(
  cursors: readonly PartitionCursor[],
  version: number,
  isolation: Isolation,
): RequestOf<typeof Fetch> {
  const byId = version >= FETCH_BY_ID_VERSION;
  const byTopic = new Map<string, PartitionCursor[]>();
  for (const cursor of cursors) {
    const partitions = byTopic.get(cursor.topic);
    if (partitions === undefined) byTopic.set(cursor.topic, [cursor]);
    else partitions.push(cursor);
  }
  return {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: -1, replicaEpoch: -1n },
    maxWaitMs: FETCH_WAIT_MS,
    minBytes: 1,
    maxBytes: FETCH_BYTES,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    // No fetch session: each request names all it wants.
    sessionId: 0,
    sessionEpoch: -1,
    topics: [...byTopic].map(([topic, partitions]) => ({
      topic: byId ? '' : topic,
      topicId: byId ? (partitions[0]?.topicId ?? ZERO_UUID) : ZERO_UUID,
      partitions: partitions.map((cursor) => ({
        partition: cursor.partition,
        currentLeaderEpoch: cursor.leaderEpoch,
        fetchOffset: BigInt(cursor.fetchOffset),
        lastFetchedEpoch: -1,
        logStartOffset: -1n,
        partitionMaxBytes: FETCH_BYTES,
        replicaDirectoryId: ZERO_UUID,
        highWatermark: INT64_MAX,
      })),
    })),
    forgottenTopicsData: [],
    rackId: '',
  };
}

/** The answer's partitions beside the cursors that asked for them; what was not asked for is left out. */
export function matchAnswer(
  cursors: readonly PartitionCursor[],
  { responses }: ResponseOf<typeof Fetch>,
): { readonly cursor: PartitionCursor; readonly fetched: FetchedPartition }[] {
  const byPlace = new Map<string, PartitionCursor>();
  for (const cursor of cursors) {
    byPlace.set(`${cursor.partition}/${cursor.topic}`, cursor);
    byPlace.set(`${cursor.partition}/${cursor.topicId}`, cursor);
  }
  return responses.flatMap(({ topic, topicId, partitions }) =>
    partitions.flatMap((fetched) => {
      const cursor = byPlace.get(`${fetched.partitionIndex}/${topic === '' ? topicId : topic}`);
      return cursor === undefined ? [] : [{ cursor, fetched }];
    }),
  );
}
