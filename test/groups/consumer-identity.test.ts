/** Who may speak for a KIP-848 member: epochs and static members, with cases of Kafka's GroupMetadataManagerTest.java. */
import assert from 'node:assert/strict';
import { ConsumerClient, ConsumerWorld, SESSION_848_MS, settleClients } from './consumer-world.ts';

/** a had all until b came; a is at epoch 2, the one before was 1. */
function settledPair(): ConsumerWorld {
  const world = new ConsumerWorld();
  const clients = ['a', 'b'].map((memberId) => new ConsumerClient(world, memberId));
  clients[0]!.beat();
  settleClients(world, clients);
  assert.deepEqual(world.members(), { a: '2 foo:0,1,2', b: '2 foo:3,4,5' });
  return world;
}

describe('groups: epochs of KIP-848 members', () => {
  it('one that is ahead is fenced', () => {
    const world = settledPair();
    assert.equal(world.beat({ memberId: 'a', memberEpoch: 3, owned: 'foo:0' }).error, 'FENCED_MEMBER_EPOCH');
  });

  it('the one before is good with a part of what the member has, and is told the new one', () => {
    const world = settledPair();
    for (const owned of ['', 'foo:0,1,2', 'foo:1']) {
      assert.equal(world.beat({ memberId: 'a', memberEpoch: 1, owned }).value.memberEpoch, 2);
    }
    for (const owned of ['foo:3', 'foo:0,1,2,3', null]) {
      assert.equal(world.beat({ memberId: 'a', memberEpoch: 1, owned }).error, 'FENCED_MEMBER_EPOCH');
    }
  });

  it('an older one is fenced whatever it has', () => {
    const world = settledPair();
    world.joinConsumer('a', { subscribedTopicNames: ['foo', 'bar'] });
    assert.equal(world.members()['a'], '3 foo:0,1,2');
    assert.equal(world.beat({ memberId: 'a', memberEpoch: 1, owned: '' }).error, 'FENCED_MEMBER_EPOCH');
  });

  it('0 joins again, with what the member had', () => {
    const world = settledPair();
    const count = world.log.length;
    const { value } = world.joinConsumer('a');
    assert.deepEqual([value.memberEpoch, world.format(value.assignment?.topicPartitions)], [2, 'foo:0,1,2']);
    assert.equal(world.log.length, count);
  });

  it('0 of one that has to let go: it has nothing, so it has let go', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('a');
    world.joinConsumer('b');
    world.beat({ memberId: 'a', memberEpoch: 1, owned: 'foo:0,1,2,3,4,5' });
    const { value } = world.joinConsumer('a');
    assert.deepEqual([value.memberEpoch, world.format(value.assignment?.topicPartitions)], [2, 'foo:0,1,2']);
    assert.equal(
      world.format(world.beat({ memberId: 'b', memberEpoch: 2 }).value.assignment?.topicPartitions),
      'foo:3,4,5',
    );
  });

  it('a step at the same epoch makes it the one before too: what an older one owns proves nothing', () => {
    const world = settledPair();
    // c comes; a has to let go of 2, and does not know yet.
    world.joinConsumer('c');
    world.beat({ memberId: 'a', memberEpoch: 2 });
    assert.equal(world.beat({ memberId: 'a', memberEpoch: 1, owned: 'foo:0,1' }).error, 'FENCED_MEMBER_EPOCH');
  });
});

describe('groups: static KIP-848 members', () => {
  const first = { instanceId: 'i' };

  it('leave for a while: nobody gets what they have, and they come back to it under another id at once', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('s1', first);
    const other = new ConsumerClient(world, 'd');
    const client = new ConsumerClient(world, 's1', first);
    client.beat();
    settleClients(world, [client, other]);
    assert.deepEqual(world.members(), { s1: '2 foo:0,1,2', d: '2 foo:3,4,5' });
    let count = world.log.length;
    const left = world.beat({ memberId: 's1', memberEpoch: -2, instanceId: 'i' }).value;
    assert.deepEqual([left.memberId, left.memberEpoch], ['s1', -2]);
    assert.deepEqual(world.written(count), ['current s1']);
    assert.equal(world.consumer().groupEpoch, 2);
    other.beat();
    assert.equal(other.has, 'foo:3,4,5');
    count = world.log.length;
    const back = world.joinConsumer('s2', first).value;
    assert.deepEqual(
      [back.memberId, back.memberEpoch, world.format(back.assignment?.topicPartitions)],
      ['s2', 2, 'foo:0,1,2'],
    );
    assert.deepEqual(world.written(count), [
      '-current s1',
      '-target s1',
      '-member s1',
      'member s2',
      'target s2',
      'current s2',
      'current s2',
    ]);
    assert.deepEqual(world.members(), { d: '2 foo:3,4,5', s2: '2 foo:0,1,2' });
    assert.deepEqual(world.members('g', world.load()), world.members());
    assert.equal(world.beat({ memberId: 's1', memberEpoch: 2, instanceId: 'i' }).error, 'FENCED_INSTANCE_ID');
    assert.equal(world.beat({ memberId: 's1', memberEpoch: 2 }).error, 'UNKNOWN_MEMBER_ID');
  });

  it('come back with another subscription: a new epoch', () => {
    const world = new ConsumerWorld({ foo: 3, bar: 3 });
    world.joinConsumer('s1', first);
    world.beat({ memberId: 's1', memberEpoch: -2, instanceId: 'i' });
    const back = world.joinConsumer('s2', { ...first, subscribedTopicNames: ['foo', 'bar'] }).value;
    assert.deepEqual([back.memberEpoch, world.format(back.assignment?.topicPartitions)], [2, 'bar:0,1,2 foo:0,1,2']);
    assert.deepEqual(world.members(), { s2: '2 bar:0,1,2 foo:0,1,2' });
  });

  it('come back with the same id', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('s1', first);
    world.beat({ memberId: 's1', memberEpoch: -2, instanceId: 'i' });
    const back = world.joinConsumer('s1', first).value;
    assert.deepEqual([back.memberEpoch, world.format(back.assignment?.topicPartitions)], [1, 'foo:0,1,2,3,4,5']);
    assert.deepEqual(world.members('g', world.load()), { s1: '1 foo:0,1,2,3,4,5' });
  });

  it('that were letting go when they left have let go', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('s1', first);
    world.joinConsumer('d');
    world.beat({ memberId: 's1', memberEpoch: 1, instanceId: 'i' });
    assert.equal(world.beat({ memberId: 'd', memberEpoch: 2 }).value.assignment, null);
    world.beat({ memberId: 's1', memberEpoch: -2, instanceId: 'i' });
    const got = world.beat({ memberId: 'd', memberEpoch: 2 }).value;
    assert.equal(world.format(got.assignment?.topicPartitions), 'foo:3,4,5');
    assert.equal(world.format(world.joinConsumer('s2', first).value.assignment?.topicPartitions), 'foo:0,1,2');
  });

  it('are gone when their session ends before they are back', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('s1', first);
    world.pass(SESSION_848_MS - 1000);
    world.beat({ memberId: 's1', memberEpoch: -2, instanceId: 'i' });
    world.pass(999);
    assert.equal(world.consumer().members.length, 1);
    world.pass(1);
    assert.equal(world.consumer().groupState, 'Empty');
    assert.equal(world.joinConsumer('s2', first).value.memberEpoch, 3);
  });

  it('whose instance is there: UNRELEASED_INSTANCE_ID for others; the member itself may ask again', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('s1', first);
    assert.equal(world.joinConsumer('s2', first).error, 'UNRELEASED_INSTANCE_ID');
    const again = world.joinConsumer('s1', first).value;
    assert.deepEqual([again.memberEpoch, world.format(again.assignment?.topicPartitions)], [1, 'foo:0,1,2,3,4,5']);
  });

  it('that nobody knows, or under the id of another', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('s1', first);
    for (const memberEpoch of [1, -1, -2]) {
      assert.equal(world.beat({ memberId: 's1', memberEpoch, instanceId: 'j' }).error, 'UNKNOWN_MEMBER_ID');
      assert.equal(world.beat({ memberId: 's2', memberEpoch, ...first }).error, 'FENCED_INSTANCE_ID');
    }
    assert.equal(world.beat({ memberId: 's1', memberEpoch: 2, ...first }).error, 'FENCED_MEMBER_EPOCH');
    assert.equal(world.beat({ memberId: 's1', memberEpoch: -1, ...first }).value.memberEpoch, -1);
    assert.equal(world.consumer().groupState, 'Empty');
  });
});
