import { api, array, boolean, ignorable, int16, int32, nullable, since, string, uuid, ZERO_UUID } from '../schema.ts';

/** "Nobody asked": the value of an authorized-operations field without an answer. */
export const OPERATIONS_NOT_ASKED = -2147483648;

/**
 * Metadata. Null topics = all (v1+), an empty array = none, but all in v0. v4 auto-creation flag, v9 flexible, v10 topic ids
 * out, v12 topic ids in (name null), v13 top-level error code. Source: MetadataRequest.json, MetadataResponse.json.
 */
export const Metadata = api(
  3,
  'Metadata',
  { versions: '0-13', flexible: 9 },
  {
    request: {
      topics: nullable(array({ topicId: ignorable(since(10, uuid, ZERO_UUID)), name: nullable(string, 10) }), 1),
      allowAutoTopicCreation: since(4, boolean, true),
      includeClusterAuthorizedOperations: since('8-10', boolean, false),
      includeTopicAuthorizedOperations: since(8, boolean, false),
    },
    response: {
      throttleTimeMs: ignorable(since(3, int32, 0)),
      brokers: array({
        nodeId: int32,
        host: string,
        port: int32,
        rack: ignorable(since(1, nullable(string, 1), null)),
      }),
      clusterId: ignorable(since(2, nullable(string, 2), null)),
      controllerId: ignorable(since(1, int32, -1)),
      topics: array({
        errorCode: int16,
        name: nullable(string, 12),
        topicId: ignorable(since(10, uuid, ZERO_UUID)),
        isInternal: ignorable(since(1, boolean, false)),
        partitions: array({
          errorCode: int16,
          partitionIndex: int32,
          leaderId: int32,
          leaderEpoch: ignorable(since(7, int32, -1)),
          replicaNodes: array(int32),
          isrNodes: array(int32),
          offlineReplicas: ignorable(since(5, array(int32), [])),
        }),
        topicAuthorizedOperations: since(8, int32, OPERATIONS_NOT_ASKED),
      }),
      clusterAuthorizedOperations: since('8-10', int32, OPERATIONS_NOT_ASKED),
      errorCode: ignorable(since(13, int16, 0)),
    },
  },
);
