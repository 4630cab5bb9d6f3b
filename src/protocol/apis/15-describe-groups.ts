import { api, array, boolean, bytes, ignorable, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * DescribeGroups. v3 authorized operations, v4 static members, v5 flexible, v6 answers GROUP_ID_NOT_FOUND with a text for an
 * unknown group, which before it is a group in state "Dead". Source: DescribeGroupsRequest.json, DescribeGroupsResponse.json.
 */
export const DescribeGroups = api(
  15,
  'DescribeGroups',
  { versions: '0-6', flexible: 5 },
  {
    request: {
      groups: array(string),
      includeAuthorizedOperations: since(3, boolean, false),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      groups: array({
        errorCode: int16,
        errorMessage: since(6, nullable(string), null),
        groupId: string,
        groupState: string,
        protocolType: string,
        protocolData: string,
        members: array({
          memberId: string,
          groupInstanceId: ignorable(since(4, nullable(string), null)),
          clientId: string,
          clientHost: string,
          memberMetadata: bytes,
          memberAssignment: bytes,
        }),
        authorizedOperations: since(3, int32, -2147483648),
      }),
    },
  },
);
