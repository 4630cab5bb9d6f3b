import { api, array, ignorable, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * LeaveGroup. v3 takes many members in `members` instead of one, each by its member id or its instance id, and answers each;
 * v4 is flexible, v5 has a reason. Source: LeaveGroupRequest.json, LeaveGroupResponse.json.
 */
export const LeaveGroup = api(
  13,
  'LeaveGroup',
  { versions: '0-5', flexible: 4 },
  {
    request: {
      groupId: string,
      memberId: since('0-2', string, ''),
      members: since(
        3,
        array({
          memberId: string,
          groupInstanceId: since(3, nullable(string), null),
          reason: ignorable(since(5, nullable(string), null)),
        }),
        [],
      ),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      errorCode: int16,
      members: since(3, array({ memberId: string, groupInstanceId: nullable(string), errorCode: int16 }), []),
    },
  },
);
