import { api, array, defaulted, int16, int32, string } from '../schema.ts';

/** DeleteGroups. v2 is flexible. Source: DeleteGroupsRequest.json, DeleteGroupsResponse.json. */
export const DeleteGroups = api(
  42,
  'DeleteGroups',
  { versions: '0-2', flexible: 2 },
  {
    request: { groupsNames: array(string) },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      results: array({ groupId: string, errorCode: int16 }),
    },
  },
);
