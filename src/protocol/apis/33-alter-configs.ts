import { api, array, boolean, defaulted, int8, int16, int32, nullable, string } from '../schema.ts';

/**
 * AlterConfigs: replaces the whole set of a resource. v2 is flexible.
 * Source: AlterConfigsRequest.json, AlterConfigsResponse.json.
 */
export const AlterConfigs = api(
  33,
  'AlterConfigs',
  { versions: '0-2', flexible: 2 },
  {
    request: {
      resources: array({
        resourceType: int8,
        resourceName: string,
        configs: array({ name: string, value: nullable(string) }),
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
