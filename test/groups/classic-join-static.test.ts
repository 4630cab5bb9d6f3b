/** Static members (KIP-345), and what happens to whoever had their id before. */
import assert from 'node:assert/strict';
import { errorOf, GroupWorld, NEW_MEMBER_MS, protocols, stableGroup, stableMember } from './group-world.ts';

describe('groups: static members of a classic group', () => {
  it('join at once, under an id of their own, and are written with their instance id', () => {
    const world = new GroupWorld();
    const { memberId } = stableMember(world, { groupInstanceId: 'i' });
    assert.match(memberId, /^i-uuid-/);
    const [member] = world.describe().members;
    assert.deepEqual([member?.memberId, member?.groupInstanceId], [memberId, 'i']);
  });

  it('with a member id that nobody has: UNKNOWN_MEMBER_ID', () => {
    const world = new GroupWorld();
    stableMember(world);
    assert.equal(errorOf(world.join({ groupInstanceId: 'i', memberId: 'm' })), 'UNKNOWN_MEMBER_ID');
  });

  it('with the member id of another: FENCED_INSTANCE_ID in every call', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{ groupInstanceId: 'i' }, { groupInstanceId: 'j' }]);
    const fenced = { memberId: leader!.memberId, generation: 2 };
    assert.equal(errorOf(world.join({ ...fenced, groupInstanceId: 'j' })), 'FENCED_INSTANCE_ID');
    assert.equal(errorOf(world.sync(fenced, { groupInstanceId: 'j' })), 'FENCED_INSTANCE_ID');
    assert.equal(world.heartbeat(fenced, 'j'), 'FENCED_INSTANCE_ID');
    assert.equal(world.commit({ ...fenced, groupInstanceId: 'j' }, [{ offset: 1n }]).error, 'FENCED_INSTANCE_ID');
    assert.equal(world.heartbeat(follower!, 'unknown'), 'UNKNOWN_MEMBER_ID');
  });

  it('coming back when stable with the same protocol: a new id, no rebalance, and the new id is written', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, { groupInstanceId: 'i' }]);
    const count = world.log.length;
    const { value } = world.join({ groupInstanceId: 'i', protocols: protocols('range=new', 'more') });
    assert.notEqual(value.memberId, follower!.memberId);
    assert.deepEqual(
      [value.errorCode, value.generationId, value.leader, value.members, value.skipAssignment],
      [0, 2, leader!.memberId, [], false],
    );
    assert.equal(world.state(), 'Stable');
    assert.equal(world.log.length, count + 1);
    const now = { memberId: value.memberId, generation: 2 };
    assert.equal(world.sync(now, { groupInstanceId: 'i' }).value.assignment.toString(), '1');
    assert.equal(world.heartbeat({ ...follower!, generation: 2 }, 'i'), 'FENCED_INSTANCE_ID');
    assert.equal(world.heartbeat({ ...follower!, generation: 2 }), 'UNKNOWN_MEMBER_ID');
    const described = world.describe('g', world.load()).members.find(({ groupInstanceId }) => groupInstanceId === 'i');
    assert.deepEqual(
      [described?.memberId, described?.memberMetadata.toString(), described?.memberAssignment.toString()],
      [value.memberId, 'new', '1'],
    );
  });

  it('the leader coming back: from v9 on it leads and skips the assignment, before it is not told that it leads', () => {
    for (const apiVersion of [8, 9]) {
      const world = new GroupWorld();
      const [leader, follower] = stableGroup(world, [{ groupInstanceId: 'i' }, { groupInstanceId: 'j' }]);
      const { value } = world.join({ groupInstanceId: 'i', caller: { apiVersion } });
      if (apiVersion >= 9) {
        assert.deepEqual([value.leader, value.skipAssignment], [value.memberId, true]);
        assert.deepEqual(
          value.members.map(({ memberId }) => memberId),
          [value.memberId, follower!.memberId],
        );
      } else {
        assert.deepEqual([value.leader, value.skipAssignment, value.members], [leader!.memberId, false, []]);
      }
      // It leads indeed: when it joins with its new id, everybody has to.
      assert.equal(world.join({ memberId: value.memberId, groupInstanceId: 'i' }).isAnswered, false);
      assert.equal(world.state(), 'PreparingRebalance');
    }
  });

  it('each comeback gives another id', () => {
    const world = new GroupWorld();
    stableGroup(world, [{ groupInstanceId: 'i' }]);
    const ids = [1, 2, 3].map(() => world.join({ groupInstanceId: 'i' }).value.memberId);
    assert.equal(new Set(ids).size, 3);
    world.leave([{ groupInstanceId: 'i' }]);
    assert.deepEqual([world.state(), world.machine.nextDueMs], ['Empty', Infinity]);
  });

  it('coming back with another protocol for all: a rebalance', () => {
    const world = new GroupWorld();
    const both = protocols('range', 'sticky');
    stableGroup(world, [
      { groupInstanceId: 'i', protocols: both },
      { groupInstanceId: 'j', protocols: both },
    ]);
    const joined = world.join({ groupInstanceId: 'j', protocols: protocols('sticky') });
    assert.equal(joined.isAnswered, false);
    assert.equal(world.state(), 'PreparingRebalance');
    world.join({ groupInstanceId: 'i', protocols: both });
    assert.equal(joined.value.protocolName, 'sticky');
  });

  it('coming back with so much that it cannot be written: a rebalance instead', () => {
    const world = new GroupWorld({}, 2000);
    stableGroup(world, [{ groupInstanceId: 'i' }, { groupInstanceId: 'j' }]);
    const joined = world.join({ groupInstanceId: 'j', protocols: protocols(`range=${'x'.repeat(2000)}`) });
    assert.equal(joined.isAnswered, false);
    assert.equal(world.state(), 'PreparingRebalance');
  });

  it('coming back while the group completes: a rebalance, for the leader assigns to the old id', () => {
    const world = new GroupWorld();
    const leader = world.join({ groupInstanceId: 'i' }).value;
    const back = world.join({ groupInstanceId: 'j' });
    world.join({ memberId: leader.memberId, groupInstanceId: 'i' });
    assert.equal(back.value.generationId, 2);
    assert.equal(world.state(), 'CompletingRebalance');
    const parkedSync = world.sync({ memberId: back.value.memberId, generation: 2 }, { groupInstanceId: 'j' });
    const again = world.join({ groupInstanceId: 'j' });
    assert.equal(errorOf(parkedSync), 'FENCED_INSTANCE_ID');
    assert.equal(again.isAnswered, false);
    assert.equal(world.state(), 'PreparingRebalance');
    world.join({ memberId: leader.memberId, groupInstanceId: 'i' });
    assert.equal(again.value.generationId, 3);
  });

  it('coming back while the group prepares: the one that waits under the old id is fenced', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{ groupInstanceId: 'i' }, { groupInstanceId: 'j' }]);
    world.join({ memberId: leader!.memberId, groupInstanceId: 'i', protocols: protocols('range=x') });
    assert.equal(world.state(), 'PreparingRebalance');
    const third = world.join({ groupInstanceId: 'k' });
    const twin = world.join({ memberId: follower!.memberId, groupInstanceId: 'j' });
    assert.equal(twin.value.generationId, 3);
    assert.equal(third.value.generationId, 3);
    const parked = world.join({ memberId: leader!.memberId, groupInstanceId: 'i', protocols: protocols('range=y') });
    const newer = world.join({ groupInstanceId: 'i' });
    assert.equal(errorOf(parked), 'FENCED_INSTANCE_ID');
    assert.equal(parked.value.memberId, leader!.memberId);
    assert.equal(newer.isAnswered, false);
  });

  it('one that does not come back stays a member of the next generation, until its session ends', () => {
    const world = new GroupWorld();
    const [leader, silent] = stableGroup(world, [
      {},
      { groupInstanceId: 'i', sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 20_000 },
    ]);
    const joined = world.join({ memberId: leader!.memberId });
    world.pass(30_000);
    assert.equal(joined.value.generationId, 3);
    assert.deepEqual(
      joined.value.members.map(({ memberId }) => memberId),
      [leader!.memberId, silent!.memberId],
    );
  });

  it('a leader that does not come back leads no more', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [
      { groupInstanceId: 'i', sessionTimeoutMs: 100_000 },
      { groupInstanceId: 'j', sessionTimeoutMs: 100_000 },
    ]);
    const joined = world.join({
      memberId: follower!.memberId,
      groupInstanceId: 'j',
      protocols: protocols('range=new'),
    });
    world.pass(30_000);
    assert.equal(joined.value.leader, follower!.memberId);
    assert.equal(joined.value.members.length, 2);
    assert.equal(world.heartbeat({ ...leader!, generation: 3 }, 'i'), 'NONE');
  });

  it('a rebalance in which nobody comes back waits again, until the sessions end', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [
      { groupInstanceId: 'i', sessionTimeoutMs: 100_000 },
      { groupInstanceId: 'j', sessionTimeoutMs: 100_000 },
    ]);
    const { joined, memberId } = world.joinTwice();
    world.leave([{ memberId }]);
    assert.equal(errorOf(joined), 'UNKNOWN_MEMBER_ID');
    world.pass(65_000);
    assert.equal(world.state(), 'PreparingRebalance');
    world.pass(35_000);
    assert.equal(world.state(), 'Empty');
    assert.equal(world.heartbeat(leader!, 'i'), 'UNKNOWN_MEMBER_ID');
    assert.equal(world.heartbeat(follower!, 'j'), 'UNKNOWN_MEMBER_ID');
    world.pass(NEW_MEMBER_MS);
    assert.equal(world.machine.nextDueMs, Infinity);
  });
});
