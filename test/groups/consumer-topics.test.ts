/** Topics that come, grow, go and come again under KIP-848 groups. */
import assert from 'node:assert/strict';
import { ConsumerClient, ConsumerWorld, settleClients, topicIdOf } from './consumer-world.ts';

describe('groups: topics that a KIP-848 group subscribes to', () => {
  it('come: the next heartbeat of anybody raises the epoch, and gives them out', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const clients = ['a', 'b'].map((id) => new ConsumerClient(world, id, { subscribedTopicNames: ['foo', 'bar'] }));
    settleClients(world, clients);
    const before = world.consumer();
    world.setTopic('bar', 2);
    world.changeTopics();
    assert.deepEqual(world.consumer(), before);
    const count = world.log.length;
    clients[1]!.beat();
    assert.deepEqual(world.written(count), ['epoch', 'target a', 'target b', 'target-epoch', 'current b']);
    settleClients(world, clients);
    assert.deepEqual(world.members(), { a: '3 bar:0 foo:0', b: '3 bar:1 foo:1' });
  });

  it('grow', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const client = new ConsumerClient(world, 'a');
    client.beat();
    world.setTopic('foo', 3);
    world.changeTopics();
    client.beat();
    assert.deepEqual([client.epoch, client.has], [2, 'foo:0,1,2']);
  });

  it('go: the member is asked to let go of what is no more', () => {
    const world = new ConsumerWorld({ foo: 2, bar: 1 });
    const client = new ConsumerClient(world, 'a', { subscribedTopicNames: ['foo', 'bar'] });
    client.beat();
    world.removeTopic('foo');
    world.changeTopics();
    client.beat();
    assert.deepEqual([client.epoch, client.has], [1, 'bar:0']);
    client.beat();
    assert.equal(client.epoch, 2);
    assert.deepEqual(world.members(), { a: '2 bar:0' });
  });

  it('go and come again with their name: another topic, and the old one’s partitions are let go of', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const client = new ConsumerClient(world, 'a');
    client.beat();
    world.setTopic('foo', 1, 1);
    world.changeTopics();
    settleClients(world, [client]);
    assert.deepEqual([client.epoch, client.has], [2, 'foo/1:0']);
  });

  it('that others subscribe to change nothing', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const client = new ConsumerClient(world, 'a');
    client.beat();
    client.beat();
    world.setTopic('bar', 1);
    world.changeTopics();
    const count = world.log.length;
    client.beat();
    assert.equal(world.log.length, count);
  });

  it('changed while the group was not loaded: the first heartbeat after the load finds that', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const client = new ConsumerClient(world, 'a');
    client.beat();
    world.setTopic('foo', 3);
    world.reload();
    client.beat();
    assert.deepEqual([client.epoch, client.has], [2, 'foo:0,1,2']);
    world.reload();
    const count = world.log.length;
    client.beat();
    assert.equal(world.log.length, count);
  });

  it('grow beyond what can be written: refused until they can be, and not forgotten', () => {
    const world = new ConsumerWorld({ foo: 2 }, {}, 4096);
    const client = new ConsumerClient(world, 'a');
    client.beat();
    world.setTopic('foo', 5000);
    world.changeTopics();
    for (let beat = 0; beat < 2; beat++) {
      assert.equal(world.beat({ memberId: 'a', memberEpoch: 1 }).error, 'UNKNOWN_SERVER_ERROR');
    }
    world.setTopic('foo', 3);
    client.beat();
    assert.deepEqual([client.epoch, client.has], [2, 'foo:0,1,2']);
  });

  it('deleted: their partitions are described no more, and their offsets go', () => {
    const world = new ConsumerWorld({ foo: 2 });
    world.joinConsumer('m');
    world.commit({ memberId: 'm', generation: 1 }, [{ topic: 'foo', topicId: topicIdOf('foo'), offset: 5n }]);
    assert.deepEqual(world.offsets(), { 'foo-0': 5n });
    world.removeTopic('foo');
    world.turn((machine, now) => machine.topicsChanged([{ name: 'foo', topicId: topicIdOf('foo') }], now));
    assert.deepEqual(world.offsets(), {});
    assert.deepEqual(world.consumer().members[0]?.assignment.topicPartitions, []);
  });
});
