import assert from 'node:assert/strict';
import {
  ConsumerGroupDescribe,
  DeleteGroups,
  DescribeGroups,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  OffsetDelete,
  SyncGroup,
} from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { ResponseOf } from '../../../src/protocol/schema.ts';
import { ask, loadModulesOnce, modules, names, versionsOf, withBroker, withTopics } from './group-scene.ts';

before(loadModulesOnce);

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
      assert.deepEqual(new Set(refused), new Set(['NOT_COORDINATOR', 'm']));
      for (const version of versionsOf(ListGroups)) {
        const listed = await ask(test, ListGroups, version, {});
        assert.deepEqual([errorName(listed.errorCode), listed.groups], ['NONE', []]);
      }
    }));

  it('while there is no topic of offsets there are no groups, and looking for one makes none', () =>
    withBroker(async (test) => {
      for (const version of versionsOf(DescribeGroups)) {
        const { groups } = await ask(test, DescribeGroups, version, { groups: ['g'] });
        assert.deepEqual(
          groups.map(({ groupState, errorCode }) => `${groupState} ${errorName(errorCode)}`),
          [version < 6 ? 'Dead NONE' : 'Dead GROUP_ID_NOT_FOUND'],
        );
      }
      const absent: string[] = [];
      for (const version of versionsOf(ConsumerGroupDescribe)) {
        const message = { groupIds: ['g'], includeAuthorizedOperations: false };
        absent.push(...names((await ask(test, ConsumerGroupDescribe, version, message)).groups));
      }
      for (const version of versionsOf(DeleteGroups)) {
        absent.push(...names((await ask(test, DeleteGroups, version, { groupsNames: ['g'] })).results));
      }
      absent.push(errorName((await ask(test, OffsetDelete, 0, { groupId: 'g', topics: [] })).errorCode));
      assert.deepEqual(new Set(absent), new Set(['GROUP_ID_NOT_FOUND']));
      assert.equal(test.session.image().topics.size, 0);
    }));

  it('SyncGroup wants to hear the protocol from v5 on', () =>
    withTopics(async (test) => {
      const message = { groupId: 'g', generationId: 1, memberId: 'm', assignments: [] };
      assert.equal(errorName((await ask(test, SyncGroup, 5, message)).errorCode), 'INCONSISTENT_GROUP_PROTOCOL');
      assert.equal(errorName((await ask(test, SyncGroup, 4, message)).errorCode), 'UNKNOWN_MEMBER_ID');
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
