import { api, array, boolean, defaulted, int8, int16, int32, nullable, string } from '../schema.ts';

/**
 * IncrementalAlterConfigs (KIP-339). Operations: 0 set, 1 delete, 2 append, 3 subtract. v1 is flexible.
 * Source: IncrementalAlterConfigsRequest.json, IncrementalAlterConfigsResponse.json.
 */
export const IncrementalAlterConfigs = api(
  44,
  'IncrementalAlterConfigs',
  { versions: '0-1', flexible: 1 },
  {
    request: {
      resources: array({
        resourceType: int8,
        resourceName: string,
        configs: array({ name: string, configOperation: int8, value: nullable(string) }),
      }),
      validateOnly: defaulted(boolean, false),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      responses: array({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
      }),
    },
  },
);
