import { api, array, bytes, ignorable, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * SyncGroup. v3 static members, v4 flexible, v5 protocol type and name, both ways, to be compared (KIP-559).
 * Source: SyncGroupRequest.json, SyncGroupResponse.json.
 */
export const SyncGroup = api(
  14,
  'SyncGroup',
  { versions: '0-5', flexible: 4 },
  {
    request: {
      groupId: string,
      generationId: int32,
      memberId: string,
      groupInstanceId: since(3, nullable(string), null),
      protocolType: ignorable(since(5, nullable(string), null)),
      protocolName: ignorable(since(5, nullable(string), null)),
      assignments: array({ memberId: string, assignment: bytes }),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      errorCode: int16,
      protocolType: ignorable(since(5, nullable(string), null)),
      protocolName: ignorable(since(5, nullable(string), null)),
      assignment: bytes,
    },
  },
);
