import { api, ignorable, int16, int32, nullable, since, string } from '../schema.ts';

/** Heartbeat of a classic group's member. v3 static members, v4 flexible. Source: HeartbeatRequest.json, HeartbeatResponse.json. */
export const Heartbeat = api(
  12,
  'Heartbeat',
  { versions: '0-4', flexible: 4 },
  {
    request: {
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: since(3, nullable(string), null),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      errorCode: int16,
    },
  },
);
