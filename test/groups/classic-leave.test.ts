import assert from 'node:assert/strict';
import { errorName } from '../../src/protocol/errors.ts';
import { errorOf, GroupWorld, type Member, SESSION_MS, stableGroup, stableMember } from './group-world.ts';

describe('groups: heartbeats of a classic group', () => {
  it('of an unknown group or member, or without a group name: refused', () => {
    const world = new GroupWorld();
    assert.equal(world.heartbeat({ memberId: 'm', generation: 1 }), 'UNKNOWN_MEMBER_ID');
    const member = stableMember(world);
    assert.equal(world.heartbeat({ memberId: 'm', generation: 1 }), 'UNKNOWN_MEMBER_ID');
    const request = { groupId: '', generationId: 1, memberId: member.memberId, groupInstanceId: null };
    const asked = world.ask<{ errorCode: number }>((machine, call, now) =>
      machine.heartbeat(call as never, request, now),
    );
    assert.equal(errorOf(asked), 'INVALID_GROUP_ID');
  });

  it('of another generation: ILLEGAL_GENERATION', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    assert.equal(world.heartbeat({ ...member, generation: 0 }), 'ILLEGAL_GENERATION');
    assert.equal(world.heartbeat({ ...member, generation: 2 }), 'ILLEGAL_GENERATION');
    assert.equal(world.heartbeat(member), 'NONE');
  });

  it('of a group that has become empty: UNKNOWN_MEMBER_ID', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    world.leave([member]);
    assert.equal(world.heartbeat({ ...member, generation: 2 }), 'UNKNOWN_MEMBER_ID');
  });

  it('while the group prepares say REBALANCE_IN_PROGRESS, and count', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, { rebalanceTimeoutMs: 60_000 }]);
    const joined = world.join({ memberId: leader!.memberId });
    for (let count = 0; count < 4; count += 1) {
      world.pass(SESSION_MS - 1);
      assert.equal(world.heartbeat(follower!), 'REBALANCE_IN_PROGRESS');
    }
    assert.equal(joined.isAnswered, false);
  });

  it('while the group completes count as any', () => {
    const world = new GroupWorld();
    const { joined } = world.joinTwice();
    const member = { memberId: joined.value.memberId, generation: 1 };
    for (let count = 0; count < 2; count += 1) {
      world.pass(SESSION_MS - 1);
      assert.equal(world.heartbeat(member), 'NONE');
    }
    assert.equal(errorOf(world.sync(member)), 'NONE');
  });

  it('keep a session; without them it ends at its timeout, and the others rebalance', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    world.pass(SESSION_MS / 2);
    assert.equal(world.heartbeat(leader!), 'NONE');
    world.pass(SESSION_MS / 2 - 1);
    assert.equal(world.state(), 'Stable');
    world.pass(1);
    assert.equal(world.state(), 'PreparingRebalance');
    assert.equal(world.heartbeat(follower!), 'UNKNOWN_MEMBER_ID');
    assert.equal(world.heartbeat(leader!), 'REBALANCE_IN_PROGRESS');
  });

  it('the last session that ends leaves an empty group, written so', () => {
    const world = new GroupWorld();
    stableMember(world);
    world.pass(SESSION_MS);
    assert.equal(world.state(), 'Empty');
    const last = world.log.at(-1);
    assert(last?.kind === 'group-metadata');
    assert.deepEqual(last.value, {
      protocolType: 'consumer',
      generation: 2,
      protocol: null,
      leader: null,
      currentStateTimestamp: BigInt(world.wallMs),
      members: [],
    });
  });
});

describe('groups: leaving a classic group', () => {
  const errors = (world: GroupWorld, members: Parameters<GroupWorld['leave']>[0]): string[] =>
    world.leave(members).members.map(({ errorCode }) => errorName(errorCode));

  it('without a group name: INVALID_GROUP_ID; an unknown group: UNKNOWN_MEMBER_ID for each', () => {
    const world = new GroupWorld();
    assert.equal(errorName(world.leave([{ memberId: 'm' }], { apiVersion: 5 }, '').errorCode), 'INVALID_GROUP_ID');
    const left = world.leave([{ memberId: 'm' }, { groupInstanceId: 'i' }]);
    assert.equal(left.errorCode, 0);
    assert.deepEqual(
      left.members.map(({ errorCode }) => errorName(errorCode)),
      ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'],
    );
  });

  it('before v3 one member, and its error is the answer', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    const unknown = world.leave([{ memberId: 'm' }], { apiVersion: 2 });
    assert.deepEqual([errorName(unknown.errorCode), unknown.members], ['UNKNOWN_MEMBER_ID', []]);
    assert.equal(world.leave([member], { apiVersion: 2 }).errorCode, 0);
    assert.equal(world.state(), 'Empty');
  });

  it('a follower leaves: the others rebalance; a leader leaves: the next one leads', () => {
    const world = new GroupWorld();
    const [leader, second, third] = stableGroup(world, [{}, {}, {}]);
    assert.deepEqual(errors(world, [third!]), ['NONE']);
    assert.equal(world.state(), 'PreparingRebalance');
    assert.deepEqual(errors(world, [leader!]), ['NONE']);
    assert.equal(world.join({ memberId: second!.memberId }).value.leader, second!.memberId);
  });

  it('the last one leaves: the group is empty at once', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    assert.deepEqual(errors(world, [member]), ['NONE']);
    assert.deepEqual([world.state(), world.machine.nextDueMs], ['Empty', Infinity]);
  });

  it('while others wait for it: the rebalance goes on', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    const joined = world.join({ memberId: leader!.memberId });
    assert.deepEqual(errors(world, [follower!]), ['NONE']);
    assert.equal(joined.value.members.length, 1);
  });

  it('while it waits itself: its join ends with UNKNOWN_MEMBER_ID, so that it comes again if it lives', () => {
    const world = new GroupWorld();
    stableGroup(world, [{}, {}]);
    const { memberId, joined } = world.joinTwice();
    assert.deepEqual(errors(world, [{ memberId }]), ['NONE']);
    assert.equal(errorOf(joined), 'UNKNOWN_MEMBER_ID');
  });

  it('a pending member leaves: no rebalance', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    const { memberId } = world.join().value;
    assert.deepEqual(errors(world, [{ memberId }]), ['NONE']);
    assert.equal(world.heartbeat(member), 'NONE');
    assert.equal(world.state(), 'Stable');
    assert.equal(errorOf(world.join({ memberId })), 'UNKNOWN_MEMBER_ID');
  });

  it('many at once, static ones by their instance id alone: one rebalance, an answer for each', () => {
    const world = new GroupWorld();
    const [first, second, third] = stableGroup(world, [{}, { groupInstanceId: 'i' }, { groupInstanceId: 'j' }]);
    const pending = world.join().value.memberId;
    const left = world.leave([
      { groupInstanceId: 'i' },
      { memberId: third!.memberId, groupInstanceId: 'j' },
      { memberId: pending },
      { memberId: 'm' },
      { groupInstanceId: 'k' },
      {},
    ]);
    assert.deepEqual(
      left.members.map(({ memberId, groupInstanceId, errorCode }) => [memberId, groupInstanceId, errorName(errorCode)]),
      [
        ['', 'i', 'NONE'],
        [third!.memberId, 'j', 'NONE'],
        [pending, null, 'NONE'],
        ['m', null, 'UNKNOWN_MEMBER_ID'],
        ['', 'k', 'UNKNOWN_MEMBER_ID'],
        ['', null, 'UNKNOWN_MEMBER_ID'],
      ],
    );
    assert.equal(world.state(), 'PreparingRebalance');
    assert.equal(world.join({ memberId: first!.memberId }).value.generationId, 3);
    assert.equal(world.heartbeat({ ...second!, generation: 3 }), 'UNKNOWN_MEMBER_ID');
  });

  it('a static one with the id of another is fenced, and stays', () => {
    const world = new GroupWorld();
    const [first, second] = stableGroup(world, [{ groupInstanceId: 'i' }, { groupInstanceId: 'j' }]);
    assert.deepEqual(errors(world, [{ memberId: first!.memberId, groupInstanceId: 'j' }]), ['FENCED_INSTANCE_ID']);
    assert.deepEqual(errors(world, [{ memberId: first!.memberId, groupInstanceId: 'unknown' }]), ['UNKNOWN_MEMBER_ID']);
    assert.equal(world.state(), 'Stable');
    assert.equal(world.heartbeat(second!, 'j'), 'NONE');
  });

  it('only errors: nothing happens', () => {
    const world = new GroupWorld();
    const members: readonly Member[] = stableGroup(world, [{}]);
    errors(world, [{ memberId: 'm' }]);
    assert.equal(world.heartbeat(members[0]!), 'NONE');
  });
});
