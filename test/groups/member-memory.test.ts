import assert from 'node:assert/strict';
import { errorName } from '../../src/protocol/errors.ts';
import { ConsumerWorld } from './consumer-world.ts';
import { GroupWorld, protocols, REBALANCE_MS, SESSION_MS } from './group-world.ts';

const LARGE = 100_000;
const WIDE = Array.from({ length: 1_000 }, (_, number) => `a-topic-with-a-long-name-${number}`);

function large(letter = 'x'): { name: string; metadata: Buffer }[] {
  return protocols(`range=${letter.repeat(LARGE)}`);
}

describe('groups: memory of members', () => {
  it('is counted while a classic member joins, changes, has an assignment, comes back and leaves', () => {
    const world = new GroupWorld();
    const { value: pending } = world.join({ protocols: large() });
    const pendingBytes = world.machine.memberBytes;
    assert.ok(pendingBytes > 0 && pendingBytes < 10_000, 'an id that was given out');
    const { value } = world.join({ memberId: pending.memberId, protocols: large() });
    const member = { memberId: value.memberId, generation: value.generationId };
    const joinedBytes = world.machine.memberBytes;
    assert.ok(joinedBytes > LARGE && joinedBytes < LARGE + 10_000);
    world.sync(member, { assignments: [{ memberId: member.memberId, assignment: Buffer.alloc(LARGE) }] });
    assert.equal(world.machine.memberBytes, joinedBytes + LARGE);
    assert.equal(world.load().memberBytes, world.machine.memberBytes, 'as after a load');
    world.join({ memberId: member.memberId, protocols: protocols('range=x') });
    assert.equal(world.machine.memberBytes, joinedBytes + 1);
    assert.equal(world.leave([member]).errorCode, 0);
    assert.equal(world.machine.memberBytes, 0);
  });

  it('is given back by members that expire, instances that are replaced and ids that nobody uses', () => {
    const world = new GroupWorld();
    world.join({ groupId: 'pending', sessionTimeoutMs: SESSION_MS });
    world.join({ groupInstanceId: 'i', protocols: large() });
    const bytes = world.machine.memberBytes;
    world.join({ groupInstanceId: 'i', protocols: large('y') });
    assert.ok(Math.abs(world.machine.memberBytes - bytes) < 1_000);
    world.pass(10 * 60_000 + REBALANCE_MS);
    assert.equal(world.machine.memberBytes, 0);
  });

  it('has an end over all groups: a classic member that takes more is refused, one that takes less stays', () => {
    const world = new GroupWorld();
    world.memberBytesMax = 3.5 * LARGE;
    const members = ['a', 'b', 'c'].map((groupId) => ({
      groupId,
      memberId: world.joinTwice({ groupId, protocols: large() }).memberId,
    }));
    const refused = world.join({ groupId: 'd', protocols: large() }).value;
    assert.equal(errorName(refused.errorCode), 'GROUP_MAX_SIZE_REACHED');
    assert.deepEqual(
      world.list().map(({ groupId }) => groupId),
      ['a', 'b', 'c'],
    );
    const codeOf = (options: Parameters<GroupWorld['join']>[0]): string =>
      errorName(world.join(options).value.errorCode);
    assert.equal(
      codeOf({ ...members[0], protocols: protocols(`range=${'x'.repeat(2 * LARGE)}`) }),
      'GROUP_MAX_SIZE_REACHED',
    );
    assert.equal(codeOf({ ...members[0], protocols: large('y') }), 'NONE');
    assert.equal(codeOf({ ...members[1], protocols: protocols('range=x') }), 'NONE');
    assert.equal(codeOf({ groupId: 'd', protocols: large() }), 'MEMBER_ID_REQUIRED');
  });

  it('has room for an instance that comes back to a full broker', () => {
    const world = new GroupWorld();
    world.join({ groupInstanceId: 'i', protocols: large() });
    world.memberBytesMax = world.machine.memberBytes;
    assert.equal(errorName(world.join({ groupInstanceId: 'i', protocols: large() }).value.errorCode), 'NONE');
    const other = world.join({ groupInstanceId: 'other', protocols: large() }).value;
    assert.equal(errorName(other.errorCode), 'GROUP_MAX_SIZE_REACHED');
  });

  it('has an end for assignments: the generation fails, its members stay', () => {
    const world = new GroupWorld();
    world.memberBytesMax = LARGE;
    const { memberId, joined } = world.joinTwice();
    const member = { memberId, generation: joined.value.generationId };
    const bytes = world.machine.memberBytes;
    const synced = world.sync(member, { assignments: [{ memberId, assignment: Buffer.alloc(2 * LARGE) }] }).value;
    assert.equal(errorName(synced.errorCode), 'UNKNOWN_SERVER_ERROR');
    assert.equal(world.state(), 'PreparingRebalance');
    assert.equal(world.machine.memberBytes, bytes);
  });

  it('of KIP-848 members is counted and bounded likewise', () => {
    const world = new ConsumerWorld();
    world.joinConsumer('m', { subscribedTopicNames: WIDE });
    const bytes = world.machine.memberBytes;
    assert.ok(bytes > 20_000);
    assert.equal(world.load().memberBytes, bytes);
    world.memberBytesMax = 1.5 * bytes;
    assert.equal(world.joinConsumer('n', { groupId: 'h', subscribedTopicNames: WIDE }).error, 'GROUP_MAX_SIZE_REACHED');
    assert.deepEqual(
      world.list().map(({ groupId }) => groupId),
      ['g'],
    );
    world.beat({ memberId: 'm', memberEpoch: 1, subscribedTopicNames: ['foo'] });
    assert.ok(world.machine.memberBytes < 10_000);
    assert.equal(world.joinConsumer('n', { groupId: 'h', subscribedTopicNames: WIDE }).value.errorCode, 0);
    for (const [groupId, memberId] of [
      ['g', 'm'],
      ['h', 'n'],
    ] as const) {
      world.beat({ groupId, memberId, memberEpoch: -1 });
    }
    assert.equal(world.machine.memberBytes, 0);
  });
});
