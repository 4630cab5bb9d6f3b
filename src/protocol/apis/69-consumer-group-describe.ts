import {
  api,
  array,
  boolean,
  defaulted,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  uuid,
} from '../schema.ts';

const assignment = struct({ topicPartitions: array({ topicId: uuid, topicName: string, partitions: array(int32) }) });

/**
 * ConsumerGroupDescribe (KIP-848). v1 member types: -1 unknown, 0 classic, 1 consumer.
 * Source: ConsumerGroupDescribeRequest.json, ConsumerGroupDescribeResponse.json.
 */
export const ConsumerGroupDescribe = api(
  69,
  'ConsumerGroupDescribe',
  { versions: '0-1', flexible: 0 },
  {
    request: {
      groupIds: array(string),
      includeAuthorizedOperations: boolean,
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      groups: array({
        errorCode: int16,
        errorMessage: defaulted(nullable(string), null),
        groupId: string,
        groupState: string,
        groupEpoch: int32,
        assignmentEpoch: int32,
        assignorName: string,
        members: array({
          memberId: string,
          instanceId: defaulted(nullable(string), null),
          rackId: defaulted(nullable(string), null),
          memberEpoch: int32,
          clientId: string,
          clientHost: string,
          subscribedTopicNames: array(string),
          subscribedTopicRegex: defaulted(nullable(string), null),
          assignment,
          targetAssignment: assignment,
          memberType: ignorable(since(1, int8, -1)),
        }),
        authorizedOperations: defaulted(int32, -2147483648),
      }),
    },
  },
);
