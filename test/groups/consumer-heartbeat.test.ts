/** Joins, steps and leaves of KIP-848 members, with cases of Kafka's GroupMetadataManagerTest.java. */
import assert from 'node:assert/strict';
import { ConsumerClient, ConsumerWorld, HEARTBEAT_848_MS, REBALANCE_848_MS, settleClients } from './consumer-world.ts';

describe('groups: a KIP-848 member joins', () => {
  it('an empty group: it gets all at epoch 1, and the records are Kafka’s in their order', () => {
    const world = new ConsumerWorld({ foo: 6, bar: 3 });
    const { value } = world.joinConsumer('m', { subscribedTopicNames: ['foo', 'bar', 'foo'] });
    assert.deepEqual(
      [value.errorCode, value.memberId, value.memberEpoch, value.heartbeatIntervalMs, value.throttleTimeMs],
      [0, 'm', 1, HEARTBEAT_848_MS, 0],
    );
    assert.equal(world.format(value.assignment?.topicPartitions), 'bar:0,1,2 foo:0,1,2,3,4,5');
    assert.deepEqual(world.written(0), ['member m', 'epoch', 'target m', 'target-epoch', 'current m']);
    const [member, epoch] = world.log;
    assert.deepEqual(member, {
      kind: 'consumer-group-member-metadata',
      groupId: 'g',
      memberId: 'm',
      value: {
        instanceId: null,
        rackId: null,
        clientId: 'client',
        clientHost: '/127.0.0.1',
        subscribedTopicNames: ['bar', 'foo'],
        subscribedTopicRegex: null,
        rebalanceTimeoutMs: REBALANCE_848_MS,
        serverAssignor: null,
        classicMemberMetadata: null,
      },
    });
    assert(epoch?.kind === 'consumer-group-metadata' && epoch.value !== null);
    assert.deepEqual([epoch.value.epoch, epoch.value.metadataHash !== 0n], [1, true]);
  });

  it('with more topics than a call has room for arguments', () => {
    const world = new ConsumerWorld();
    const subscribedTopicNames = Array.from({ length: 300_000 }, (_, number) => `t${number}`);
    assert.equal(world.joinConsumer('m', { subscribedTopicNames }).value.memberEpoch, 1);
    assert.equal(world.consumer('g', world.load()).members[0]?.subscribedTopicNames.length, 300_000);
  });

  it('v0: under an id that is made for it', () => {
    const world = new ConsumerWorld();
    const { value } = world.joinConsumer('', {}, { apiVersion: 0 });
    assert.match(value.memberId ?? '', /^client-uuid-/);
    assert.equal(world.beat({ memberId: value.memberId ?? '', memberEpoch: 1 }).value.errorCode, 0);
  });

  it('with a subscription to nothing, or to a topic that does not exist yet: it has nothing', () => {
    const world = new ConsumerWorld();
    const nothing = world.joinConsumer('m', { subscribedTopicNames: [] }).value;
    assert.deepEqual([nothing.memberEpoch, nothing.assignment?.topicPartitions], [1, []]);
    const later = world.joinConsumer('n', { subscribedTopicNames: ['later'] }).value;
    assert.deepEqual([later.memberEpoch, later.assignment?.topicPartitions], [2, []]);
    assert.equal(world.consumer().groupState, 'Reconciling');
    world.beat({ memberId: 'm', memberEpoch: 1 });
    assert.equal(world.consumer().groupState, 'Stable');
  });

  it('a group with members: it waits until they let go, each its own way', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('a');
    const count = world.log.length;
    const joined = world.joinConsumer('b').value;
    assert.deepEqual([joined.memberEpoch, joined.assignment?.topicPartitions], [2, []]);
    assert.deepEqual(world.written(count), ['member b', 'epoch', 'target a', 'target b', 'target-epoch', 'current b']);
    assert.deepEqual(world.members(), { a: '1 foo:0,1,2,3,4,5 -> foo:0,1,2', b: '2  -> foo:3,4,5' });
    // a is told what it may keep, and stays at its epoch until it says that it has nothing else.
    const told = world.beat({ memberId: 'a', memberEpoch: 1 }).value;
    assert.deepEqual([told.memberEpoch, world.format(told.assignment?.topicPartitions)], [1, 'foo:0,1,2']);
    for (const owned of ['foo:0,1,2,3,4,5', 'foo:0,1,2,5', null]) {
      const still = world.beat({ memberId: 'a', memberEpoch: 1, owned }).value;
      assert.deepEqual([still.memberEpoch, still.assignment], [1, null]);
      assert.equal(world.beat({ memberId: 'b', memberEpoch: 2, owned: '' }).value.assignment, null);
    }
    const done = world.beat({ memberId: 'a', memberEpoch: 1, owned: 'foo:0,1,2' }).value;
    assert.deepEqual([done.memberEpoch, done.assignment], [2, null]);
    const got = world.beat({ memberId: 'b', memberEpoch: 2 }).value;
    assert.deepEqual([got.memberEpoch, world.format(got.assignment?.topicPartitions)], [2, 'foo:3,4,5']);
    assert.equal(world.consumer().groupState, 'Stable');
    // From here on nothing is written.
    const end = world.log.length;
    for (const memberId of ['a', 'b']) {
      assert.equal(world.beat({ memberId, memberEpoch: 2 }).value.assignment, null);
    }
    assert.equal(world.log.length, end);
  });

  it('three of them, one after the other: all is given out, within one of each other', () => {
    const world = new ConsumerWorld({ foo: 6, bar: 3 });
    const clients = ['a', 'b', 'c'].map(
      (memberId) => new ConsumerClient(world, memberId, { subscribedTopicNames: ['bar', 'foo'] }),
    );
    for (const client of clients) client.beat();
    settleClients(world, clients);
    assert.equal(world.consumer().groupState, 'Stable');
    assert.deepEqual(
      clients.map(({ has }) => has.split(/[ ,]/).length),
      [3, 3, 3],
    );
  });

  it('more of them than group.consumer.max.size: refused, those who are there are not', () => {
    const world = new ConsumerWorld({ foo: 6 }, { consumerMaxSize: 1 });
    world.joinConsumer('a');
    assert.equal(world.joinConsumer('b').error, 'GROUP_MAX_SIZE_REACHED');
    assert.equal(world.beat({ memberId: 'a', memberEpoch: 1 }).value.memberEpoch, 1);
    assert.equal(world.beat({ memberId: 'b', memberEpoch: 1 }).error, 'UNKNOWN_MEMBER_ID');
  });

  it('a full group again, as a static one that left for a while', () => {
    const world = new ConsumerWorld({ foo: 6 }, { consumerMaxSize: 1 });
    world.joinConsumer('s1', { instanceId: 'i' });
    world.beat({ memberId: 's1', memberEpoch: -2, instanceId: 'i' });
    assert.equal(world.joinConsumer('s2', { instanceId: 'i' }).value.memberEpoch, 1);
  });

  it('a group that would be too much for one write: refused, and nothing has changed', () => {
    const world = new ConsumerWorld({ foo: 100 }, {}, 4096);
    assert.equal(world.joinConsumer('a').value.memberEpoch, 1);
    const count = world.log.length;
    const topics = Array.from({ length: 300 }, (_, index) => `a-rather-long-name-${index}`);
    assert.equal(world.joinConsumer('b', { subscribedTopicNames: topics }).error, 'UNKNOWN_SERVER_ERROR');
    assert.equal(world.log.length, count);
    assert.equal(world.beat({ memberId: 'a', memberEpoch: 1 }).value.memberEpoch, 1);
  });
});

describe('groups: what a KIP-848 heartbeat says', () => {
  it('what it leaves out stays; a new subscription raises the epoch, another host does not', () => {
    const world = new ConsumerWorld({ foo: 2, bar: 2 });
    world.joinConsumer('m', { rackId: 'r', serverAssignor: 'range' });
    let count = world.log.length;
    assert.equal(world.beat({ memberEpoch: 1 }, { clientHost: '/10.0.0.1' }).value.memberEpoch, 1);
    assert.deepEqual(world.written(count), ['member m']);
    count = world.log.length;
    const { value } = world.beat({ memberEpoch: 1, subscribedTopicNames: ['foo', 'bar'] }, { clientHost: '/10.0.0.1' });
    assert.deepEqual([value.memberEpoch, world.format(value.assignment?.topicPartitions)], [2, 'bar:0,1 foo:0,1']);
    assert.deepEqual(world.written(count), ['member m', 'epoch', 'target m', 'target-epoch', 'current m']);
    const [member] = world.consumer().members;
    assert.deepEqual(
      [member?.rackId, member?.clientHost, member?.subscribedTopicNames, world.consumer().assignorName],
      ['r', '/10.0.0.1', ['bar', 'foo'], 'range'],
    );
  });

  it('all of itself: the assignment is told once more', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    const full = { memberEpoch: 1, rebalanceTimeoutMs: REBALANCE_848_MS, subscribedTopicNames: ['foo'] };
    const told = world.beat({ ...full, owned: 'foo:0,1,2,3,4,5' }).value;
    assert.equal(world.format(told.assignment?.topicPartitions), 'foo:0,1,2,3,4,5');
    assert.equal(world.beat({ ...full, owned: null }).value.assignment, null);
    assert.equal(world.beat({ ...full, rebalanceTimeoutMs: -1, owned: 'foo:0' }).value.assignment, null);
  });

  it('while it still has to let go, what it does not subscribe to any more has to go too', () => {
    const world = new ConsumerWorld({ foo: 2, bar: 2 });
    world.joinConsumer('a', { subscribedTopicNames: ['foo', 'bar'] });
    world.joinConsumer('b', { subscribedTopicNames: ['foo', 'bar'] });
    const told = world.beat({ memberId: 'a', memberEpoch: 1 }).value;
    const kept = world.format(told.assignment?.topicPartitions);
    const owned = 'bar:0,1 foo:0,1';
    const after = world.beat({ memberId: 'a', memberEpoch: 1, subscribedTopicNames: ['foo'], owned }).value;
    assert.equal(after.memberEpoch, 1);
    assert.equal(
      world.format(after.assignment?.topicPartitions),
      kept
        .split(' ')
        .filter((word) => word.startsWith('foo'))
        .join(' '),
    );
  });

  it('the assignor that most ask for; the broker’s first where they are as many', () => {
    const world = new ConsumerWorld();
    const range = { serverAssignor: 'range' };
    world.joinConsumer('a', range);
    assert.equal(world.consumer().assignorName, 'range');
    world.joinConsumer('b', { serverAssignor: 'uniform' });
    assert.equal(world.consumer().assignorName, 'uniform');
    world.joinConsumer('c', range);
    assert.equal(world.consumer().assignorName, 'range');
    const other = new ConsumerWorld({ foo: 1 }, { consumerAssignors: ['range'] });
    assert.equal(other.joinConsumer('a', { serverAssignor: 'uniform' }).error, 'UNSUPPORTED_ASSIGNOR');
    other.joinConsumer('a');
    assert.equal(other.consumer().assignorName, 'range');
  });
});

describe('groups: a KIP-848 member leaves', () => {
  it('for good: its tombstones, a new epoch, and the next heartbeat of anybody gives away what it had', () => {
    const world = new ConsumerWorld();
    const clients = ['a', 'b'].map((memberId) => new ConsumerClient(world, memberId));
    settleClients(world, clients);
    const count = world.log.length;
    const { value } = world.beat({ memberId: 'a', memberEpoch: -1 });
    assert.deepEqual(
      [value.errorCode, value.memberId, value.memberEpoch, value.heartbeatIntervalMs, value.assignment],
      [0, 'a', -1, 0, null],
    );
    assert.deepEqual(world.written(count), ['-current a', '-target a', '-member a', 'epoch']);
    assert.equal(world.consumer().groupState, 'Assigning');
    clients[1]!.beat();
    assert.equal(clients[1]!.has, 'foo:0,1,2,3,4,5');
    assert.equal(world.consumer().groupState, 'Stable');
  });

  it('the last one: the group is empty and stays', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.beat({ memberEpoch: -1 });
    assert.deepEqual([world.consumer().groupState, world.consumer().groupEpoch], ['Empty', 2]);
    const again = world.joinConsumer('n').value;
    assert.deepEqual([again.memberEpoch, world.format(again.assignment?.topicPartitions)], [3, 'foo:0,1,2,3,4,5']);
  });

  it('unknown ones', () => {
    const world = new ConsumerWorld();
    assert.equal(world.beat({ memberEpoch: -1 }).error, 'GROUP_ID_NOT_FOUND');
    assert.equal(world.beat({ memberEpoch: 1 }).error, 'GROUP_ID_NOT_FOUND');
    world.joinConsumer('m');
    assert.equal(world.beat({ memberId: 'n', memberEpoch: -1 }).error, 'UNKNOWN_MEMBER_ID');
    assert.equal(world.beat({ memberId: 'n', memberEpoch: 1 }).error, 'UNKNOWN_MEMBER_ID');
  });
});
