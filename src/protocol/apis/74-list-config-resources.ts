import { api, array, defaulted, ignorable, int8, int16, int32, since, string } from '../schema.ts';

/**
 * ListConfigResources: what has configs. v0 knows client metrics only; v1 takes types, none meaning all.
 * Source: ListConfigResourcesRequest.json, ListConfigResourcesResponse.json.
 */
export const ListConfigResources = api(
  74,
  'ListConfigResources',
  { versions: '0-1', flexible: 0 },
  {
    request: {
      resourceTypes: since(1, array(int8), []),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      errorCode: int16,
      configResources: array({ resourceName: string, resourceType: ignorable(since(1, int8, 16)) }),
    },
  },
);
