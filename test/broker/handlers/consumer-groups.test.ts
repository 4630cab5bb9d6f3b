import assert from 'node:assert/strict';
import {
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  ListGroups,
  OffsetCommit,
} from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { ask, loadModulesOnce, modules, names, versionsOf, withTopics } from './group-scene.ts';

before(loadModulesOnce);

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

  it('a name that no record could hold is refused, and costs the other groups nothing', () =>
    withTopics(async (test) => {
      const first = await ask(test, ConsumerGroupHeartbeat, 1, joining);
      assert.equal(first.memberEpoch, 1);
      const long = 'x'.repeat(40_000);
      for (const names of [
        { memberId: long },
        { instanceId: long },
        { rackId: long },
        { subscribedTopicNames: [long] },
        { subscribedTopicNames: Array.from({ length: 200 }, (_, number) => `${number}`.padEnd(6_000, 'x')) },
      ]) {
        const refused = await ask(test, ConsumerGroupHeartbeat, 1, { ...joining, ...names });
        assert.equal(errorName(refused.errorCode), 'INVALID_REQUEST', Object.keys(names)[0]);
      }
      const beat = { groupId: 'k', memberId: 'm1', memberEpoch: 1, rebalanceTimeoutMs: -1 };
      assert.equal(errorName((await ask(test, ConsumerGroupHeartbeat, 1, beat)).errorCode), 'NONE');
    }));

  it('a silent member is removed after six seconds', () =>
    withTopics(async (test) => {
      assert.equal(errorName((await ask(test, ConsumerGroupHeartbeat, 1, joining)).errorCode), 'NONE');
      await test.env.clock.sleep(7000);
      const beat = await ask(test, ConsumerGroupHeartbeat, 1, { groupId: 'k', memberId: 'm1', memberEpoch: 1 });
      assert.equal(errorName(beat.errorCode), 'UNKNOWN_MEMBER_ID');
    }));
});
