/**
 * ConsumerGroupDescribe (69), versions 0-1: KIP-848 groups, each with an error of its own. Source:
 * KafkaApis.handleConsumerGroupDescribe (Kafka 4.x).
 */

import { OPERATIONS_NOT_ASKED } from '../../protocol/apis/03-metadata.ts';
import type { ConsumerGroupDescribe } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizedOperations, groupResource } from '../authorize.ts';
import { failureOf } from '../failure.ts';
import { answerGroups, authorizeGroup, mayUseTopic } from '../group-calls.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DescribeResponse = ResponseOf<typeof ConsumerGroupDescribe>;
type DescribedGroup = DescribeResponse['groups'][number];

export async function handleConsumerGroupDescribe(
  services: BrokerServices,
  request: RequestOf<typeof ConsumerGroupDescribe>,
  call: Call,
): Promise<Reply> {
  const describe = async (groupId: string): Promise<DescribedGroup> => {
    try {
      authorizeGroup(services, call.context, 'describe', groupId);
      if (groupId === '') throw new KafkaError('INVALID_GROUP_ID');
      const described = await services.groups.callKnown<DescribedGroup>(groupId, call, (machine, asked, now) =>
        machine.describeConsumerGroup(asked, groupId, now),
      );
      checkTopics(services, described, call.context);
      const operations = request.includeAuthorizedOperations
        ? authorizedOperations(services.authorize, call.context, groupResource(groupId))
        : OPERATIONS_NOT_ASKED;
      return { ...described, authorizedOperations: operations };
    } catch (error) {
      return undescribed(groupId, failureOf(services.env.log, error));
    }
  };
  const groups = await answerGroups(services, new Set(request.groupIds), describe);
  const message: DescribeResponse = { throttleTimeMs: services.throttleTimeMs(call.context), groups };
  return { message };
}

/** Who may not see a topic does not learn who reads it. Throws KafkaError TOPIC_AUTHORIZATION_FAILED. */
function checkTopics(services: BrokerServices, { members }: DescribedGroup, context: RequestContext): void {
  const names = new Set<string>();
  for (const { subscribedTopicNames, assignment, targetAssignment } of members) {
    for (const name of subscribedTopicNames) names.add(name);
    for (const { topicPartitions } of [assignment, targetAssignment]) {
      for (const { topicName } of topicPartitions) names.add(topicName);
    }
  }
  if ([...names].every((name) => mayUseTopic(services, context, 'describe', name))) return;
  throw new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'the group reads topics that may not be seen');
}

function undescribed(groupId: string, failure: Pick<DescribedGroup, 'errorCode' | 'errorMessage'>): DescribedGroup {
  return {
    ...failure,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  };
}
