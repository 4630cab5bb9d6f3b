import { api, array, boolean, bytes, defaulted, ignorable, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * JoinGroup. v1 rebalance timeout (before it the session timeout counts), v4 asks a new member to come again with the id it is
 * given (KIP-394), v5 static members, v6 flexible, v7 protocol type in the answer and null names in it (KIP-559), v8 reason,
 * v9 tells a leader that came again to assign nothing. Source: JoinGroupRequest.json, JoinGroupResponse.json.
 */
export const JoinGroup = api(
  11,
  'JoinGroup',
  { versions: '0-9', flexible: 6 },
  {
    request: {
      groupId: string,
      sessionTimeoutMs: int32,
      rebalanceTimeoutMs: ignorable(since(1, int32, -1)),
      memberId: string,
      groupInstanceId: since(5, nullable(string), null),
      protocolType: string,
      protocols: array({ name: string, metadata: bytes }),
      reason: ignorable(since(8, nullable(string), null)),
    },
    response: {
      throttleTimeMs: ignorable(since(2, int32, 0)),
      errorCode: int16,
      generationId: defaulted(int32, -1),
      protocolType: ignorable(since(7, nullable(string), null)),
      protocolName: nullable(string, 7),
      leader: string,
      skipAssignment: since(9, boolean, false),
      memberId: string,
      members: array({
        memberId: string,
        groupInstanceId: ignorable(since(5, nullable(string), null)),
        metadata: bytes,
      }),
    },
  },
);
