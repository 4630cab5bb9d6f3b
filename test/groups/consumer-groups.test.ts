/** KIP-848 groups among the others: offsets of their members, lists, description, deletion, expiry, and groups that change their kind. */
import assert from 'node:assert/strict';
import type { Call } from '../../src/groups/call.ts';
import { ZERO_UUID } from '../../src/protocol/schema.ts';
import { ConsumerWorld, topicIdOf } from './consumer-world.ts';
import { errorOf } from './group-world.ts';

function fetchBy(world: ConsumerWorld, memberId: string | null, memberEpoch: number): string {
  const request = { groupId: 'g', who: { memberId, memberEpoch }, topics: null };
  return (
    world.ask((machine, call: Call<unknown>, now) => machine.fetchOffsets(call as never, request, now)).failure ??
    'NONE'
  );
}

describe('groups: offsets of a KIP-848 group', () => {
  const offset = { topic: 'foo', topicId: topicIdOf('foo'), offset: 5n };

  it('are committed by its members at their epoch', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    assert.equal(world.commit({ memberId: 'm', generation: 1 }, [offset]).value[0]?.errorCode, 0);
    assert.deepEqual(world.offsets(), { 'foo-0': 5n });
    for (const generation of [0, 2]) {
      assert.equal(world.commit({ memberId: 'm', generation }, [offset]).error, 'STALE_MEMBER_EPOCH');
    }
    assert.equal(world.commit({ memberId: 'n', generation: 1 }, [offset]).error, 'UNKNOWN_MEMBER_ID');
    assert.equal(world.commit({}, [offset]).error, 'UNKNOWN_MEMBER_ID');
    assert.equal(
      world.commit({ memberId: 'm', generation: 1 }, [offset], { apiVersion: 8 }).error,
      'UNSUPPORTED_VERSION',
    );
  });

  it('are committed by anybody while it is empty, and by no member that is gone', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.beat({ memberEpoch: -1 });
    assert.equal(world.commit({}, [offset]).value[0]?.errorCode, 0);
    assert.equal(world.commit({ memberId: 'm', generation: 1 }, [offset]).error, 'UNKNOWN_MEMBER_ID');
  });

  it('are no sign of life', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.pass(5999);
    world.commit({ memberId: 'm', generation: 1 }, [offset]);
    world.pass(1);
    assert.equal(world.consumer().groupState, 'Empty');
  });

  it('are read by members at their epoch, and by whoever says nothing of himself', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    assert.equal(fetchBy(world, 'm', 1), 'NONE');
    assert.equal(fetchBy(world, null, -1), 'NONE');
    assert.equal(fetchBy(world, 'm', 2), 'STALE_MEMBER_EPOCH');
    assert.equal(fetchBy(world, 'n', 1), 'UNKNOWN_MEMBER_ID');
    assert.equal(fetchBy(world, null, 1), 'UNKNOWN_MEMBER_ID');
  });

  it('expire some time after their commit, those of topics that are subscribed to do not', () => {
    const world = new ConsumerWorld({ foo: 1, bar: 1 }, { offsetsRetentionMs: 1000, consumerSessionTimeoutMs: 60_000 });
    world.joinConsumer('m');
    for (const topic of ['foo', 'bar']) {
      world.commit({ memberId: 'm', generation: 1 }, [{ topic, topicId: ZERO_UUID, offset: 1n }]);
    }
    world.pass(1000);
    world.turn((machine, now) => machine.expireOffsets(now));
    assert.deepEqual(world.offsets(), { 'foo-0': 1n });
    world.beat({ memberEpoch: -1 });
    world.turn((machine, now) => machine.expireOffsets(now));
    assert.deepEqual(world.offsets(), {});
    assert.deepEqual(world.list(), []);
    assert.deepEqual(world.list(world.load()), []);
  });

  it('of a topic that is subscribed to are not deleted', () => {
    const world = new ConsumerWorld({ foo: 1, bar: 1 });
    world.joinConsumer('m');
    for (const topic of ['foo', 'bar']) {
      world.commit({ memberId: 'm', generation: 1 }, [{ topic, topicId: topicIdOf(topic), offset: 1n }]);
    }
    const topics = ['foo', 'bar'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
    const { value } = world.ask<{ topics: { partitions: { errorCode: number }[] }[] }>((machine, call, now) =>
      machine.deleteOffsets(call as never, { groupId: 'g', topics } as never, now),
    );
    assert.deepEqual(
      value.topics.map(({ partitions }) => partitions[0]?.errorCode),
      [86, 0],
    );
  });
});

describe('groups: a KIP-848 group is', () => {
  it('described with what members have and are to have', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m', { instanceId: 'i', rackId: 'r' });
    assert.deepEqual(world.consumer(), {
      errorCode: 0,
      errorMessage: null,
      groupId: 'g',
      groupState: 'Stable',
      groupEpoch: 1,
      assignmentEpoch: 1,
      assignorName: 'uniform',
      authorizedOperations: -2147483648,
      members: [
        {
          memberId: 'm',
          instanceId: 'i',
          rackId: 'r',
          memberEpoch: 1,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          subscribedTopicNames: ['foo'],
          subscribedTopicRegex: null,
          assignment: {
            topicPartitions: [{ topicId: topicIdOf('foo'), topicName: 'foo', partitions: [0, 1, 2, 3, 4, 5] }],
          },
          targetAssignment: {
            topicPartitions: [{ topicId: topicIdOf('foo'), topicName: 'foo', partitions: [0, 1, 2, 3, 4, 5] }],
          },
          memberType: 1,
        },
      ],
    });
  });

  it('listed with its kind and state', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('a');
    const listed = { groupId: 'g', protocolType: 'consumer', groupType: 'consumer' };
    assert.deepEqual(world.list(), [{ ...listed, groupState: 'Stable' }]);
    world.joinConsumer('b');
    assert.deepEqual(world.list(), [{ ...listed, groupState: 'Reconciling' }]);
    world.beat({ memberId: 'b', memberEpoch: -1 });
    assert.deepEqual(world.list(), [{ ...listed, groupState: 'Assigning' }]);
    world.beat({ memberId: 'a', memberEpoch: -1 });
    assert.deepEqual(world.list(), [{ ...listed, groupState: 'Empty' }]);
  });

  it('no classic one to DescribeGroups', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    assert.equal(world.describe().errorCode, 69);
  });

  it('deleted when it is empty, with its offsets, and leaves nothing behind', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.commit({ memberId: 'm', generation: 1 }, [{ topic: 'foo', offset: 1n }]);
    const remove = (): string | undefined =>
      world.ask((machine, call: Call<unknown>, now) => machine.deleteGroup(call as never, 'g', now)).failure;
    assert.equal(remove(), 'NON_EMPTY_GROUP');
    world.beat({ memberEpoch: -1 });
    const count = world.log.length;
    assert.equal(remove(), undefined);
    assert.deepEqual(world.written(count), ['-offset-commit', '-target-epoch', '-epoch']);
    assert.deepEqual([world.list(), world.list(world.load())], [[], []]);
    assert.equal(world.joinConsumer('m').value.memberEpoch, 1);
  });
});

describe('groups: a group of the other kind', () => {
  it('with classic members is no group for a KIP-848 one', () => {
    const world = new ConsumerWorld();
    world.joinTwice();
    assert.equal(world.joinConsumer('m').error, 'GROUP_ID_NOT_FOUND');
    assert.equal(world.beat({ memberEpoch: 1 }).error, 'GROUP_ID_NOT_FOUND');
    assert.equal(world.beat({ memberEpoch: -1 }).error, 'GROUP_ID_NOT_FOUND');
  });

  it('empty and classic becomes a KIP-848 group with its offsets', () => {
    const world = new ConsumerWorld();
    const { memberId } = world.joinTwice();
    world.leave([{ memberId }]);
    world.commit({}, [{ topic: 'foo', offset: 7n }]);
    const count = world.log.length;
    assert.equal(world.joinConsumer('m').value.memberEpoch, 1);
    assert.deepEqual(world.written(count).slice(0, 3), ['-classic', 'member m', 'epoch']);
    for (const machine of [world.machine, world.load()]) {
      assert.deepEqual(world.list(machine), [
        { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'consumer' },
      ]);
      assert.deepEqual(world.offsets('g', machine), { 'foo-0': 7n });
    }
  });

  it('of offsets alone too', () => {
    const world = new ConsumerWorld();
    world.commit({}, [{ topic: 'foo', offset: 7n }]);
    assert.equal(world.joinConsumer('m').value.memberEpoch, 1);
    assert.deepEqual(world.offsets(), { 'foo-0': 7n });
  });

  it('with KIP-848 members is no group for a classic one', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    assert.equal(errorOf(world.join()), 'INCONSISTENT_GROUP_PROTOCOL');
  });

  it('empty and of KIP-848 becomes a classic group with its offsets', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.commit({ memberId: 'm', generation: 1 }, [{ topic: 'foo', offset: 7n }]);
    world.beat({ memberEpoch: -1 });
    const count = world.log.length;
    world.joinTwice();
    assert.deepEqual(world.written(count).slice(0, 3), ['-target-epoch', '-epoch', 'classic']);
    for (const machine of [world.machine, world.load()]) {
      assert.equal(world.list(machine)[0]?.groupType, 'classic');
      assert.deepEqual(world.offsets('g', machine), { 'foo-0': 7n });
    }
    assert.equal(world.list().length, 1);
  });

  it('is told by the log even when compaction dropped the tombstones in between', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.beat({ memberEpoch: -1 });
    world.joinTwice();
    const kept = world.log.filter(({ value }) => value !== null);
    world.log.splice(0, Infinity, ...kept);
    assert.equal(world.list(world.load())[0]?.groupType, 'classic');
  });
});
