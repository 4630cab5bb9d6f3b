import { api, array, defaulted, int16, int32, string } from '../schema.ts';

/**
 * OffsetDelete (KIP-496). Never flexible; the error code stands before the throttle time.
 * Source: OffsetDeleteRequest.json, OffsetDeleteResponse.json.
 */
export const OffsetDelete = api(
  47,
  'OffsetDelete',
  { versions: '0' },
  {
    request: {
      groupId: string,
      topics: array({ name: string, partitions: array({ partitionIndex: int32 }) }),
    },
    response: {
      errorCode: int16,
      throttleTimeMs: defaulted(int32, 0),
      topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
    },
  },
);
