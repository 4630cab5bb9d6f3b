/**
 * OffsetCommit (8), versions 2-10: each partition with an error of its own; one that is refused here, or whose topic is not there,
 * does not keep the others from being committed. From v10 on topics have ids instead of names. Retention times of v2-4 are ignored.
 * Source: KafkaApis.handleOffsetCommitRequest (Kafka 4.x).
 */

import type { TopicImage } from '../../cluster/cluster-image.ts';
import type { CommitResult, OffsetToCommit } from '../../groups/offset-requests.ts';
import type { OffsetCommit } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizeGroup, codeOf, mayUseTopic } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type CommitRequest = RequestOf<typeof OffsetCommit>;
type CommitResponse = ResponseOf<typeof OffsetCommit>;
type TopicAsked = CommitRequest['topics'][number];
type PartitionAsked = TopicAsked['partitions'][number];

/** The first version with topic ids. */
const TOPIC_ID_VERSION = 10;

/** One partition of the request, with its error code once that is known. */
interface Turn {
  readonly asked: PartitionAsked;
  code: number | undefined;
}

export async function handleOffsetCommit(services: BrokerServices, request: CommitRequest, call: Call): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  const offsets: OffsetToCommit[] = [];
  const committing: Turn[] = [];
  const topics = request.topics.map((topic) => {
    const found = find(services, topic, call.version);
    const refusal = refusalOf(services, topic, found, call);
    const turns = topic.partitions.map((asked): Turn => {
      const isThere = found?.partitions[asked.partitionIndex] !== undefined;
      const turn = { asked, code: refusal ?? (isThere ? undefined : errorCode('UNKNOWN_TOPIC_OR_PARTITION')) };
      if (found !== undefined && turn.code === undefined) {
        offsets.push(toCommit(found, asked));
        committing.push(turn);
      }
      return turn;
    });
    return { name: topic.name, topicId: topic.topicId, turns };
  });
  try {
    authorizeGroup(services, call.context, 'read', request.groupId);
    const results = offsets.length === 0 ? [] : await commit(services, request, offsets, call);
    for (const [index, { errorCode: code }] of results.entries()) setCode(committing[index], code);
  } catch (error) {
    const code = codeOf(services, error);
    const isForAll = code === errorCode('GROUP_AUTHORIZATION_FAILED');
    for (const turn of isForAll ? topics.flatMap(({ turns }) => turns) : committing) setCode(turn, code);
  }
  const message: CommitResponse = {
    throttleTimeMs,
    topics: topics.map(({ name, topicId, turns }) => ({
      name,
      topicId,
      partitions: turns.map(({ asked, code }) => ({
        partitionIndex: asked.partitionIndex,
        errorCode: code ?? errorCode('UNKNOWN_SERVER_ERROR'),
      })),
    })),
  };
  return { message };
}

function setCode(turn: Turn | undefined, code: number): void {
  if (turn !== undefined) turn.code = code;
}

function commit(
  { groups }: BrokerServices,
  request: CommitRequest,
  offsets: readonly OffsetToCommit[],
  call: Call,
): Promise<readonly CommitResult[]> {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationOrEpoch } = request;
  const who = { memberId, groupInstanceId, generationOrEpoch, apiVersion: call.version };
  return groups.call<readonly CommitResult[]>(groupId, call, (machine, asked, now) =>
    machine.commitOffsets(asked, { groupId, who, offsets }, now),
  );
}

function find({ partitions }: BrokerServices, { name, topicId }: TopicAsked, version: number): TopicImage | undefined {
  return version >= TOPIC_ID_VERSION ? partitions.topicWithId(topicId) : partitions.topicNamed(name);
}

/** Why nothing of the topic can be committed; undefined when it can. */
function refusalOf(
  services: BrokerServices,
  { name }: TopicAsked,
  found: TopicImage | undefined,
  { version, context }: Call,
): number | undefined {
  if (found === undefined && version >= TOPIC_ID_VERSION) return errorCode('UNKNOWN_TOPIC_ID');
  if (!mayUseTopic(services, context, 'read', found?.name ?? name)) return errorCode('TOPIC_AUTHORIZATION_FAILED');
  return found === undefined ? errorCode('UNKNOWN_TOPIC_OR_PARTITION') : undefined;
}

function toCommit({ name, topicId }: TopicImage, asked: PartitionAsked): OffsetToCommit {
  return {
    topic: name,
    topicId,
    partition: asked.partitionIndex,
    offset: asked.committedOffset,
    leaderEpoch: asked.committedLeaderEpoch,
    metadata: asked.committedMetadata ?? '',
  };
}
