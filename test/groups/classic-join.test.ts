import assert from 'node:assert/strict';
import {
  errorOf,
  GroupWorld,
  type Member,
  NEW_MEMBER_MS,
  protocols,
  REBALANCE_MS,
  SESSION_MS,
  stableGroup,
  stableMember,
} from './group-world.ts';

describe('groups: joining a classic group: who is refused', () => {
  it('a group without a name: INVALID_GROUP_ID', () => {
    assert.equal(errorOf(new GroupWorld().join({ groupId: '' })), 'INVALID_GROUP_ID');
  });

  it('a session timeout outside of what is allowed, both ends included: INVALID_SESSION_TIMEOUT', () => {
    const world = new GroupWorld();
    assert.equal(errorOf(world.join({ sessionTimeoutMs: 5999 })), 'INVALID_SESSION_TIMEOUT');
    assert.equal(errorOf(world.join({ sessionTimeoutMs: 1_800_001 })), 'INVALID_SESSION_TIMEOUT');
    assert.equal(errorOf(world.join({ sessionTimeoutMs: 6000 })), 'MEMBER_ID_REQUIRED');
    assert.equal(errorOf(world.join({ sessionTimeoutMs: 1_800_000 })), 'MEMBER_ID_REQUIRED');
  });

  it('a member id of a group that is not there: UNKNOWN_MEMBER_ID, and nothing is written', () => {
    const world = new GroupWorld();
    assert.equal(errorOf(world.join({ memberId: 'm' })), 'UNKNOWN_MEMBER_ID');
    assert.deepEqual(world.log, []);
    assert.equal(world.state(), 'Dead');
  });

  it('a member id that the group does not know: UNKNOWN_MEMBER_ID', () => {
    const world = new GroupWorld();
    stableMember(world);
    assert.equal(errorOf(world.join({ memberId: 'm' })), 'UNKNOWN_MEMBER_ID');
    assert.equal(world.state(), 'Stable');
  });

  it('no protocol type, or no protocols: INCONSISTENT_GROUP_PROTOCOL', () => {
    const world = new GroupWorld();
    assert.equal(errorOf(world.join({ protocolType: '' })), 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(errorOf(world.join({ protocols: [] })), 'INCONSISTENT_GROUP_PROTOCOL');
  });

  it('another protocol type, or no protocol that all share: INCONSISTENT_GROUP_PROTOCOL', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    assert.equal(errorOf(world.join({ protocolType: 'connect' })), 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(errorOf(world.join({ protocols: protocols('sticky') })), 'INCONSISTENT_GROUP_PROTOCOL');
    const again = world.join({ memberId: member.memberId, protocols: protocols('sticky') });
    assert.equal(errorOf(again), 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(again.value.memberId, member.memberId);
  });

  it('an answer with an error has no protocol: null from v7 on, before an empty name', () => {
    const world = new GroupWorld();
    for (const [apiVersion, name] of [
      [6, ''],
      [7, null],
    ] as const) {
      const { value } = world.join({ memberId: 'm', caller: { apiVersion } });
      assert.deepEqual([value.protocolType, value.protocolName, value.generationId], [null, name, -1]);
    }
  });
});

describe('groups: joining a classic group: new members', () => {
  it('from v4 on a dynamic one is given an id to come again with; the new group is written, empty, before (KIP-394)', () => {
    const world = new GroupWorld();
    const { value } = world.join({ caller: { apiVersion: 4, clientId: 'me' } });
    assert.equal(errorOf(world.join({ memberId: 'unknown' })), 'UNKNOWN_MEMBER_ID');
    assert.equal(value.memberId, 'me-uuid-0');
    assert.equal(world.log.length, 1);
    const [record] = world.log;
    assert(record?.kind === 'group-metadata');
    assert.deepEqual(record.value, {
      protocolType: '',
      generation: 0,
      protocol: null,
      leader: null,
      currentStateTimestamp: 1_700_000_000_000n,
      members: [],
    });
    assert.equal(world.state(), 'Empty');
  });

  it('before v4 it joins at once, and counts its session timeout for both at v0', () => {
    const world = new GroupWorld();
    const { value } = world.join({ rebalanceTimeoutMs: -1, caller: { apiVersion: 0 } });
    assert.deepEqual([value.errorCode, value.generationId, value.leader], [0, 1, value.memberId]);
    world.pass(SESSION_MS - 1);
    assert.equal(world.state(), 'CompletingRebalance');
    world.pass(1);
    assert.equal(world.state(), 'Empty');
  });

  it('the first one leads and alone is told who is in the group', () => {
    const world = new GroupWorld();
    const { memberId, joined } = world.joinTwice({ protocols: protocols('range=a', 'sticky=b') });
    assert.deepEqual(joined.value, {
      throttleTimeMs: 0,
      errorCode: 0,
      generationId: 1,
      protocolType: 'consumer',
      protocolName: 'range',
      leader: memberId,
      skipAssignment: false,
      memberId,
      members: [{ memberId, groupInstanceId: null, metadata: Buffer.from('a') }],
    });
  });

  it('any protocol type makes a group: connect, streams', () => {
    for (const protocolType of ['connect', 'streams', 'x']) {
      const world = new GroupWorld();
      stableMember(world, { protocolType });
      assert.equal(world.describe().protocolType, protocolType);
    }
  });

  it('what was given must outlive the request whose memory it came in', () => {
    const world = new GroupWorld();
    const given = protocols('range=good');
    const { joined } = world.joinTwice({ protocols: given });
    given[0]!.metadata.fill(0);
    assert.equal(joined.value.members[0]?.metadata.toString(), 'good');
  });

  it('of a protocol that is named twice the first counts, once', () => {
    const world = new GroupWorld();
    const leader = stableMember(world, { protocols: protocols('range=1', 'range=2', 'sticky') });
    const { joined } = world.joinTwice({ protocols: protocols('sticky', 'range') });
    const again = world.join({ memberId: leader.memberId, protocols: protocols('range=1', 'range=2', 'sticky') });
    assert.equal(again.value.protocolName, 'range');
    assert.equal(joined.value.protocolName, 'range');
    assert.equal(again.value.members[0]?.metadata.toString(), '1');
  });

  it('a pending member that says it is static is no member', () => {
    const world = new GroupWorld();
    const { value } = world.join();
    const asked = world.join({ memberId: value.memberId, groupInstanceId: 'i' });
    assert.equal(errorOf(asked), 'UNKNOWN_SERVER_ERROR');
  });

  it('a pending member that does not come again is forgotten after the session timeout it gave', () => {
    const world = new GroupWorld();
    const { value } = world.join();
    world.pass(SESSION_MS - 1);
    assert.equal(world.machine.nextDueMs, world.nowMs + 1);
    world.pass(1);
    assert.equal(errorOf(world.join({ memberId: value.memberId })), 'UNKNOWN_MEMBER_ID');
    assert.equal(world.machine.nextDueMs, Infinity);
  });

  it('a new member that waits in a join is timed out after five minutes, not by its session', () => {
    const world = new GroupWorld();
    // A static leader that does not come back holds the rebalance up for as long as it says.
    const [leader] = stableGroup(world, [
      { groupInstanceId: 'i', sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_800_000 },
    ]);
    assert(leader);
    const { joined } = world.joinTwice();
    world.pass(NEW_MEMBER_MS - 1);
    assert.equal(joined.isAnswered, false);
    world.pass(1);
    assert.equal(errorOf(joined), 'UNKNOWN_MEMBER_ID');
    assert.equal(joined.value.memberId, '');
  });
});

describe('groups: joining a classic group again', () => {
  function completing(): { world: GroupWorld; leader: Member; follower: Member } {
    const world = new GroupWorld();
    const old = stableMember(world);
    const { joined } = world.joinTwice();
    const { value } = world.join({ memberId: old.memberId });
    assert.equal(world.state(), 'CompletingRebalance');
    return {
      world,
      leader: { memberId: value.memberId, generation: 2 },
      follower: { memberId: joined.value.memberId, generation: 2 },
    };
  }

  it('while it prepares: what is new counts, and the call is parked', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    const parked = world.join({ memberId: leader!.memberId });
    assert.equal(parked.isAnswered, false);
    assert.equal(world.state(), 'PreparingRebalance');
    const again = world.join({ memberId: leader!.memberId, protocols: protocols('range=new') });
    // The one before has lost its client, or is about to.
    assert.equal(errorOf(parked), 'REBALANCE_IN_PROGRESS');
    world.join({ memberId: follower!.memberId });
    assert.equal(again.value.members[0]?.metadata.toString(), 'new');
  });

  it('while it completes, with what is known: the current generation again, to the leader with its members', () => {
    const { world, leader, follower } = completing();
    const led = world.join({ memberId: leader.memberId });
    assert.deepEqual([led.value.generationId, led.value.members.length, led.value.skipAssignment], [2, 2, false]);
    const followed = world.join({ memberId: follower.memberId });
    assert.deepEqual([followed.value.generationId, followed.value.members.length], [2, 0]);
    assert.equal(world.state(), 'CompletingRebalance');
  });

  it('while it completes, with something new: a rebalance; who waits in a sync is told', () => {
    const { world, leader, follower } = completing();
    const synced = world.sync(follower);
    assert.equal(synced.isAnswered, false);
    const joined = world.join({ memberId: leader.memberId, protocols: protocols('range=new') });
    assert.equal(errorOf(synced), 'REBALANCE_IN_PROGRESS');
    assert.equal(joined.isAnswered, false);
    world.join({ memberId: follower.memberId });
    assert.equal(joined.value.generationId, 3);
  });

  it('when stable, as leader: always a rebalance', () => {
    const world = new GroupWorld();
    const [leader] = stableGroup(world, [{}, {}]);
    assert.equal(world.join({ memberId: leader!.memberId }).isAnswered, false);
    assert.equal(world.state(), 'PreparingRebalance');
  });

  it('when stable, as follower with what is known: the current generation', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    const { value } = world.join({ memberId: follower!.memberId });
    assert.deepEqual([value.generationId, value.leader, value.members], [2, leader!.memberId, []]);
    assert.equal(world.state(), 'Stable');
    assert.equal(world.sync(follower!).value.assignment.toString(), '1');
  });

  it('when stable, as follower with something new: a rebalance', () => {
    for (const given of [protocols('range=new'), protocols('range', 'more')]) {
      const world = new GroupWorld();
      const [, follower] = stableGroup(world, [{}, {}]);
      assert.equal(world.join({ memberId: follower!.memberId, protocols: given }).isAnswered, false);
      assert.equal(world.state(), 'PreparingRebalance');
    }
  });

  it('once the group has become empty: UNKNOWN_MEMBER_ID', () => {
    const world = new GroupWorld();
    const { memberId } = stableMember(world);
    world.leave([{ memberId }]);
    assert.equal(errorOf(world.join({ memberId })), 'UNKNOWN_MEMBER_ID');
  });

  it('after its member id was used up by a session that ended: UNKNOWN_MEMBER_ID', () => {
    const world = new GroupWorld();
    const { memberId } = stableMember(world);
    world.pass(REBALANCE_MS);
    assert.equal(errorOf(world.join({ memberId })), 'UNKNOWN_MEMBER_ID');
  });
});

describe('groups: group.max.size', () => {
  it('pending members do not count; members that join beyond it are refused', () => {
    const world = new GroupWorld({ maxSize: 2, initialRebalanceDelayMs: 3000 });
    const pending = [world.join(), world.join(), world.join()].map(({ value }) => value.memberId);
    const joined = pending.map((memberId) => world.join({ memberId }));
    assert.equal(errorOf(joined[2]!), 'GROUP_MAX_SIZE_REACHED');
    assert.equal(joined[2]!.value.memberId, '');
    world.pass(REBALANCE_MS);
    assert.deepEqual(joined.slice(0, 2).map(errorOf), ['NONE', 'NONE']);
  });

  it('a full group that is stable refuses new members, static ones too, and takes its own back', () => {
    const world = new GroupWorld({ maxSize: 2 });
    const [leader, follower] = stableGroup(world, [{}, { groupInstanceId: 'i' }]);
    assert.equal(errorOf(world.join()), 'GROUP_MAX_SIZE_REACHED');
    assert.equal(errorOf(world.join({ caller: { apiVersion: 1 } })), 'GROUP_MAX_SIZE_REACHED');
    assert.equal(errorOf(world.join({ groupInstanceId: 'j' })), 'GROUP_MAX_SIZE_REACHED');
    const known = world.join({ memberId: follower!.memberId, groupInstanceId: 'i' });
    assert.equal(errorOf(known), 'NONE');
    assert.equal(errorOf(world.join({ groupInstanceId: 'i' })), 'NONE');
    world.join({ memberId: leader!.memberId });
    assert.equal(world.state(), 'PreparingRebalance');
  });

  it('a group that is over it after a load rebalances, and the last to come back are out', () => {
    const before = new GroupWorld();
    const members = stableGroup(before, [{}, {}, {}]);
    const world = new GroupWorld({ maxSize: 2 });
    world.log.push(...before.log);
    world.reload();
    assert.equal(world.state(), 'PreparingRebalance');
    const joined = members.map(({ memberId }) => world.join({ memberId }));
    assert.deepEqual(joined.map(errorOf), ['NONE', 'NONE', 'GROUP_MAX_SIZE_REACHED']);
    assert.equal(joined[0]!.value.generationId, 3);
  });

  it('a group that is within it after a load stays as it is', () => {
    const world = new GroupWorld({ maxSize: 2 });
    stableGroup(world, [{}, {}]);
    world.reload();
    assert.equal(world.state(), 'Stable');
  });
});
