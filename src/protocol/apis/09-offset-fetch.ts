import {
  api,
  array,
  boolean,
  defaulted,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  uuid,
  ZERO_UUID,
} from '../schema.ts';

/**
 * OffsetFetch. Null topics (v2) = every topic of the group. v5 leader epoch, v6 flexible, v7 require stable, v8 many groups in
 * `groups` instead of one, v9 members of KIP-848 groups name themselves, v10 topic ids instead of names.
 * Source: OffsetFetchRequest.json, OffsetFetchResponse.json.
 */
export const OffsetFetch = api(
  9,
  'OffsetFetch',
  { versions: '1-10', flexible: 6 },
  {
    request: {
      groupId: since('0-7', string, ''),
      topics: since('0-7', nullable(array({ name: string, partitionIndexes: array(int32) }), 2), []),
      groups: since(
        8,
        array({
          groupId: string,
          memberId: ignorable(since(9, nullable(string), null)),
          memberEpoch: ignorable(since(9, int32, -1)),
          topics: nullable(
            array({
              name: ignorable(since('8-9', string, '')),
              topicId: ignorable(since(10, uuid, ZERO_UUID)),
              partitionIndexes: array(int32),
            }),
          ),
        }),
        [],
      ),
      requireStable: since(7, boolean, false),
    },
    response: {
      throttleTimeMs: ignorable(since(3, int32, 0)),
      topics: since(
        '0-7',
        array({
          name: string,
          partitions: array({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: ignorable(since('5-7', int32, -1)),
            metadata: nullable(string),
            errorCode: int16,
          }),
        }),
        [],
      ),
      errorCode: ignorable(since('2-7', int16, 0)),
      groups: since(
        8,
        array({
          groupId: string,
          topics: array({
            name: ignorable(since('8-9', string, '')),
            topicId: ignorable(since(10, uuid, ZERO_UUID)),
            partitions: array({
              partitionIndex: int32,
              committedOffset: int64,
              committedLeaderEpoch: defaulted(int32, -1),
              metadata: nullable(string),
              errorCode: int16,
            }),
          }),
          errorCode: defaulted(int16, 0),
        }),
        [],
      ),
    },
  },
);
