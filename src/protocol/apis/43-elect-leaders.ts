import { api, array, defaulted, int8, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * ElectLeaders. Election types: 0 preferred, 1 unclean (v1). Null partitions = all. v2 is flexible.
 * Source: ElectLeadersRequest.json, ElectLeadersResponse.json.
 */
export const ElectLeaders = api(
  43,
  'ElectLeaders',
  { versions: '0-2', flexible: 2 },
  {
    request: {
      electionType: since(1, int8, 0),
      topicPartitions: nullable(array({ topic: string, partitions: array(int32) })),
      timeoutMs: defaulted(int32, 60000),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      errorCode: since(1, int16, 0),
      replicaElectionResults: array({
        topic: string,
        partitionResult: array({ partitionId: int32, errorCode: int16, errorMessage: nullable(string) }),
      }),
    },
  },
);
