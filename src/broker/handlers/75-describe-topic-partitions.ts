/**
 * DescribeTopicPartitions (75), version 0: topics in the order of their names, those asked for or all, a page of partitions at a
 * time. A page begins at the cursor and tells where the next one does.
 *
 * Source: DescribeTopicPartitionsRequestHandler, KRaftMetadataCache.describeTopicResponse (Kafka 4.x).
 */

import type { PartitionImage, TopicImage } from '../../cluster/cluster-image.ts';
import type { DescribeTopicPartitions } from '../../protocol/apis/index.ts';
import { type ErrorName, errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/schema.ts';
import { isInternalTopic, problemWithTopicName } from '../../protocol/topic-names.ts';
import { authorizedOperations, topicResource } from '../authorize.ts';
import { NO_FAILURE } from '../failure.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type PagesRequest = RequestOf<typeof DescribeTopicPartitions>;
type PagesResponse = ResponseOf<typeof DescribeTopicPartitions>;
type TopicDescribed = PagesResponse['topics'][number];
type PartitionDescribed = TopicDescribed['partitions'][number];
type Page = Pick<PagesResponse, 'topics' | 'nextCursor'>;

const NO_LEADER = -1;
const NO_OPERATIONS = -2147483648;

export function handleDescribeTopicPartitions(
  services: BrokerServices,
  request: PagesRequest,
  { context }: Call,
): Promise<Reply> {
  const { topics, cursor } = request;
  const page: Page =
    cursor !== null && cursor.partitionIndex < 0
      ? { topics: topics.map(({ name }) => undescribed(name, 'INVALID_REQUEST')), nextCursor: null }
      : pageOf(services, request, context);
  const message: PagesResponse = { throttleTimeMs: services.throttleTimeMs(context), ...page };
  return Promise.resolve({ message });
}

function pageOf(services: BrokerServices, { topics, cursor, ...request }: PagesRequest, context: RequestContext): Page {
  const { authorize, partitions, session, settings } = services;
  const isForAll = topics.length === 0;
  const names = isForAll ? session.image().topics.keys() : new Set(topics.map(({ name }) => name));
  const first = cursor?.topicName ?? '';
  const ordered = [...names].filter((name) => name >= first).sort((left, right) => (left < right ? -1 : 1));
  const isVisible = (name: string): boolean => authorize(context, 'describe', topicResource(name));
  const hidden = isForAll ? [] : ordered.filter((name) => !isVisible(name));
  const refused = hidden.map((name) => undescribed(name, 'TOPIC_AUTHORIZATION_FAILED'));
  const described: TopicDescribed[] = [];
  const limit = Math.min(settings.number('max.request.partition.size.limit'), request.responsePartitionLimit);
  let left = Math.max(limit, 1);
  for (const name of ordered.filter(isVisible)) {
    if (left === 0) {
      return { topics: [...described, ...refused], nextCursor: { topicName: name, partitionIndex: 0 } };
    }
    const topic = partitions.topicNamed(name);
    if (topic === undefined) {
      const isNamedWrong = problemWithTopicName(name) !== undefined;
      described.push(undescribed(name, isNamedWrong ? 'INVALID_TOPIC_EXCEPTION' : 'UNKNOWN_TOPIC_OR_PARTITION'));
      // It takes a place, too: a page of unknown names has an end.
      left -= 1;
      continue;
    }
    const start = name === cursor?.topicName ? cursor.partitionIndex : 0;
    const end = Math.min(topic.partitions.length, start + left);
    const operations = authorizedOperations(authorize, context, topicResource(name));
    described.push(describeTopic(topic, topic.partitions.slice(start, end), operations));
    if (end < topic.partitions.length) {
      return { topics: [...described, ...refused], nextCursor: { topicName: name, partitionIndex: end } };
    }
    left -= Math.max(0, end - start);
  }
  return { topics: [...described, ...refused], nextCursor: null };
}

function describeTopic(
  { name, topicId }: TopicImage,
  partitions: readonly PartitionImage[],
  topicAuthorizedOperations: number,
): TopicDescribed {
  return {
    errorCode: NO_FAILURE.errorCode,
    name,
    topicId,
    isInternal: isInternalTopic(name),
    partitions: partitions.map(describePartition),
    topicAuthorizedOperations,
  };
}

function describePartition({ index, leader, leaderEpoch, replicas, isr }: PartitionImage): PartitionDescribed {
  return {
    errorCode: leader === NO_LEADER ? errorCode('LEADER_NOT_AVAILABLE') : NO_FAILURE.errorCode,
    partitionIndex: index,
    leaderId: leader,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: isr,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: [],
  };
}

function undescribed(name: string, error: ErrorName): TopicDescribed {
  return {
    errorCode: errorCode(error),
    name,
    topicId: ZERO_UUID,
    isInternal: isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: NO_OPERATIONS,
  };
}
