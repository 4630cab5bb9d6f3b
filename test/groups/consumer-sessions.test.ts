/** Deadlines of KIP-848 members: their sessions, and the time in which they have to let go. */
import assert from 'node:assert/strict';
import { KafkaError } from '../../src/protocol/errors.ts';
import { ConsumerClient, ConsumerWorld, REBALANCE_848_MS, SESSION_848_MS, settleClients } from './consumer-world.ts';

describe('groups: sessions of KIP-848 members', () => {
  it('end when they are not heard of; each heartbeat sets them further off', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    for (let beat = 0; beat < 3; beat++) {
      world.pass(SESSION_848_MS - 1);
      assert.equal(world.beat({ memberEpoch: 1 }).value.memberEpoch, 1);
    }
    const count = world.log.length;
    world.pass(SESSION_848_MS);
    assert.deepEqual(world.written(count), ['-current m', '-target m', '-member m', 'epoch']);
    assert.equal(world.consumer().groupState, 'Empty');
    assert.equal(world.beat({ memberEpoch: 1 }).error, 'UNKNOWN_MEMBER_ID');
  });

  it('end no more when the member has left', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.beat({ memberEpoch: -1 });
    assert.equal(world.machine.nextDueMs, Infinity);
  });

  it('of several that end at once: each in a turn of its own', () => {
    const world = new ConsumerWorld();
    const clients = ['a', 'b', 'c'].map((memberId) => new ConsumerClient(world, memberId));
    settleClients(world, clients);
    const epoch = world.consumer().groupEpoch;
    world.pass(SESSION_848_MS);
    assert.deepEqual([world.consumer().groupState, world.consumer().groupEpoch], ['Empty', epoch + 3]);
  });

  it('begin anew with a load', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m');
    world.pass(SESSION_848_MS - 1);
    world.reload(new KafkaError('NOT_COORDINATOR'));
    world.pass(SESSION_848_MS - 1);
    assert.equal(world.beat({ memberEpoch: 1 }).value.memberEpoch, 1);
    world.reload();
    world.pass(SESSION_848_MS);
    assert.equal(world.consumer().groupState, 'Empty');
  });

  it('a connection that ends ends the dynamic members that came by it, and no static one', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('d', {}, { connectionId: 7 });
    world.joinConsumer('s', { instanceId: 'i' }, { connectionId: 7 });
    world.joinConsumer('e', {}, { connectionId: 8 });
    world.turn((machine, now) => machine.connectionGone(7, now));
    assert.deepEqual(
      world.consumer().members.map(({ memberId }) => memberId),
      ['s', 'e'],
    );
  });

  it('a member that becomes a static one lives on', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m', {}, { connectionId: 7 });
    world.joinConsumer('m', { instanceId: 'i' }, { connectionId: 7 });
    world.turn((machine, now) => machine.connectionGone(7, now));
    assert.equal(world.consumer().members.length, 1);
  });

  it('members by directory that the log alone knows are gone after a while, unless heard of', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('d', {}, { clientHost: '/unix' });
    world.joinConsumer('e', {}, { clientHost: '/unix' });
    world.joinConsumer('f', {}, { clientHost: '/embedded-4' });
    world.reload();
    world.turn((machine, now) => machine.directoryMembersUnheard(4, now));
    assert.deepEqual(
      world.consumer().members.map(({ memberId }) => memberId),
      ['d', 'e'],
    );
    world.beat({ memberId: 'e', memberEpoch: 2 }, { clientHost: '/unix' });
    world.turn((machine, now) => machine.directoryMembersUnheard(undefined, now));
    assert.deepEqual(
      world.consumer().members.map(({ memberId }) => memberId),
      ['e'],
    );
  });
});

describe('groups: KIP-848 members that do not let go', () => {
  /** a is told to let go of half of what it has. */
  function pair(): { readonly world: ConsumerWorld; beatBoth(): void } {
    const world = new ConsumerWorld();
    world.joinConsumer('a');
    world.joinConsumer('b');
    world.beat({ memberId: 'a', memberEpoch: 1 });
    const beatBoth = (): void => {
      world.beat({ memberId: 'a', memberEpoch: 1, owned: 'foo:0,1,2,3,4,5' });
      world.beat({ memberId: 'b', memberEpoch: 2 });
    };
    return { world, beatBoth };
  }

  it('are removed after their rebalance timeout, however alive they are', () => {
    const { world, beatBoth } = pair();
    world.pass(REBALANCE_848_MS - 1);
    beatBoth();
    assert.equal(world.consumer().members.length, 2);
    world.pass(1);
    assert.deepEqual(world.members(), { b: '2  -> foo:3,4,5' });
    const got = world.beat({ memberId: 'b', memberEpoch: 2 }).value;
    assert.equal(world.format(got.assignment?.topicPartitions), 'foo:0,1,2,3,4,5');
    assert.equal(world.beat({ memberId: 'a', memberEpoch: 1 }).error, 'UNKNOWN_MEMBER_ID');
  });

  it('are not when they did in time', () => {
    const { world } = pair();
    world.beat({ memberId: 'a', memberEpoch: 1, owned: 'foo:0,1,2' });
    world.pass(REBALANCE_848_MS);
    assert.equal(world.consumer().members.length, 2);
  });

  it('have their time anew after a load', () => {
    const { world, beatBoth } = pair();
    world.pass(REBALANCE_848_MS - 1);
    world.reload();
    world.pass(REBALANCE_848_MS - 1);
    beatBoth();
    assert.equal(world.consumer().members.length, 2);
    world.pass(1);
    assert.equal(world.consumer().members.length, 1);
  });
});
