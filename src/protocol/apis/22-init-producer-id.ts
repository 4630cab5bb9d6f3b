import { api, defaulted, ignorable, int16, int32, int64, nullable, since, string } from '../schema.ts';

/**
 * InitProducerId. v2 is flexible, v3 takes the id and epoch that the producer has (KIP-360), v4 may answer PRODUCER_FENCED.
 * v6 (two-phase commit) is unstable in Kafka and left out. Source: InitProducerIdRequest.json, InitProducerIdResponse.json.
 */
export const InitProducerId = api(
  22,
  'InitProducerId',
  { versions: '0-5', flexible: 2 },
  {
    request: {
      transactionalId: nullable(string),
      transactionTimeoutMs: int32,
      producerId: since(3, int64, -1n),
      producerEpoch: since(3, int16, -1),
    },
    response: {
      throttleTimeMs: ignorable(defaulted(int32, 0)),
      errorCode: int16,
      producerId: defaulted(int64, -1n),
      producerEpoch: int16,
    },
  },
);
