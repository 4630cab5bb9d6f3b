import { api, array, defaulted, int16, int32, int64, nullable, string } from '../schema.ts';

/**
 * DescribeProducers: what a leader knows of the producers of a partition (KIP-664).
 * Source: DescribeProducersRequest.json, DescribeProducersResponse.json.
 */
export const DescribeProducers = api(
  61,
  'DescribeProducers',
  { versions: '0', flexible: 0 },
  {
    request: {
      topics: array({ name: string, partitionIndexes: array(int32) }),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          errorCode: int16,
          errorMessage: defaulted(nullable(string), null),
          activeProducers: array({
            producerId: int64,
            producerEpoch: int32,
            lastSequence: defaulted(int32, -1),
            lastTimestamp: defaulted(int64, -1n),
            coordinatorEpoch: int32,
            currentTxnStartOffset: defaulted(int64, -1n),
          }),
        }),
      }),
    },
  },
);
