/** What brokers of several ages answer about groups, scripted. */
import assert from 'node:assert/strict';
import { ClientError, ConnectionLost } from '../../src/client/client-error.ts';
import { deleteGroup, describeGroup, type GroupAdmin } from '../../src/client/group-admin.ts';
import { fetchGroupOffsets, storeGroupOffsets } from '../../src/client/group-offsets-admin.ts';
import type { Transport, VersionRange } from '../../src/client/transport.ts';
import {
  ConsumerGroupDescribe,
  DeleteGroups,
  DescribeGroups,
  FindCoordinator,
  OffsetCommit,
  OffsetFetch,
} from '../../src/protocol/apis/index.ts';
import { type ErrorName, errorCode } from '../../src/protocol/errors.ts';
import { testEnv } from './test-env.ts';

type Answer = (version: number) => object;

/** Answers of each API, one after the other, the last for ever; those that are not named are not offered. */
function scripted(answers: ReadonlyMap<number, { readonly max: number; readonly answers: Answer[] }>): GroupAdmin {
  const ranges = new Map<number, VersionRange>([[FindCoordinator.key, { min: 0, max: 3 }]]);
  for (const [key, { max }] of answers) ranges.set(key, { min: 0, max });
  const transport = {
    request: async (_node: number, api: { key: number }, version: number) => {
      const script = answers.get(api.key)?.answers ?? [() => ({ errorCode: 0, nodeId: 1, coordinators: [] })];
      const answer = script.length > 1 ? script.shift() : script[0];
      return { message: answer?.(version), release: () => undefined };
    },
    versions: async () => ranges,
    close: async () => undefined,
  } as unknown as Transport;
  return { env: testEnv(), transport, timeoutMs: 5_000, isByDirectory: false };
}

function described(groupState: string, error: ErrorName = 'NONE'): Answer {
  return () => ({
    groups: [
      { errorCode: errorCode(error), groupId: 'g', groupState, protocolType: '', protocolData: '', members: [] },
    ],
  });
}

function kind(expected: ClientError['kind']): (error: unknown) => boolean {
  return (error) => error instanceof ClientError && error.kind === expected;
}

describe('client: group-admin', () => {
  it('an old broker’s Dead group is not there, nor is one of a new broker that neither kind knows', async () => {
    const old = scripted(new Map([[DescribeGroups.key, { max: 5, answers: [described('Dead')] }]]));
    await assert.rejects(describeGroup(old, 'g'), kind('not-found'));
    const missing = described('', 'GROUP_ID_NOT_FOUND');
    const young = scripted(
      new Map([
        [DescribeGroups.key, { max: 6, answers: [missing] }],
        [ConsumerGroupDescribe.key, { max: 1, answers: [missing] }],
      ]),
    );
    await assert.rejects(describeGroup(young, 'g'), kind('not-found'));
  });

  it('a coordinator that loads, or is another one, is asked again', async () => {
    const answers = [
      described('', 'COORDINATOR_LOAD_IN_PROGRESS'),
      described('', 'NOT_COORDINATOR'),
      described('Empty'),
    ];
    const admin = scripted(new Map([[DescribeGroups.key, { max: 6, answers }]]));
    assert.equal((await describeGroup(admin, 'g')).state, 'Empty');
  });

  it('a deletion whose answer was lost is done when the group is gone; otherwise that is not found', async () => {
    const gone: Answer = () => ({ results: [{ groupId: 'g', errorCode: errorCode('GROUP_ID_NOT_FOUND') }] });
    const lost: Answer = () => {
      throw new ConnectionLost('gone');
    };
    await deleteGroup(scripted(new Map([[DeleteGroups.key, { max: 2, answers: [lost, gone] }]])), 'g');
    const absent = scripted(new Map([[DeleteGroups.key, { max: 2, answers: [gone] }]]));
    await assert.rejects(deleteGroup(absent, 'g'), kind('not-found'));
  });

  it('a commit beside members is a conflict, of a partition that is not there a failure of that one', async () => {
    const commit = (...names: ErrorName[]): GroupAdmin => {
      const partitions = names.map((name, partitionIndex) => ({ partitionIndex, errorCode: errorCode(name) }));
      const answers: Answer[] = [() => ({ topics: [{ name: 't', partitions }] })];
      return scripted(new Map([[OffsetCommit.key, { max: 8, answers }]]));
    };
    const offsets = [0, 1].map((partition) => ({ topic: 't', partition, offset: 1, leaderEpoch: -1, metadata: '' }));
    for (const name of [
      'UNKNOWN_MEMBER_ID',
      'ILLEGAL_GENERATION',
      'REBALANCE_IN_PROGRESS',
      'STALE_MEMBER_EPOCH',
    ] as const) {
      await assert.rejects(storeGroupOffsets(commit('NONE', name), 'g', offsets), kind('conflict'), name);
    }
    const failures = await storeGroupOffsets(commit('NONE', 'UNKNOWN_TOPIC_OR_PARTITION'), 'g', offsets);
    assert.deepEqual(
      failures.map(({ partition, error }) => [partition, error.kind]),
      [[1, 'not-found']],
    );
  });

  it('offsets come sorted, whatever the version; what is not committed is left out', async () => {
    const partition = (partitionIndex: number, committedOffset: bigint): object => {
      return { partitionIndex, committedOffset, committedLeaderEpoch: -1, metadata: null, errorCode: 0 };
    };
    const topics = [
      { name: 't', partitions: [partition(10, 3n), partition(2, 4n), partition(3, -1n)] },
      { name: 'a', partitions: [partition(0, 0n)] },
    ];
    for (const max of [7, 9]) {
      const answers: Answer[] = [
        (version) => ({
          errorCode: 0,
          topics: version < 8 ? topics : [],
          groups: version < 8 ? [] : [{ errorCode: 0, topics }],
        }),
      ];
      const found = await fetchGroupOffsets(scripted(new Map([[OffsetFetch.key, { max, answers }]])), 'g');
      assert.deepEqual(
        found.map(({ topic, partition: index, offset, metadata }) => [topic, index, offset, metadata]),
        [
          ['a', 0, 0, ''],
          ['t', 2, 4, ''],
          ['t', 10, 3, ''],
        ],
      );
    }
  });
});
