/**
 * OffsetFetch (9), versions 1-10: one group before v8, many from then on, each with an error of its own; no topics means all that
 * the group has. From v10 on topics have ids instead of names. There are no transactions, so every offset is stable. While the
 * topic of offsets is missing nothing is committed, and nothing is made for that answer.
 * Source: KafkaApis.handleOffsetFetchRequest, OffsetFetchResponse.java (Kafka 4.x).
 */

import type { FetchedGroup, FetchTopic } from '../../groups/offset-requests.ts';
import type { OffsetFetch } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/schema.ts';
import { answerGroups, authorizeGroup, codeOfRead, mayUseTopic, NO_ERROR } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type FetchRequest = RequestOf<typeof OffsetFetch>;
type FetchResponse = ResponseOf<typeof OffsetFetch>;
type GroupAsked = FetchRequest['groups'][number];
type TopicAsked = NonNullable<GroupAsked['topics']>[number];
type TopicFetched = FetchedGroup['topics'][number];

/** The first version with an error of the group, that with many groups, and that with topic ids. */
const GROUP_ERROR_VERSION = 2;
const GROUPS_VERSION = 8;
const TOPIC_ID_VERSION = 10;
const NO_OFFSET = -1n;
const NO_EPOCH = -1;

export async function handleOffsetFetch(services: BrokerServices, request: FetchRequest, call: Call): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  const base: FetchResponse = { throttleTimeMs, topics: [], errorCode: NO_ERROR, groups: [] };
  if (call.version >= GROUPS_VERSION) {
    const groups = await answerGroups(services, request.groups, (asked) => fetchGroup(services, asked, call));
    return { message: { ...base, groups } satisfies FetchResponse };
  }
  const asked: GroupAsked = {
    groupId: request.groupId,
    memberId: null,
    memberEpoch: NO_EPOCH,
    topics: request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null,
  };
  const { topics, errorCode: code } = await fetchGroup(services, asked, call);
  const isPerPartition = code !== NO_ERROR && call.version < GROUP_ERROR_VERSION;
  const told = isPerPartition ? (asked.topics ?? []).map((topic) => nothingOf(topic, code)) : topics;
  return { message: { ...base, topics: told, errorCode: code } satisfies FetchResponse };
}

/** Never rejects. */
async function fetchGroup(services: BrokerServices, asked: GroupAsked, call: Call): Promise<FetchedGroup> {
  const { groupId } = asked;
  try {
    authorizeGroup(services, call.context, 'describe', groupId);
    return asked.topics === null
      ? await fetchAll(services, asked, call)
      : await fetchSome(services, asked, asked.topics, call);
  } catch (error) {
    return { groupId, topics: [], errorCode: codeOfRead(services, error) };
  }
}

async function fetchAll(services: BrokerServices, asked: GroupAsked, call: Call): Promise<FetchedGroup> {
  const { topics, ...group } = await ask(services, asked, null, call);
  const isKnown = ({ topicId }: TopicFetched): boolean => call.version < TOPIC_ID_VERSION || topicId !== ZERO_UUID;
  const isVisible = (topic: TopicFetched): boolean =>
    isKnown(topic) && mayUseTopic(services, call.context, 'describe', topic.name);
  return { ...group, topics: topics.filter(isVisible) };
}

/** Answers every topic that was asked for, in its order. Topics that are not there have no offsets; an id that is not is an error. */
async function fetchSome(
  services: BrokerServices,
  asked: GroupAsked,
  topics: readonly TopicAsked[],
  call: Call,
): Promise<FetchedGroup> {
  const isById = call.version >= TOPIC_ID_VERSION;
  const wanted: FetchTopic[] = [];
  const refused = topics.map((topic) => {
    const name = isById ? services.partitions.topicWithId(topic.topicId)?.name : topic.name;
    if (name === undefined) return nothingOf(topic, errorCode('UNKNOWN_TOPIC_ID'));
    if (!mayUseTopic(services, call.context, 'describe', name)) {
      return nothingOf(topic, errorCode('TOPIC_AUTHORIZATION_FAILED'));
    }
    wanted.push({ ...topic, name });
    return undefined;
  });
  const fetched = await ask(services, asked, wanted, call);
  if (fetched.errorCode !== NO_ERROR) return fetched;
  let next = 0;
  const all = refused.flatMap((topic) => topic ?? fetched.topics[next++] ?? []);
  return { ...fetched, topics: all };
}

async function ask(
  { groups }: BrokerServices,
  { groupId, memberId, memberEpoch }: GroupAsked,
  topics: readonly FetchTopic[] | null,
  call: Call,
): Promise<FetchedGroup> {
  if (groups.offsetsTopic.find() === undefined) {
    return { groupId, topics: (topics ?? []).map((topic) => nothingOf(topic, NO_ERROR)), errorCode: NO_ERROR };
  }
  const request = { groupId, who: { memberId, memberEpoch }, topics };
  return await groups.call<FetchedGroup>(groupId, call, (machine, asked, now) =>
    machine.fetchOffsets(asked, request, now),
  );
}

function nothingOf({ name, topicId, partitionIndexes }: TopicAsked, code: number): TopicFetched {
  return {
    name,
    topicId,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: NO_OFFSET,
      committedLeaderEpoch: NO_EPOCH,
      metadata: '',
      errorCode: code,
    })),
  };
}
