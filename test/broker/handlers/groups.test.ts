import assert from 'node:assert/strict';
import {
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  DeleteGroups,
  DescribeGroups,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  SyncGroup,
} from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { AnyApi, RequestInput, ResponseOf } from '../../../src/protocol/schema.ts';
import type { BrokerUnderTest } from '../broker-in-world.ts';
import type { GroupClient } from '../group-client.ts';
import { type GroupModules, loadGroupModules } from '../group-modules.ts';

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA';

let modules: GroupModules;

const withBroker: GroupModules['withBroker'] = (...args) => modules.withBroker(...args);

function ask<A extends AnyApi>(
  test: BrokerUnderTest,
  api: A,
  version: number,
  message: RequestInput<A>,
): Promise<ResponseOf<A>> {
  return modules.ask(test, api, version, message);
}

function versionsOf({ versions }: AnyApi): number[] {
  return Array.from({ length: versions.max - versions.min + 1 }, (_, at) => versions.min + at);
}

/** A broker with the topics `t` (three partitions) and `u`, and the topic of offsets. */
function withTopics(program: (test: BrokerUnderTest, client: GroupClient) => Promise<void>): Promise<void> {
  return withBroker(async (test) => {
    await test.createTopic('t', 3);
    await test.createTopic('u');
    const client = new modules.GroupClient(test);
    assert.equal(await client.find(), 'NONE');
    await program(test, client);
  });
}

const names = (codes: readonly { readonly errorCode: number }[]): string[] =>
  codes.map(({ errorCode }) => errorName(errorCode));

before(async () => {
  modules = await loadGroupModules();
});

describe('FindCoordinator', () => {
  it('makes the topic of offsets with the first request, with its configs and the number of partitions that is set', () =>
    withBroker(
      async (test) => {
        const found = await ask(test, FindCoordinator, 2, { key: 'g' });
        assert.deepEqual([errorName(found.errorCode), found.nodeId, found.host], ['NONE', 1, 'localhost']);
        const topic = test.session.image().topics.get('__consumer_offsets');
        assert.equal(topic?.partitions.length, 7);
        assert.deepEqual(Object.fromEntries(topic?.configs ?? []), {
          'cleanup.policy': 'compact',
          'compression.type': 'producer',
          'max.message.bytes': '16777216',
          'segment.bytes': '2097152',
          'streamctl.durability': 'ack',
        });
      },
      ['offsets.topic.num.partitions=7', 'offsets.topic.segment.bytes=2097152'],
    ));

  it('answers in every version, one key or many', () =>
    withBroker(async (test) => {
      for (const version of versionsOf(FindCoordinator)) {
        const found = await ask(test, FindCoordinator, version, {
          key: version < 4 ? 'g' : '',
          coordinatorKeys: version < 4 ? [] : ['g', 'h'],
        });
        const codes = version < 4 ? [found] : found.coordinators;
        assert.deepEqual(names(codes), version < 4 ? ['NONE'] : ['NONE', 'NONE']);
      }
    }));

  it('requests that come together make the topic once', () =>
    withBroker(async (test) => {
      const all = Array.from({ length: 5 }, () => ask(test, FindCoordinator, 2, { key: 'g' }));
      assert.deepEqual(
        names(await Promise.all(all)),
        Array.from({ length: 5 }, () => 'NONE'),
      );
    }));

  it('has no coordinators of transactions, nor of what it does not know', () =>
    withBroker(async (test) => {
      const of = async (keyType: number): Promise<string> =>
        errorName((await ask(test, FindCoordinator, 3, { key: 'x', keyType })).errorCode);
      assert.equal(await of(1), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
      assert.equal(await of(2), 'INVALID_REQUEST');
      assert.equal(await of(9), 'INVALID_REQUEST');
    }));
});

describe('group requests in every version', () => {
  it('JoinGroup, SyncGroup, Heartbeat and LeaveGroup of a member', () =>
    withTopics(async (test) => {
      for (const version of versionsOf(JoinGroup)) {
        const groupId = `g${version}`;
        const join = (memberId: string): Promise<ResponseOf<typeof JoinGroup>> =>
          ask(test, JoinGroup, version, {
            groupId,
            sessionTimeoutMs: 10_000,
            memberId,
            protocolType: 'consumer',
            protocols: [{ name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }],
          });
        let joined = await join('');
        if (version >= 4) {
          assert.equal(errorName(joined.errorCode), 'MEMBER_ID_REQUIRED');
          joined = await join(joined.memberId);
        }
        assert.equal(errorName(joined.errorCode), 'NONE');
        const { memberId, generationId } = joined;
        const synced = await ask(test, SyncGroup, Math.min(5, version), {
          groupId,
          generationId,
          memberId,
          protocolType: version >= 5 ? 'consumer' : null,
          protocolName: version >= 5 ? 'range' : null,
          assignments: [{ memberId, assignment: Buffer.from('a') }],
        });
        assert.equal(`${errorName(synced.errorCode)} ${synced.assignment}`, 'NONE a');
        const beat = await ask(test, Heartbeat, Math.min(4, version), { groupId, generationId, memberId });
        assert.equal(errorName(beat.errorCode), 'NONE');
        const leaveVersion = Math.min(5, version);
        const left = await ask(test, LeaveGroup, leaveVersion, {
          groupId,
          memberId: leaveVersion < 3 ? memberId : '',
          members: leaveVersion < 3 ? [] : [{ memberId }],
        });
        assert.deepEqual(names([left, ...left.members]), leaveVersion < 3 ? ['NONE'] : ['NONE', 'NONE']);
      }
    }));

  it('refusals can be written, whatever the version', () =>
    withBroker(async (test) => {
      // There is no topic of offsets.
      const refused: string[] = [];
      for (const version of versionsOf(JoinGroup)) {
        const message = { groupId: 'g', sessionTimeoutMs: 1, memberId: 'm', protocolType: '', protocols: [] };
        const joined = await ask(test, JoinGroup, version, message);
        refused.push(errorName(joined.errorCode), joined.memberId);
        assert.equal(joined.protocolName, version < 7 ? '' : null);
      }
      for (const version of versionsOf(SyncGroup)) {
        const protocol = { protocolType: 'x', protocolName: 'x' };
        const message = { groupId: 'g', generationId: 1, memberId: 'm', assignments: [], ...protocol };
        refused.push(errorName((await ask(test, SyncGroup, version, message)).errorCode));
      }
      for (const version of versionsOf(LeaveGroup)) {
        refused.push(errorName((await ask(test, LeaveGroup, version, { groupId: 'g' })).errorCode));
      }
      for (const version of versionsOf(DescribeGroups)) {
        const described = await ask(test, DescribeGroups, version, { groups: ['g'] });
        refused.push(...names(described.groups));
      }
      for (const version of versionsOf(DeleteGroups)) {
        refused.push(...names((await ask(test, DeleteGroups, version, { groupsNames: ['g'] })).results));
      }
      refused.push(errorName((await ask(test, OffsetDelete, 0, { groupId: 'g', topics: [] })).errorCode));
      assert.deepEqual(new Set(refused), new Set(['NOT_COORDINATOR', 'm']));
      for (const version of versionsOf(ListGroups)) {
        const listed = await ask(test, ListGroups, version, {});
        assert.deepEqual([errorName(listed.errorCode), listed.groups], ['NONE', []]);
      }
    }));

  it('SyncGroup wants to hear the protocol from v5 on', () =>
    withTopics(async (test) => {
      const message = { groupId: 'g', generationId: 1, memberId: 'm', assignments: [] };
      assert.equal(errorName((await ask(test, SyncGroup, 5, message)).errorCode), 'INCONSISTENT_GROUP_PROTOCOL');
      assert.equal(errorName((await ask(test, SyncGroup, 4, message)).errorCode), 'UNKNOWN_MEMBER_ID');
    }));
});

describe('OffsetCommit and OffsetFetch', () => {
  const partition = (partitionIndex: number, offset: bigint, committedMetadata: string | null = null) => ({
    partitionIndex,
    committedOffset: offset,
    committedMetadata,
  });

  it('in every version: what is committed is read, by name or by id', () =>
    withTopics(async (test) => {
      const topicId = test.session.image().topics.get('t')?.topicId ?? '';
      for (const version of versionsOf(OffsetCommit)) {
        const topic = version < 10 ? { name: 't' } : { topicId };
        const committed = await ask(test, OffsetCommit, version, {
          groupId: 'g',
          topics: [{ ...topic, partitions: [partition(0, BigInt(version), `m${version}`)] }],
        });
        assert.deepEqual(names(committed.topics[0]?.partitions ?? []), ['NONE']);
        assert.deepEqual(
          [committed.topics[0]?.name, committed.topics[0]?.topicId],
          version < 10 ? ['t', ZERO] : ['', topicId],
        );
        for (const fetchVersion of versionsOf(OffsetFetch)) {
          const asked = fetchVersion < 10 ? { name: 't' } : { topicId };
          const topics = [{ name: '', ...asked, partitionIndexes: [0, 1] }];
          const single = { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 1] }] };
          const fetched = await ask(
            test,
            OffsetFetch,
            fetchVersion,
            fetchVersion < 8 ? single : { groups: [{ groupId: 'g', topics }] },
          );
          const found = fetchVersion < 8 ? fetched.topics : fetched.groups[0]?.topics;
          assert.deepEqual(
            found?.[0]?.partitions.map(({ committedOffset, metadata, errorCode }) => [
              committedOffset,
              metadata,
              errorCode,
            ]),
            [
              [BigInt(version), `m${version}`, 0],
              [-1n, '', 0],
            ],
          );
        }
      }
    }));

  it('all that a group has, where no topics are named', () =>
    withTopics(async (test) => {
      const topics = [
        { name: 't', partitions: [partition(2, 5n), partition(0, 4n)] },
        { name: 'u', partitions: [partition(0, 9n)] },
      ];
      await ask(test, OffsetCommit, 8, { groupId: 'g', topics });
      for (const version of versionsOf(OffsetFetch).filter((each) => each >= 2)) {
        const asked = version < 8 ? { groupId: 'g', topics: null } : { groups: [{ groupId: 'g', topics: null }] };
        const fetched = await ask(test, OffsetFetch, version, asked);
        const found = version < 8 ? fetched.topics : fetched.groups[0]?.topics;
        assert.deepEqual(
          found?.map(({ partitions }) => partitions.map((each) => `${each.partitionIndex}@${each.committedOffset}`)),
          [['0@4', '2@5'], ['0@9']],
        );
      }
    }));

  it('what cannot be committed does not keep the rest from it', () =>
    withTopics(async (test) => {
      const topics = [
        { name: 'absent', partitions: [partition(0, 1n)] },
        { name: 't', partitions: [partition(7, 1n), partition(0, 2n), partition(1, 3n, 'x'.repeat(4097))] },
        { name: 'u', partitions: [partition(0, -3n)] },
      ];
      const answer = await ask(test, OffsetCommit, 8, { groupId: 'g', topics });
      assert.deepEqual(
        answer.topics.map(({ partitions }) => names(partitions)),
        [['UNKNOWN_TOPIC_OR_PARTITION'], ['UNKNOWN_TOPIC_OR_PARTITION', 'NONE', 'OFFSET_METADATA_TOO_LARGE'], ['NONE']],
      );
      const unknown = { topicId: 'BBBBBBBBBBBBBBBBBBBBBB', partitions: [partition(0, 1n)] };
      const byId = await ask(test, OffsetCommit, 10, { groupId: 'g', topics: [unknown] });
      assert.deepEqual(names(byId.topics[0]?.partitions ?? []), ['UNKNOWN_TOPIC_ID']);
      const fetched = await ask(test, OffsetFetch, 10, {
        groups: [{ groupId: 'g', topics: [{ topicId: unknown.topicId, partitionIndexes: [0] }] }],
      });
      assert.deepEqual(names(fetched.groups[0]?.topics[0]?.partitions ?? []), ['UNKNOWN_TOPIC_ID']);
    }));

  it('a commit by somebody who is no member is refused for all that he committed', () =>
    withTopics(async (test) => {
      const topics = [{ name: 't', partitions: [partition(0, 1n), partition(9, 1n)] }];
      const answer = await ask(test, OffsetCommit, 8, {
        groupId: 'g',
        memberId: 'm',
        generationIdOrMemberEpoch: 3,
        topics,
      });
      assert.deepEqual(names(answer.topics[0]?.partitions ?? []), ['ILLEGAL_GENERATION', 'UNKNOWN_TOPIC_OR_PARTITION']);
    }));

  it('a commit of thousands of partitions is one answer, and is kept whole', () =>
    withTopics(async (test) => {
      await test.createTopic('wide', 5000);
      const partitions = Array.from({ length: 5000 }, (_, at) => partition(at, BigInt(at), 'm'.repeat(300)));
      const answer = await ask(test, OffsetCommit, 8, { groupId: 'g', topics: [{ name: 'wide', partitions }] });
      assert.ok(answer.topics[0]?.partitions.every(({ errorCode }) => errorCode === 0));
      const fetched = await ask(test, OffsetFetch, 8, { groups: [{ groupId: 'g', topics: null }] });
      assert.equal(fetched.groups[0]?.topics[0]?.partitions.length, 5000);
    }));
});

describe('groups by administrators', () => {
  it('are listed by state and type, described and deleted', () =>
    withTopics(async (test, client) => {
      assert.equal(await client.commit('t', 4), 'NONE');
      const member = new modules.GroupClient(test, { groupId: 'live' });
      assert.deepEqual([await member.join(), await member.sync()], ['NONE', 'NONE']);
      const list = async (statesFilter: string[], typesFilter: string[] = []): Promise<string[]> => {
        const { groups } = await ask(test, ListGroups, 5, { statesFilter, typesFilter });
        return groups.map(({ groupId, groupState, protocolType }) => `${groupId} ${groupState} ${protocolType}`).sort();
      };
      assert.deepEqual(await list([]), ['g Empty ', 'live Stable consumer']);
      assert.deepEqual(await list(['sTABLE']), ['live Stable consumer']);
      assert.deepEqual(await list([], ['Consumer']), []);
      for (const version of versionsOf(ListGroups))
        assert.equal((await ask(test, ListGroups, version, {})).groups.length, 2);
      for (const version of versionsOf(DescribeGroups)) {
        const { groups } = await ask(test, DescribeGroups, version, {
          groups: ['live', 'none', 'live'],
          includeAuthorizedOperations: version >= 3,
        });
        assert.deepEqual(
          groups.map(({ groupId, groupState, errorCode }) => `${groupId} ${groupState} ${errorName(errorCode)}`),
          ['live Stable NONE', version < 6 ? 'none Dead NONE' : 'none Dead GROUP_ID_NOT_FOUND'],
        );
        assert.equal(groups[0]?.members[0]?.memberAssignment.toString(), member.memberId);
        assert.equal(groups[0]?.members[0]?.clientHost, `/embedded-${test.session.brokerEpoch}`);
        assert.equal(groups[0]?.authorizedOperations, version < 3 ? -(2 ** 31) : 3400);
      }
      const remove = async (...groupsNames: string[]): Promise<string[]> =>
        names((await ask(test, DeleteGroups, 2, { groupsNames })).results);
      assert.deepEqual(await remove('g', 'live', 'none'), ['NONE', 'NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND']);
      assert.deepEqual(await list([]), ['live Stable consumer']);
      assert.equal(await client.committed('t'), -1);
    }));

  it('all partitions with groups are looked at, those of an earlier life too', () =>
    withTopics(async (test) => {
      for (let at = 0; at < 20; at += 1) {
        assert.equal(await new modules.GroupClient(test, { groupId: `g${at}` }).commit('t', at), 'NONE');
      }
      assert.equal((await ask(test, ListGroups, 4, {})).groups.length, 20);
    }));

  it('offsets are deleted of topics that are not read', () =>
    withTopics(async (test) => {
      const member = new modules.GroupClient(test, { groupId: 'live' });
      assert.deepEqual([await member.join(), await member.sync()], ['NONE', 'NONE']);
      assert.deepEqual([await member.commit('t', 1), await member.commit('u', 2)], ['NONE', 'NONE']);
      const topics = ['t', 'u', 'absent'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
      const deleted = await ask(test, OffsetDelete, 0, { groupId: 'live', topics });
      assert.deepEqual(
        deleted.topics.map(({ partitions }) => names(partitions)),
        [['GROUP_SUBSCRIBED_TO_TOPIC'], ['NONE'], ['UNKNOWN_TOPIC_OR_PARTITION']],
      );
      assert.deepEqual([await member.committed('t'), await member.committed('u')], [1, -1]);
      assert.equal(
        errorName((await ask(test, OffsetDelete, 0, { groupId: 'none', topics })).errorCode),
        'GROUP_ID_NOT_FOUND',
      );
    }));
});

describe('names that no record could hold', () => {
  it('are refused before they cost a shard its life', () =>
    withTopics(async (test) => {
      const member = new modules.GroupClient(test);
      assert.deepEqual([await member.join(), await member.sync()], ['NONE', 'NONE']);
      const long = 'x'.repeat(40_000);
      const base = { groupId: 'g', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer' };
      const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }];
      const requests = [
        { ...base, protocols, groupId: long },
        { ...base, protocols, groupInstanceId: long },
        { ...base, protocols, protocolType: long },
        { ...base, protocols: [...protocols, { name: long, metadata: Buffer.alloc(0) }] },
      ];
      const answers = await Promise.all(requests.map((request) => ask(test, JoinGroup, 9, request)));
      const invalid = 'INVALID_REQUEST';
      assert.deepEqual(names(answers), ['INVALID_GROUP_ID', invalid, invalid, invalid]);
      const topics = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] }];
      const committed = await ask(test, OffsetCommit, 9, { groupId: long, topics });
      assert.deepEqual(names(committed.topics[0]?.partitions ?? []), ['INVALID_GROUP_ID']);
      assert.equal(await member.heartbeat(), 'NONE');
    }));
});

describe('ConsumerGroupHeartbeat and ConsumerGroupDescribe', () => {
  const joining = {
    groupId: 'k',
    memberId: 'm1',
    memberEpoch: 0,
    rebalanceTimeoutMs: 10_000,
    subscribedTopicNames: ['t'],
    topicPartitions: [],
  };

  it('in every version: a member joins, is described, commits and leaves', () =>
    withTopics(async (test) => {
      for (const version of versionsOf(ConsumerGroupHeartbeat)) {
        const groupId = `k${version}`;
        const joined = await ask(test, ConsumerGroupHeartbeat, version, {
          ...joining,
          groupId,
          memberId: version === 0 ? '' : 'm1',
        });
        const { memberId, memberEpoch } = joined;
        assert.ok(memberId !== null);
        assert.deepEqual([errorName(joined.errorCode), memberEpoch, joined.heartbeatIntervalMs], ['NONE', 1, 2000]);
        assert.deepEqual(joined.assignment?.topicPartitions[0]?.partitions, [0, 1, 2]);
        const described = await ask(test, ConsumerGroupDescribe, version, {
          groupIds: [groupId, 'none', 'g'],
          includeAuthorizedOperations: true,
        });
        assert.deepEqual(names(described.groups), ['NONE', 'GROUP_ID_NOT_FOUND', 'GROUP_ID_NOT_FOUND']);
        assert.equal(described.groups[0]?.members[0]?.assignment.topicPartitions[0]?.topicName, 't');
        assert.equal(described.groups[0]?.authorizedOperations, 3400);
        const partition = { partitionIndex: 0, committedOffset: 4n, committedMetadata: null };
        const commit = async (epoch: number): Promise<string[]> => {
          const member = { groupId, memberId, generationIdOrMemberEpoch: epoch };
          const topics = [{ name: 't', partitions: [partition] }];
          const { topics: committed } = await ask(test, OffsetCommit, 9, { ...member, topics });
          return names(committed[0]?.partitions ?? []);
        };
        assert.deepEqual([await commit(1), await commit(0)], [['NONE'], ['STALE_MEMBER_EPOCH']]);
        const left = await ask(test, ConsumerGroupHeartbeat, version, {
          ...joining,
          groupId,
          memberId,
          memberEpoch: -1,
        });
        assert.deepEqual([errorName(left.errorCode), left.memberEpoch], ['NONE', -1]);
      }
    }));

  it('a topic that comes later is assigned to who subscribed to it', () =>
    withTopics(async (test) => {
      const subscribed = { ...joining, subscribedTopicNames: ['t', 'later'] };
      assert.equal(errorName((await ask(test, ConsumerGroupHeartbeat, 1, subscribed)).errorCode), 'NONE');
      await test.createTopic('later', 2);
      await test.env.clock.sleep(100);
      const beat = await ask(test, ConsumerGroupHeartbeat, 1, { groupId: 'k', memberId: 'm1', memberEpoch: 1 });
      assert.deepEqual([errorName(beat.errorCode), beat.memberEpoch], ['NONE', 2]);
      const counts = beat.assignment?.topicPartitions.map(({ partitions }) => partitions.length);
      assert.deepEqual(counts?.sort(), [2, 3]);
    }));

  it('members of the other protocol are told so, and refusals have a text', () =>
    withTopics(async (test) => {
      assert.equal(errorName((await ask(test, ConsumerGroupHeartbeat, 1, joining)).errorCode), 'NONE');
      assert.equal(await new modules.GroupClient(test, { groupId: 'k' }).join(), 'INCONSISTENT_GROUP_PROTOCOL');
      const unknown = { groupId: 'k', memberId: 'm2', memberEpoch: 3 };
      const refused = await ask(test, ConsumerGroupHeartbeat, 1, unknown);
      assert.deepEqual([errorName(refused.errorCode), refused.errorMessage === null], ['UNKNOWN_MEMBER_ID', false]);
      const list = await ask(test, ListGroups, 5, { statesFilter: [], typesFilter: ['CONSUMER'] });
      assert.deepEqual(
        list.groups.map(({ groupId, groupType, protocolType }) => [groupId, groupType, protocolType]),
        [['k', 'consumer', 'consumer']],
      );
    }));

  it('a silent member is removed after six seconds', () =>
    withTopics(async (test) => {
      assert.equal(errorName((await ask(test, ConsumerGroupHeartbeat, 1, joining)).errorCode), 'NONE');
      await test.env.clock.sleep(7000);
      const beat = await ask(test, ConsumerGroupHeartbeat, 1, { groupId: 'k', memberId: 'm1', memberEpoch: 1 });
      assert.equal(errorName(beat.errorCode), 'UNKNOWN_MEMBER_ID');
    }));
});
