/**
 * DirectoryHandshake (20000): who serves this Unix socket. Private to streamctl: answered on the directory's socket only,
 * absent from ApiVersions, and outside Kafka's range of keys. A command that comes by directory sends it first, so that a
 * socket left by an earlier owner, or of another directory, is never taken for the broker (DESIGN 5.1).
 */
import { api, int32, int64, string } from '../schema.ts';

export const DirectoryHandshake = api(
  20000,
  'DirectoryHandshake',
  { versions: '0' },
  {
    request: {},
    response: { clusterId: string, brokerId: int32, brokerEpoch: int64, pid: int32, command: string },
  },
);
