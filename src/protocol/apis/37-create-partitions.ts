import { api, array, boolean, defaulted, int16, int32, nullable, string } from '../schema.ts';

/**
 * CreatePartitions. `count` is the new total; null assignments = the broker chooses. v2 is flexible.
 * Source: CreatePartitionsRequest.json, CreatePartitionsResponse.json.
 */
export const CreatePartitions = api(
  37,
  'CreatePartitions',
  { versions: '0-3', flexible: 2 },
  {
    request: {
      topics: array({
        name: string,
        count: int32,
        assignments: defaulted(nullable(array({ brokerIds: array(int32) })), null),
      }),
      timeoutMs: int32,
      validateOnly: defaulted(boolean, false),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      results: array({ name: string, errorCode: int16, errorMessage: defaulted(nullable(string), null) }),
    },
  },
);
