import { api, array, ignorable, int8, int16, int32, nullable, since, string } from '../schema.ts';

/**
 * FindCoordinator. Key types: 0 group, 1 transaction (v1), 2 share group (v6). v3 is flexible, v4 asks for many keys in
 * `coordinatorKeys` instead of one. Source: FindCoordinatorRequest.json, FindCoordinatorResponse.json.
 */
export const FindCoordinator = api(
  10,
  'FindCoordinator',
  { versions: '0-6', flexible: 3 },
  {
    request: {
      key: since('0-3', string, ''),
      keyType: since(1, int8, 0),
      coordinatorKeys: since(4, array(string), []),
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      errorCode: since('0-3', int16, 0),
      errorMessage: ignorable(since('1-3', nullable(string), '')),
      nodeId: since('0-3', int32, 0),
      host: since('0-3', string, ''),
      port: since('0-3', int32, 0),
      coordinators: since(
        4,
        array({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
        [],
      ),
    },
  },
);
