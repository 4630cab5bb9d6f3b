import assert from 'node:assert/strict';
import { KafkaError } from '../../src/protocol/errors.ts';
import { encodeConsumerSubscription } from '../../src/protocol/group/consumer-protocol.ts';
import { errorOf, GroupWorld, type Member, protocols, SESSION_MS, stableGroup, stableMember } from './group-world.ts';

const NO_MEMBER = { memberMetadata: '', memberAssignment: '' };

describe('groups: describing a classic group', () => {
  const described = (world: GroupWorld) => {
    const { groupState, protocolType, protocolData, members, errorCode, authorizedOperations } = world.describe();
    assert.deepEqual([errorCode, authorizedOperations], [0, -(2 ** 31)]);
    const texts = members.map(({ memberMetadata, memberAssignment }) => ({
      memberMetadata: memberMetadata.toString(),
      memberAssignment: memberAssignment.toString(),
    }));
    return { groupState, protocolType, protocolData, members: texts };
  };

  it('that is stable: protocol, metadata and assignments', () => {
    const world = new GroupWorld();
    stableGroup(world, [{ caller: { clientId: 'me', clientHost: '/10.0.0.1' } }, { groupInstanceId: 'i' }]);
    assert.deepEqual(described(world), {
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        { memberMetadata: 'range-metadata', memberAssignment: '0' },
        { memberMetadata: 'range-metadata', memberAssignment: '1' },
      ],
    });
    const [first, second] = world.describe().members;
    assert.deepEqual([first?.clientId, first?.clientHost, first?.groupInstanceId], ['me', '/10.0.0.1', null]);
    assert.deepEqual([second?.clientId, second?.groupInstanceId], ['client', 'i']);
  });

  it('that rebalances: neither protocol nor metadata; assignments as they were', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    world.join({ memberId: leader!.memberId });
    assert.deepEqual(described(world), {
      groupState: 'PreparingRebalance',
      protocolType: 'consumer',
      protocolData: '',
      members: [
        { ...NO_MEMBER, memberAssignment: '0' },
        { ...NO_MEMBER, memberAssignment: '1' },
      ],
    });
    world.join({ memberId: follower!.memberId });
    assert.equal(described(world).groupState, 'CompletingRebalance');
    assert.equal(described(world).protocolData, '');
  });

  it('that is empty, or has not begun', () => {
    const world = new GroupWorld();
    world.join();
    assert.deepEqual(described(world), { groupState: 'Empty', protocolType: '', protocolData: '', members: [] });
  });
});

describe('groups: a classic group after a load', () => {
  it('that was stable is stable: generation, protocol, leader, members and assignments, and a fresh session for each', () => {
    const world = new GroupWorld();
    const members = stableGroup(world, [{}, { groupInstanceId: 'i' }]);
    const before = world.describe();
    world.pass(SESSION_MS - 1);
    world.reload();
    assert.deepEqual(world.describe(), before);
    world.pass(SESSION_MS - 1);
    assert.equal(world.heartbeat(members[0]!), 'NONE');
    assert.equal(world.sync(members[1]!, { groupInstanceId: 'i' }).value.assignment.toString(), '1');
    world.pass(1);
    assert.equal(world.heartbeat(members[1]!, 'i'), 'UNKNOWN_MEMBER_ID');
    // The leader leads still.
    assert.equal(world.join({ memberId: members[0]!.memberId }).value.leader, members[0]!.memberId);
  });

  it('that was led by another than its first member is led by it still', () => {
    const world = new GroupWorld();
    const patient = { sessionTimeoutMs: 100_000 };
    const [first, second] = stableGroup(world, [
      { ...patient, groupInstanceId: 'i' },
      { ...patient, groupInstanceId: 'j' },
    ]);
    const changed = { ...patient, groupInstanceId: 'j', protocols: protocols('range=new') };
    const joined = world.join({ memberId: second!.memberId, ...changed });
    world.pass(30_000);
    assert.equal(joined.value.leader, second!.memberId);
    world.sync({ ...second!, generation: 3 }, { groupInstanceId: 'j' });
    world.sync({ ...first!, generation: 3 }, { groupInstanceId: 'i' });
    world.reload();
    const followed = world.join({ memberId: first!.memberId, ...patient, groupInstanceId: 'i' });
    assert.equal(followed.value.leader, second!.memberId);
  });

  it('that was empty is empty, under its type, and goes on with its generation', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { protocolType: 'connect' });
    world.leave([member]);
    world.reload();
    assert.deepEqual([world.state(), world.describe().protocolType], ['Empty', 'connect']);
    assert.equal(world.joinTwice().joined.value.generationId, 3);
  });

  it('that was between two generations has the older one, and its number is used again', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, {}]);
    world.join({ memberId: leader!.memberId });
    assert.equal(world.join({ memberId: follower!.memberId }).value.generationId, 3);
    const parked = world.sync({ ...follower!, generation: 3 });
    world.reload(new KafkaError('NOT_COORDINATOR'));
    assert.equal(parked.error, 'NOT_COORDINATOR');
    assert.equal(world.heartbeat({ ...leader!, generation: 3 }), 'ILLEGAL_GENERATION');
    assert.equal(world.heartbeat(leader!), 'NONE');
    world.join({ memberId: leader!.memberId });
    assert.equal(world.join({ memberId: follower!.memberId }).value.generationId, 3);
  });

  it('forgets who only had an id, or had joined and was never assigned anything', () => {
    const world = new GroupWorld();
    const pending = world.join().value.memberId;
    const { memberId } = world.joinTwice();
    world.reload(new KafkaError('NOT_COORDINATOR'));
    assert.equal(world.state(), 'Empty');
    for (const each of [pending, memberId]) assert.equal(errorOf(world.join({ memberId: each })), 'UNKNOWN_MEMBER_ID');
  });

  it('parked calls are given up, once each', () => {
    const world = new GroupWorld({ initialRebalanceDelayMs: 3000 });
    const joins = [world.joinTwice().joined, world.joinTwice().joined, world.join({ groupInstanceId: 'i' })];
    for (const answer of world.machine.abandon(new KafkaError('NOT_COORDINATOR'))) {
      answer.refuse(new KafkaError('NOT_COORDINATOR'));
    }
    assert.deepEqual(
      joins.map(({ error }) => error),
      Array(3).fill('NOT_COORDINATOR'),
    );
  });

  it('from a record before Kafka 0.10.1 the session timeout is also the one of a rebalance', () => {
    const world = new GroupWorld();
    stableMember(world);
    const record = world.log.at(-1)!;
    assert(record.kind === 'group-metadata' && record.value !== null);
    const members = record.value.members.map((member) => ({ ...member, rebalanceTimeout: -1 }));
    world.log.push({ ...record, value: { ...record.value, members } });
    world.reload();
    const { joined } = world.joinTwice({ rebalanceTimeoutMs: 1000 });
    world.pass(SESSION_MS / 2);
    world.heartbeat({ memberId: members[0]!.memberId, generation: 1 });
    world.pass(SESSION_MS / 2);
    assert.equal(joined.value.generationId, 2);
  });

  it('follows a tombstone to nothing', () => {
    const world = new GroupWorld();
    stableMember(world);
    world.log.push({ kind: 'group-metadata', groupId: 'g', value: null });
    world.reload();
    assert.equal(world.state(), 'Dead');
    assert.deepEqual([world.machine.nextDueMs, world.list()], [Infinity, []]);
  });
});

describe('groups: who may commit to a classic group', () => {
  const commit = (world: GroupWorld, member: Parameters<GroupWorld['commit']>[0], apiVersion = 9): string => {
    const asked = world.commit(member, [{ offset: 1n }], { apiVersion });
    try {
      return asked.error;
    } catch {
      return asked.value[0]!.errorCode === 0 ? 'NONE' : 'a partition failed';
    }
  };

  it('its members of this generation, while it is stable or prepares', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{}, { groupInstanceId: 'i' }]);
    assert.equal(commit(world, leader!), 'NONE');
    assert.equal(commit(world, { ...follower!, groupInstanceId: 'i' }), 'NONE');
    world.join({ memberId: leader!.memberId });
    assert.equal(commit(world, { ...follower!, groupInstanceId: 'i' }), 'NONE');
  });

  it('while it completes: REBALANCE_IN_PROGRESS', () => {
    const world = new GroupWorld();
    const { joined } = world.joinTwice();
    assert.equal(commit(world, { memberId: joined.value.memberId, generation: 1 }), 'REBALANCE_IN_PROGRESS');
  });

  it('a stale generation, another member, nobody in particular: refused', () => {
    const world = new GroupWorld();
    const { memberId } = stableMember(world);
    assert.equal(commit(world, { memberId, generation: 0 }), 'ILLEGAL_GENERATION');
    assert.equal(commit(world, { memberId, generation: 2 }), 'ILLEGAL_GENERATION');
    assert.equal(commit(world, { memberId }), 'ILLEGAL_GENERATION');
    assert.equal(commit(world, { memberId: 'm', generation: 1 }), 'UNKNOWN_MEMBER_ID');
    assert.equal(commit(world, { memberId, generation: 1, groupInstanceId: 'i' }), 'UNKNOWN_MEMBER_ID');
    assert.equal(commit(world, {}), 'UNKNOWN_MEMBER_ID');
    assert.deepEqual(world.offsets(), {});
  });

  it('to an empty one anybody without a generation, whatever they call themselves', () => {
    const world = new GroupWorld();
    world.leave([stableMember(world)]);
    assert.equal(commit(world, {}), 'NONE');
    assert.equal(commit(world, { memberId: 'm', groupInstanceId: 'i' }), 'NONE');
    assert.equal(commit(world, { memberId: 'm', generation: 1 }), 'UNKNOWN_MEMBER_ID');
  });

  it('to one that is not there without a generation; with one GROUP_ID_NOT_FOUND, before v9 ILLEGAL_GENERATION', () => {
    const world = new GroupWorld();
    assert.equal(commit(world, { memberId: 'm', generation: 1 }, 9), 'GROUP_ID_NOT_FOUND');
    assert.equal(commit(world, { memberId: 'm', generation: 1 }, 8), 'ILLEGAL_GENERATION');
    assert.equal(commit(world, { groupInstanceId: 'i' }), 'NONE');
    assert.equal(commit(world, { memberId: 'm', generation: 1 }, 9), 'UNKNOWN_MEMBER_ID');
  });

  it('commits keep the session', () => {
    const world = new GroupWorld();
    const member: Member = stableMember(world);
    for (let count = 0; count < 3; count += 1) {
      world.pass(SESSION_MS - 1);
      assert.equal(commit(world, member), 'NONE');
    }
    assert.equal(world.state(), 'Stable');
  });
});

describe('groups: what a classic group subscribes to', () => {
  const subscribed = (...topics: string[]) => [{ name: 'range', metadata: encodeConsumerSubscription({ topics }) }];
  const errorsOf = (world: GroupWorld, ...names: string[]): number[] => {
    const topics = names.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
    return world
      .ask<{ topics: readonly { partitions: readonly { errorCode: number }[] }[] }>((machine, call, now) =>
        machine.deleteOffsets(call as never, { groupId: 'g', topics }, now),
      )
      .value.topics.map(({ partitions }) => partitions[0]!.errorCode);
  };

  it('its offsets for the topics of any member stay; others may be deleted', () => {
    const world = new GroupWorld();
    stableGroup(world, [{ protocols: subscribed('a') }, { protocols: subscribed('b') }]);
    assert.deepEqual(errorsOf(world, 'a', 'b', 'c'), [86, 86, 0]);
    world.reload();
    assert.deepEqual(errorsOf(world, 'a', 'b', 'c'), [86, 86, 0]);
  });

  it('where one subscription cannot be read it may be anything', () => {
    const world = new GroupWorld();
    stableGroup(world, [{ protocols: subscribed('a') }, { protocols: protocols('range=\u0000') }]);
    assert.deepEqual(errorsOf(world, 'c'), [86]);
  });

  it('an empty group subscribes to nothing', () => {
    const world = new GroupWorld();
    world.leave([stableMember(world, { protocols: subscribed('a') })]);
    assert.deepEqual(errorsOf(world, 'a'), [0]);
  });
});
