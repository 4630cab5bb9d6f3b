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
  tagged,
  uuid,
  ZERO_UUID,
} from '../schema.ts';

/**
 * CreateTopics. -1 partitions or replicas = the broker's default, at any version. v5 is flexible and answers with configs,
 * v7 with the topic id. Source: CreateTopicsRequest.json, CreateTopicsResponse.json.
 */
export const CreateTopics = api(
  19,
  'CreateTopics',
  { versions: '2-7', flexible: 5 },
  {
    request: {
      topics: array({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: defaulted(array({ partitionIndex: int32, brokerIds: array(int32) }), []),
        configs: defaulted(array({ name: string, value: nullable(string) }), []),
      }),
      timeoutMs: defaulted(int32, 60000),
      validateOnly: since(1, boolean, false),
    },
    response: {
      throttleTimeMs: ignorable(since(2, int32, 0)),
      topics: array({
        name: string,
        topicId: ignorable(since(7, uuid, ZERO_UUID)),
        errorCode: int16,
        errorMessage: ignorable(since(1, nullable(string), null)),
        topicConfigErrorCode: ignorable(tagged(0, 5, int16, 0)),
        numPartitions: ignorable(since(5, int32, -1)),
        replicationFactor: ignorable(since(5, int16, -1)),
        configs: ignorable(
          since(
            5,
            nullable(
              array({
                name: string,
                value: nullable(string),
                readOnly: boolean,
                configSource: defaulted(int8, -1),
                isSensitive: boolean,
              }),
            ),
            [],
          ),
        ),
      }),
    },
  },
);
