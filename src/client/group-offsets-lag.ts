/** How far a group is behind: each partition's committed offset beside where its log begins and ends. */
import { Metadata } from '../protocol/apis/03-metadata.ts';
import { problemWithTopicName } from '../protocol/topic-names.ts';
import { callerOf } from './admin.ts';
import { type Caller, call } from './call.ts';
import { describeGroup, type GroupAdmin, type GroupDescription, type GroupMemberDescription } from './group-admin.ts';
import { type GroupPartition, partitionKey } from './group-offsets.ts';
import { byPlace, type CommittedOffset, fetchGroupOffsets } from './group-offsets-admin.ts';
import { firstTimesMs } from './group-offsets-times.ts';
import { topicsRequest } from './metadata.ts';
import { EARLIEST, LATEST, listOffsets, type OffsetPlace } from './offsets.ts';
import { ANY_NODE } from './transport.ts';

export interface PartitionLag extends GroupPartition {
  /** null: nothing is committed. */
  readonly committedOffset: number | null;
  readonly leaderEpoch: number | null;
  readonly metadata: string | null;
  /** null: the partition is not there, or has no leader now. */
  readonly logStartOffset: number | null;
  readonly logEndOffset: number | null;
  /** Records from the committed offset to the end, 0 behind the end; null where one of both is not known. */
  readonly lag: number | null;
  /** How long ago the first record was written that is not committed; 0 without lag; null where nobody knows, or did not ask. */
  readonly lagMs: number | null;
  /** What is odd about the committed offset. */
  readonly problem: 'deleted' | 'offline' | 'before-start' | 'beyond-end' | null;
  /** The member that has the partition now. */
  readonly member: GroupMemberDescription | null;
}

export interface GroupLag {
  readonly group: GroupDescription;
  /** Those with a committed offset or a member, by topic and partition. */
  readonly partitions: readonly PartitionLag[];
}

export interface LogRange {
  readonly start: number;
  readonly end: number;
}

interface KnownPartition extends OffsetPlace {
  readonly topicId: string;
  readonly range: LogRange | undefined;
}

/** `not-found` for a group that is not there. `topics` undefined: all of them; `times`: whether `lagMs` is wanted. */
export async function groupLag(
  admin: GroupAdmin,
  groupId: string,
  { topics, times }: { readonly topics?: ReadonlySet<string> | undefined; readonly times: boolean },
): Promise<GroupLag> {
  const group = await describeGroup(admin, groupId);
  const committed = new Map((await fetchGroupOffsets(admin, groupId)).map((offset) => [partitionKey(offset), offset]));
  const owners = ownersOf(group);
  const places = placesOf(committed, owners).filter(({ topic }) => topics === undefined || topics.has(topic));
  const known = await logRanges(admin, places);
  const lags = places.map((place) => {
    const key = partitionKey(place);
    return lagOf(place, committed.get(key), known.get(key), owners.get(key)?.member ?? null);
  });
  return { group, partitions: times ? await withTimes(admin, lags, known) : lags };
}

/** What is there of these partitions, by `partitionKey`; those without a leader have no range. One that is not there is left out. */
export async function logRanges(
  admin: GroupAdmin,
  places: readonly GroupPartition[],
): Promise<ReadonlyMap<string, KnownPartition>> {
  const caller = callerOf(admin);
  const found = await findPartitions(caller, new Set(places.map(({ topic }) => topic)));
  const wanted = places.flatMap((place) => found.get(partitionKey(place)) ?? []);
  const led = wanted.filter(({ leader }) => leader >= 0);
  const [starts, ends] = await Promise.all(
    [EARLIEST, LATEST].map((timestamp) => listOffsets(caller, led, timestamp, 'read_uncommitted')),
  );
  const known = new Map<string, KnownPartition>(
    wanted.map((place) => [partitionKey(place), { ...place, range: undefined }]),
  );
  for (const [index, place] of led.entries()) {
    const start = starts?.[index] ?? 0;
    known.set(partitionKey(place), { ...place, range: { start, end: ends?.[index] ?? start } });
  }
  return known;
}

/** All partitions of the topics; topics that are not there are left out. By topic and partition. */
export async function partitionsOf(admin: GroupAdmin, topics: ReadonlySet<string>): Promise<GroupPartition[]> {
  const found = await findPartitions(callerOf(admin), topics);
  return [...found.values()].map(({ topic, partition }) => ({ topic, partition })).sort(byPlace);
}

async function findPartitions(
  caller: Caller,
  names: ReadonlySet<string>,
): Promise<Map<string, Omit<KnownPartition, 'range'>>> {
  const found = new Map<string, Omit<KnownPartition, 'range'>>();
  // The protocol has no room for some that no topic can have.
  const possible = [...names].filter((name) => problemWithTopicName(name) === undefined);
  if (possible.length === 0) return found;
  const answer = await call(caller, ANY_NODE, Metadata, topicsRequest(possible));
  for (const { name, topicId, errorCode, partitions } of answer.topics) {
    if (errorCode !== 0 || name === null) continue;
    for (const { partitionIndex, leaderId } of partitions) {
      const place = { topic: name, partition: partitionIndex };
      found.set(partitionKey(place), { ...place, topicId, leader: leaderId });
    }
  }
  return found;
}

interface Owned extends GroupPartition {
  readonly member: GroupMemberDescription;
}

function ownersOf({ members }: GroupDescription): Map<string, Owned> {
  const owners = new Map<string, Owned>();
  for (const member of members) {
    for (const { topic, partitions } of member.assignment) {
      for (const partition of partitions) owners.set(partitionKey({ topic, partition }), { topic, partition, member });
    }
  }
  return owners;
}

function placesOf(
  committed: ReadonlyMap<string, GroupPartition>,
  owned: ReadonlyMap<string, GroupPartition>,
): GroupPartition[] {
  return [...new Map([...owned, ...committed]).values()]
    .map(({ topic, partition }) => ({ topic, partition }))
    .sort(byPlace);
}

function lagOf(
  { topic, partition }: GroupPartition,
  committed: CommittedOffset | undefined,
  known: KnownPartition | undefined,
  member: GroupMemberDescription | null,
): PartitionLag {
  const range = known?.range;
  const isBoth = committed !== undefined && range !== undefined;
  return {
    topic,
    partition,
    committedOffset: committed?.offset ?? null,
    leaderEpoch: committed?.leaderEpoch ?? null,
    metadata: committed?.metadata ?? null,
    logStartOffset: range?.start ?? null,
    logEndOffset: range?.end ?? null,
    lag: isBoth ? Math.max(0, range.end - committed.offset) : null,
    lagMs: isBoth && committed.offset >= range.end ? 0 : null,
    problem: problemOf(committed, known),
    member,
  };
}

function problemOf(committed: CommittedOffset | undefined, known: KnownPartition | undefined): PartitionLag['problem'] {
  if (known === undefined) return 'deleted';
  if (known.range === undefined) return 'offline';
  if (committed === undefined) return null;
  if (committed.offset < known.range.start) return 'before-start';
  return committed.offset > known.range.end ? 'beyond-end' : null;
}

async function withTimes(
  admin: GroupAdmin,
  lags: readonly PartitionLag[],
  known: ReadonlyMap<string, KnownPartition>,
): Promise<PartitionLag[]> {
  const unread = lags.map((lag) => {
    const place = known.get(partitionKey(lag));
    if (!lag.lag || lag.committedOffset === null || place?.range === undefined) return undefined;
    const { topic, partition, topicId, leader, range } = place;
    const fetchOffset = Math.max(range.start, lag.committedOffset);
    return {
      topic,
      partition,
      topicId,
      leader,
      leaderEpoch: -1,
      fetchOffset,
      untilOffset: range.end,
      failingSinceMs: undefined,
    };
  });
  const times = await firstTimesMs(
    callerOf(admin),
    unread.filter((place) => place !== undefined),
  );
  const nowMs = admin.env.clock.wallMs();
  return lags.map((lag, index) => {
    const place = unread[index];
    const timeMs = place === undefined ? undefined : times.get(place);
    return timeMs === undefined ? lag : { ...lag, lagMs: Math.max(0, nowMs - timeMs) };
  });
}
