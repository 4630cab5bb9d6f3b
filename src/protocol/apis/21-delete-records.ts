import { api, array, defaulted, int16, int32, int64, string } from '../schema.ts';

/**
 * DeleteRecords: moves the start of partitions up; offset -1 = the high watermark. v2 is flexible.
 * Source: DeleteRecordsRequest.json, DeleteRecordsResponse.json.
 */
export const DeleteRecords = api(
  21,
  'DeleteRecords',
  { versions: '0-2', flexible: 2 },
  {
    request: {
      topics: array({ name: string, partitions: array({ partitionIndex: int32, offset: int64 }) }),
      timeoutMs: int32,
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      topics: array({
        name: string,
        partitions: array({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 }),
      }),
    },
  },
);
