import assert from 'node:assert/strict';
import { KafkaError } from '../../src/protocol/errors.ts';
import { errorOf, GroupWorld, type Member, SESSION_MS, stableGroup, stableMember } from './group-world.ts';

const unix = (connectionId: number) => ({ clientHost: '/unix', connectionId });
const embedded = (epoch: number) => ({ clientHost: `/embedded-${epoch}`, connectionId: undefined });

describe('groups: members by directory', () => {
  function gone(world: GroupWorld, connectionId: number): void {
    world.turn((machine, now) => machine.connectionGone(connectionId, now));
  }

  it('go with their connection, at once; the others rebalance', () => {
    const world = new GroupWorld();
    const [, follower] = stableGroup(world, [{ caller: unix(1) }, { caller: unix(2) }]);
    // It synced by a connection that says nothing about it.
    gone(world, 2);
    assert.equal(world.state(), 'Stable');
    world.heartbeat(follower!, null, unix(2));
    gone(world, 2);
    assert.equal(world.state(), 'PreparingRebalance');
    assert.equal(world.heartbeat(follower!), 'UNKNOWN_MEMBER_ID');
  });

  it('go also while they wait in a join or a sync, or have only an id', () => {
    const world = new GroupWorld();
    const { value } = world.join({ caller: unix(1) });
    gone(world, 1);
    assert.equal(errorOf(world.join({ memberId: value.memberId })), 'UNKNOWN_MEMBER_ID');
    stableMember(world);
    const { joined } = world.joinTwice({ caller: unix(2) });
    gone(world, 2);
    assert.equal(errorOf(joined), 'UNKNOWN_MEMBER_ID');
    const waiting = new GroupWorld();
    const first = waiting.joinTwice();
    const second = waiting.joinTwice();
    waiting.join({ memberId: first.memberId });
    const synced = waiting.sync({ memberId: second.memberId, generation: 2 }, {}, unix(3));
    gone(waiting, 3);
    assert.equal(errorOf(synced), 'UNKNOWN_MEMBER_ID');
  });

  it('that came again by another connection stay', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { caller: unix(1) });
    world.heartbeat(member, null, unix(1));
    world.heartbeat(member, null, unix(2));
    gone(world, 1);
    assert.equal(world.heartbeat(member, null, unix(2)), 'NONE');
    // Its process became the broker itself.
    world.heartbeat(member, null, embedded(7));
    gone(world, 2);
    assert.equal(world.heartbeat(member), 'NONE');
  });

  it('one that comes again while its removal waits for its turn stays', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { caller: unix(1) });
    world.heartbeat(member, null, unix(1));
    world.machine.connectionGone(1, world.now);
    const request = { groupId: 'g', generationId: 1, memberId: member.memberId, groupInstanceId: null };
    world.askOnly((machine, call, now) => machine.heartbeat(call as never, request, now), unix(2));
    world.settle();
    assert.equal(world.heartbeat(member), 'NONE');
  });

  it('static ones keep their session', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { groupInstanceId: 'i', caller: unix(1) });
    world.heartbeat(member, 'i', unix(1));
    gone(world, 1);
    assert.equal(world.heartbeat(member, 'i'), 'NONE');
  });

  it('that have left are tied to nothing', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { caller: unix(1) });
    world.heartbeat(member, null, unix(1));
    world.leave([member]);
    world.machine.connectionGone(1, world.now);
    assert.equal(world.machine.nextDueMs, Infinity);
  });

  it('many on one connection: a turn for each', () => {
    const world = new GroupWorld();
    for (const groupId of ['a', 'b', 'c']) world.join({ groupId, caller: unix(1) });
    world.machine.connectionGone(1, world.now);
    assert.equal(world.machine.take().length, 0);
    let turns = 0;
    for (; world.machine.nextDueMs <= world.nowMs; turns += 1) world.machine.tick(world.now);
    assert.equal(turns, 3);
    assert.equal(world.machine.nextDueMs, Infinity);
  });
});

describe('groups: members by directory after a load', () => {
  function reloaded(): { world: GroupWorld; members: readonly Member[] } {
    const world = new GroupWorld();
    const callers = [unix(1), embedded(7), embedded(6), { clientHost: '/10.0.0.1' }, unix(2)];
    const members = stableGroup(world, [
      ...callers.map((caller) => ({ caller })),
      { groupInstanceId: 'i', caller: embedded(7) },
    ]);
    world.reload();
    return { world, members };
  }
  const alive = (world: GroupWorld): string[] => world.describe().members.map(({ memberId }) => memberId);
  const unheard = (world: GroupWorld, epoch?: number): void =>
    world.turn((machine, now) => machine.directoryMembersUnheard(epoch, now));

  it('those in the process of the broker that was killed go at once, static ones excepted', () => {
    const { world, members } = reloaded();
    unheard(world, 7);
    assert.deepEqual(
      alive(world),
      members.filter((_, index) => index !== 1).map(({ memberId }) => memberId),
    );
  });

  it('those not heard of go later; who comes over the network has its session', () => {
    const { world, members } = reloaded();
    world.heartbeat(members[4]!, null, unix(1));
    unheard(world);
    assert.deepEqual(
      alive(world),
      [members[3]!, members[4]!, members[5]!].map(({ memberId }) => memberId),
    );
    // Once a member was heard of it is never unheard again.
    unheard(world);
    assert.equal(alive(world).length, 3);
  });

  it('members that were gone before the load, or are of a later generation of it, count as the log says last', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{ caller: unix(1) }, { caller: unix(2) }]);
    world.leave([leader!]);
    const { value } = world.join({ memberId: follower!.memberId, caller: unix(2) });
    world.sync({ memberId: follower!.memberId, generation: value.generationId });
    world.reload();
    unheard(world);
    assert.equal(world.state(), 'Empty');
  });
});

describe('groups: turns', () => {
  it('a machine decides nothing outside of a call, and hands out each transition once', () => {
    const world = new GroupWorld();
    world.joinTwice();
    assert.deepEqual(world.machine.take(), []);
  });

  it('answers of a turn that wrote nothing are a transition too', () => {
    const world = new GroupWorld();
    world.heartbeat({ memberId: 'm', generation: 1 });
    const { records, answers } = world.transitions.at(-1)!;
    assert.deepEqual([records.length, answers.length], [0, 1]);
  });

  it('what was decided and not taken is given up with the machine', () => {
    const world = new GroupWorld();
    let failed = '';
    const call = {
      caller: { clientId: 'c', clientHost: '/unix', connectionId: undefined, apiVersion: 9 },
      answer: () => assert.fail('answered'),
      fail: (error: KafkaError) => {
        failed = error.errorName;
      },
    };
    world.machine.describeGroup(call, 'g', world.now);
    for (const answer of world.machine.abandon(new KafkaError('NOT_COORDINATOR'))) {
      answer.refuse(new KafkaError('NOT_COORDINATOR'));
    }
    assert.equal(failed, 'NOT_COORDINATOR');
    assert.deepEqual(world.machine.take(), []);
  });
});

describe('groups: what is not there', () => {
  it('DescribeGroups: Dead, and from v6 on GROUP_ID_NOT_FOUND with a text', () => {
    const world = new GroupWorld();
    const describe = (apiVersion: number) =>
      world.ask<{ errorCode: number; errorMessage: string | null; groupState: string }>(
        (machine, call, now) => machine.describeGroup(call as never, 'g', now),
        { apiVersion },
      ).value;
    const old = describe(5);
    assert.deepEqual([old.errorCode, old.errorMessage, old.groupState], [0, null, 'Dead']);
    const now = describe(6);
    assert.deepEqual([now.errorCode, now.groupState], [69, 'Dead']);
    assert.match(now.errorMessage ?? '', /g/);
  });

  it('ConsumerGroupDescribe: GROUP_ID_NOT_FOUND, also for classic groups and for offsets alone', () => {
    const world = new GroupWorld();
    stableMember(world);
    world.commit({}, [{ offset: 1n }], { groupId: 'simple' });
    for (const groupId of ['g', 'simple', 'nothing']) {
      const asked = world.ask((machine, call, now) => machine.describeConsumerGroup(call as never, groupId, now));
      assert.equal(asked.error, 'GROUP_ID_NOT_FOUND');
    }
  });

  it('an idle machine has nothing to do', () => {
    const world = new GroupWorld();
    assert.deepEqual([world.machine.nextDueMs, world.list()], [Infinity, []]);
    stableMember(world);
    world.commit({}, [{ offset: 1n }], { groupId: 'simple' });
    assert.equal(world.list().length, 2);
  });

  it('a late moment removes nobody: sessions go on where they were', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    world.nowMs += 30_000;
    world.machine.postpone(world.nowMs - world.machine.nextDueMs);
    world.settle();
    assert.equal(world.heartbeat(member), 'NONE');
    world.pass(SESSION_MS);
    assert.equal(world.state(), 'Empty');
  });
});
