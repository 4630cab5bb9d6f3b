import { api, array, boolean, defaulted, int8, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * DescribeCluster (KIP-700). v1 endpoint type (1 brokers, 2 controllers), v2 fenced brokers.
 * Source: DescribeClusterRequest.json, DescribeClusterResponse.json.
 */
export const DescribeCluster = api(
  60,
  'DescribeCluster',
  { versions: '0-2', flexible: 0 },
  {
    request: {
      includeClusterAuthorizedOperations: defaulted(boolean, false),
      endpointType: since(1, int8, 1),
      includeFencedBrokers: since(2, boolean, false),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      errorCode: int16,
      errorMessage: defaulted(nullable(string), null),
      endpointType: since(1, int8, 1),
      clusterId: string,
      controllerId: defaulted(int32, -1),
      brokers: array({
        brokerId: int32,
        host: string,
        port: int32,
        rack: defaulted(nullable(string), null),
        isFenced: since(2, boolean, false),
      }),
      clusterAuthorizedOperations: defaulted(int32, -2147483648),
    },
  },
);
