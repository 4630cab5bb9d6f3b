import assert from 'node:assert/strict';
import { decodeConsumerAssignment } from '../../src/protocol/group/consumer-protocol.ts';
import { errorOf, GroupWorld, type Member, SESSION_MS, stableGroup } from './group-world.ts';

function completing(options: { protocolType?: string } = {}, recordBytesMax?: number) {
  const world = new GroupWorld({}, recordBytesMax);
  const first = world.joinTwice(options);
  const second = world.joinTwice(options);
  world.join({ ...options, memberId: first.memberId });
  const leader: Member = { memberId: first.memberId, generation: 2 };
  const follower: Member = { memberId: second.memberId, generation: 2 };
  const assignments = [
    { memberId: leader.memberId, assignment: Buffer.from('one') },
    { memberId: follower.memberId, assignment: Buffer.from('two') },
  ];
  assert.equal(world.state(), 'CompletingRebalance');
  return { world, leader, follower, assignments };
}

describe('groups: syncing a classic group', () => {
  it('without a group name, with an unknown group or member, with another generation: refused', () => {
    const { world, leader } = completing();
    assert.equal(errorOf(world.sync(leader, { groupId: '' })), 'INVALID_GROUP_ID');
    assert.equal(errorOf(world.sync(leader, { groupId: 'other' })), 'UNKNOWN_MEMBER_ID');
    assert.equal(errorOf(world.sync({ memberId: 'm', generation: 2 })), 'UNKNOWN_MEMBER_ID');
    assert.equal(errorOf(world.sync({ ...leader, generation: 1 })), 'ILLEGAL_GENERATION');
    assert.equal(errorOf(world.sync({ ...leader, generation: 3 })), 'ILLEGAL_GENERATION');
  });

  it('with another protocol type or name: INCONSISTENT_GROUP_PROTOCOL; nothing said is nothing compared (KIP-559)', () => {
    const { world, leader, assignments } = completing();
    assert.equal(errorOf(world.sync(leader, { protocolType: 'connect' })), 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(errorOf(world.sync(leader, { protocolName: 'sticky' })), 'INCONSISTENT_GROUP_PROTOCOL');
    const { value } = world.sync(leader, { protocolType: 'consumer', protocolName: 'range', assignments });
    assert.deepEqual([value.errorCode, value.protocolType, value.protocolName], [0, 'consumer', 'range']);
  });

  it('a follower before the leader waits for it', () => {
    const { world, leader, follower, assignments } = completing();
    const synced = world.sync(follower);
    assert.equal(synced.isAnswered, false);
    assert.equal(world.sync(leader, { assignments }).value.assignment.toString(), 'one');
    assert.equal(synced.value.assignment.toString(), 'two');
    assert.equal(world.state(), 'Stable');
  });

  it('a follower after the leader gets what is stored, as often as it asks', () => {
    const { world, leader, follower, assignments } = completing();
    world.sync(leader, { assignments });
    for (const _ of [1, 2]) assert.equal(world.sync(follower).value.assignment.toString(), 'two');
    assert.equal(world.sync(leader).value.assignment.toString(), 'one');
  });

  it('what a follower says about assignments means nothing', () => {
    const { world, leader, follower, assignments } = completing();
    const synced = world.sync(follower, {
      assignments: [{ memberId: follower.memberId, assignment: Buffer.from('mine') }],
    });
    world.sync(leader, { assignments });
    assert.equal(synced.value.assignment.toString(), 'two');
  });

  it('the assignments are written before anybody hears of them, in one record', () => {
    const { world, leader, follower, assignments } = completing();
    const parked = world.sync(follower);
    const count = world.log.length;
    world.sync(leader, { assignments: [...assignments, { memberId: 'stranger', assignment: Buffer.from('x') }] });
    assert.equal(parked.isAnswered, true);
    const last = world.transitions.at(-1)!;
    assert.deepEqual([last.records.length, last.answers.length, last.isolated], [1, 2, false]);
    const record = world.log[count];
    assert(record?.kind === 'group-metadata' && record.value !== null);
    assert.equal(world.log.length, count + 1);
    assert.deepEqual(
      [record.value.generation, record.value.protocol, record.value.leader, record.value.protocolType],
      [2, 'range', leader.memberId, 'consumer'],
    );
    assert.deepEqual(
      record.value.members.map(
        ({ memberId, subscription, assignment, rebalanceTimeout, sessionTimeout, ...member }) => [
          memberId,
          subscription.toString(),
          assignment.toString(),
          rebalanceTimeout,
          sessionTimeout,
          member.clientId,
          member.clientHost,
        ],
      ),
      [
        [leader.memberId, 'range-metadata', 'one', 30_000, SESSION_MS, 'client', '/127.0.0.1'],
        [follower.memberId, 'range-metadata', 'two', 30_000, SESSION_MS, 'client', '/127.0.0.1'],
      ],
    );
  });

  it('a consumer that the leader passed over gets an assignment of nothing that it can read', () => {
    const { world, leader, follower } = completing();
    world.sync(leader, { assignments: [] });
    const { assignment } = world.sync(follower).value;
    assert.deepEqual(decodeConsumerAssignment(assignment), { version: 0, assignedPartitions: [], userData: null });
  });

  it('members of another type that the leader passed over get no bytes', () => {
    const { world, leader, follower } = completing({ protocolType: 'connect' });
    world.sync(leader, { assignments: [] });
    assert.equal(world.sync(follower).value.assignment.length, 0);
  });

  it('while the group prepares: REBALANCE_IN_PROGRESS', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    world.join({ memberId: leader!.memberId });
    assert.equal(errorOf(world.sync(follower!)), 'REBALANCE_IN_PROGRESS');
  });

  it('asked twice, the older call is told to join again', () => {
    const { world, leader, follower, assignments } = completing();
    const [older, newer] = [world.sync(follower), world.sync(follower)];
    assert.equal(errorOf(older), 'REBALANCE_IN_PROGRESS');
    world.sync(leader, { assignments });
    assert.equal(newer.value.assignment.toString(), 'two');
  });

  it('a leader that fails while others wait for it: they are told to join again', () => {
    const { world, leader, follower } = completing();
    const synced = world.sync(follower);
    world.pass(SESSION_MS - 1);
    assert.equal(synced.isAnswered, false);
    world.pass(1);
    assert.equal(errorOf(synced), 'REBALANCE_IN_PROGRESS');
    assert.equal(world.heartbeat(leader), 'UNKNOWN_MEMBER_ID');
    assert.equal(world.join({ memberId: follower.memberId }).value.leader, follower.memberId);
  });

  it('a member that leaves while it waits in a sync hears that it is none', () => {
    const { world, follower } = completing();
    const synced = world.sync(follower);
    world.leave([{ memberId: follower.memberId }]);
    assert.equal(errorOf(synced), 'UNKNOWN_MEMBER_ID');
  });

  it('assignments that could not be written are refused with UNKNOWN_SERVER_ERROR, and the group joins again', () => {
    const { world, leader, follower } = completing({}, 1000);
    const synced = world.sync(follower);
    const count = world.log.length;
    const big = [{ memberId: leader.memberId, assignment: Buffer.alloc(1000) }];
    assert.equal(errorOf(world.sync(leader, { assignments: big })), 'UNKNOWN_SERVER_ERROR');
    assert.equal(errorOf(synced), 'UNKNOWN_SERVER_ERROR');
    assert.equal(world.log.length, count);
    assert.equal(world.state(), 'PreparingRebalance');
    assert.equal(world.lines.length, 1);
    world.join({ memberId: leader.memberId });
    assert.equal(world.join({ memberId: follower.memberId }).value.generationId, 3);
  });
});
