import {
  api,
  array,
  defaulted,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  records,
  since,
  string,
  tagged,
  uuid,
  ZERO_UUID,
} from '../schema.ts';
import { currentLeader, NO_CURRENT_LEADER, nodeEndpoints } from './current-leader.ts';

/**
 * Produce. v7 allows zstd, v9 is flexible, v12 adds partitions to a transaction by itself (KIP-890), v13 speaks topic ids only.
 * Versions 0 to 2 are listed in ApiVersions for old librdkafka (KAFKA-18659) and never served. The throttle time stands at
 * the end. Source: ProduceRequest.json, ProduceResponse.json.
 */
export const Produce = api(
  0,
  'Produce',
  { versions: '3-13', advertised: '0-13', flexible: 9 },
  {
    request: {
      transactionalId: defaulted(nullable(string), null),
      acks: int16,
      timeoutMs: int32,
      topicData: array({
        name: ignorable(since('0-12', string, '')),
        topicId: ignorable(since(13, uuid, ZERO_UUID)),
        partitionData: array({ index: int32, records: nullable(records) }),
      }),
    },
    response: {
      responses: array({
        name: ignorable(since('0-12', string, '')),
        topicId: ignorable(since(13, uuid, ZERO_UUID)),
        partitionResponses: array({
          index: int32,
          errorCode: int16,
          baseOffset: int64,
          logAppendTimeMs: ignorable(since(2, int64, -1n)),
          logStartOffset: ignorable(since(5, int64, -1n)),
          recordErrors: ignorable(
            since(8, array({ batchIndex: int32, batchIndexErrorMessage: defaulted(nullable(string), null) }), []),
          ),
          errorMessage: ignorable(since(8, nullable(string), null)),
          currentLeader: tagged(0, 10, currentLeader, NO_CURRENT_LEADER),
        }),
      }),
      throttleTimeMs: ignorable(since(1, int32, 0)),
      nodeEndpoints: tagged(0, 10, nodeEndpoints, []),
    },
  },
);
