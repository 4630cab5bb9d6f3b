import { api, array, boolean, defaulted, ignorable, int16, int32, int64, nullable, since, string } from '../schema.ts';

/**
 * DescribeLogDirs. Null topics = all partitions. v2 is flexible, v3 an error of the whole, v4 size of the file system.
 * Source: DescribeLogDirsRequest.json, DescribeLogDirsResponse.json.
 */
export const DescribeLogDirs = api(
  35,
  'DescribeLogDirs',
  { versions: '1-4', flexible: 2 },
  {
    request: {
      topics: nullable(array({ topic: string, partitions: array(int32) })),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      errorCode: since(3, int16, 0),
      results: array({
        errorCode: int16,
        logDir: string,
        topics: array({
          name: string,
          partitions: array({
            partitionIndex: int32,
            partitionSize: int64,
            offsetLag: int64,
            isFutureKey: boolean,
          }),
        }),
        totalBytes: ignorable(since(4, int64, -1n)),
        usableBytes: ignorable(since(4, int64, -1n)),
      }),
    },
  },
);
