import { api, array, ignorable, int16, int32, since, string } from '../schema.ts';

/**
 * ListGroups. Empty filters = every group. v3 flexible, v4 states, v5 types ("classic", "consumer", "share", "streams").
 * Source: ListGroupsRequest.json, ListGroupsResponse.json.
 */
export const ListGroups = api(
  16,
  'ListGroups',
  { versions: '0-5', flexible: 3 },
  {
    request: {
      statesFilter: since(4, array(string), []),
      typesFilter: since(5, array(string), []),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      errorCode: int16,
      groups: array({
        groupId: string,
        protocolType: string,
        groupState: ignorable(since(4, string, '')),
        groupType: ignorable(since(5, string, '')),
      }),
    },
  },
);
