import assert from 'node:assert/strict';
import { errorOf, GroupWorld, type Member, protocols, SESSION_MS, stableGroup, stableMember } from './group-world.ts';

const DELAY_MS = 3000;

describe('groups: the first rebalance of a classic group', () => {
  it('without a delay goes on with the first member at once, in a turn of its own', () => {
    const world = new GroupWorld();
    const { memberId } = world.join().value;
    const joined = world.askOnly<unknown>((machine, call, now) =>
      machine.joinGroup(
        call,
        {
          groupId: 'g',
          sessionTimeoutMs: SESSION_MS,
          rebalanceTimeoutMs: 30_000,
          memberId,
          groupInstanceId: null,
          protocolType: 'consumer',
          protocols: protocols('range'),
          reason: null,
        },
        now,
      ),
    );
    assert.equal(joined.isAnswered, false);
    world.settle();
    assert.equal(joined.isAnswered, true);
  });

  it('waits the delay for others', () => {
    const world = new GroupWorld({ initialRebalanceDelayMs: DELAY_MS });
    const { joined } = world.joinTwice();
    world.pass(DELAY_MS - 1);
    assert.equal(joined.isAnswered, false);
    world.pass(1);
    assert.equal(joined.value.generationId, 1);
  });

  it('waits the delay again whenever somebody came during the last one', () => {
    const world = new GroupWorld({ initialRebalanceDelayMs: DELAY_MS });
    const first = world.joinTwice().joined;
    world.pass(DELAY_MS - 1);
    const second = world.joinTwice().joined;
    world.pass(1);
    assert.equal(first.isAnswered, false);
    world.pass(DELAY_MS - 1);
    const third = world.joinTwice().joined;
    world.pass(1);
    assert.equal(first.isAnswered, false);
    world.pass(DELAY_MS);
    assert.deepEqual(
      [first, second, third].map(({ value }) => value.generationId),
      [1, 1, 1],
    );
    assert.equal(first.value.members.length, 3);
  });

  it('waits no longer than the rebalance timeout, whoever comes', () => {
    const world = new GroupWorld({ initialRebalanceDelayMs: DELAY_MS });
    const options = { rebalanceTimeoutMs: 2 * DELAY_MS };
    const first = world.joinTwice(options).joined;
    for (let count = 0; count < 5; count += 1) {
      world.pass(DELAY_MS / 2);
      if (first.isAnswered) break;
      world.joinTwice(options);
    }
    assert.equal(first.isAnswered, true);
    assert.equal(first.value.generationId, 1);
  });

  it('is over when everybody has left: the group is empty, and written so', () => {
    const world = new GroupWorld({ initialRebalanceDelayMs: DELAY_MS });
    const { memberId, joined } = world.joinTwice();
    assert.equal(errorOf({ value: world.leave([{ memberId }]).members[0]! } as never), 'NONE');
    assert.equal(errorOf(joined), 'UNKNOWN_MEMBER_ID');
    world.pass(DELAY_MS);
    assert.equal(world.state(), 'Empty');
    const last = world.log.at(-1);
    assert(last?.kind === 'group-metadata');
    assert.deepEqual([last.value?.generation, last.value?.protocolType, last.value?.members], [1, 'consumer', []]);
  });
});

describe('groups: a rebalance of a classic group', () => {
  it('ends as soon as all members are back', () => {
    const world = new GroupWorld();
    const members = stableGroup(world, [{}, {}, {}]);
    const joined = members.map(({ memberId }) => world.join({ memberId }));
    assert.deepEqual(
      joined.map(({ value }) => value.generationId),
      [3, 3, 3],
    );
  });

  it('waits for those who were given an id and have not joined with it', () => {
    const world = new GroupWorld();
    const [leader] = stableGroup(world, [{}]);
    const pending = world.join().value.memberId;
    const joined = world.join({ memberId: leader!.memberId });
    assert.equal(joined.isAnswered, false);
    const second = world.join({ memberId: pending });
    assert.deepEqual([joined.value.generationId, second.value.generationId], [2, 2]);
  });

  it('waits for a pending one no longer than its session, or until it leaves', () => {
    for (const end of ['session', 'leave'] as const) {
      const world = new GroupWorld();
      const [leader] = stableGroup(world, [{}]);
      const { memberId } = world.join().value;
      const joined = world.join({ memberId: leader!.memberId });
      if (end === 'session') world.pass(SESSION_MS);
      else world.leave([{ memberId }]);
      assert.equal(joined.value.generationId, 2);
    }
  });

  it('at the longest rebalance timeout goes on without dynamic members that are silent', () => {
    const world = new GroupWorld();
    const members = stableGroup(world, [
      { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 },
      { rebalanceTimeoutMs: 40_000, sessionTimeoutMs: 60_000 },
    ]);
    const joined = world.join({ memberId: members[0]!.memberId });
    world.pass(39_999);
    assert.equal(joined.isAnswered, false);
    world.pass(1);
    assert.deepEqual([joined.value.generationId, joined.value.members.length], [3, 1]);
    assert.equal(world.heartbeat({ ...members[1]!, generation: 3 }), 'UNKNOWN_MEMBER_ID');
  });

  it('a leader that is silent leads no more: of those who came the first one does', () => {
    const world = new GroupWorld();
    const members = stableGroup(world, [{ sessionTimeoutMs: 60_000 }, { sessionTimeoutMs: 60_000 }, {}]);
    const joined = members.slice(1).map(({ memberId }) => world.join({ memberId, protocols: protocols('range=x') }));
    world.pass(30_000);
    assert.deepEqual(
      joined.map(({ value }) => value.leader),
      [members[1]!.memberId, members[1]!.memberId],
    );
  });

  it('keeps its leader while it comes back', () => {
    const world = new GroupWorld();
    const members = stableGroup(world, [{}, {}]);
    const [, second] = members;
    const late = world.join({ memberId: second!.memberId, protocols: protocols('range=x') });
    world.join({ memberId: members[0]!.memberId });
    assert.equal(late.value.leader, members[0]!.memberId);
  });

  it('members that wait for it are alive without heartbeats', () => {
    const world = new GroupWorld();
    const [leader, other] = stableGroup(world, [{}, { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 50_000 }]);
    const joined = world.join({ memberId: leader!.memberId });
    world.pass(4 * SESSION_MS);
    assert.equal(joined.isAnswered, false);
    world.join({ memberId: other!.memberId });
    assert.equal(joined.value.members.length, 2);
  });

  it('one that was told to rejoin and does not is out when its session ends', () => {
    const world = new GroupWorld();
    const [leader, other] = stableGroup(world, [{}, {}]);
    const joined = world.join({ memberId: leader!.memberId });
    world.pass(SESSION_MS / 2);
    assert.equal(world.heartbeat(other!), 'REBALANCE_IN_PROGRESS');
    world.pass(SESSION_MS - 1);
    assert.equal(joined.isAnswered, false);
    world.pass(1);
    assert.equal(joined.value.members.length, 1);
  });

  it('whoever does not ask for its assignment within the rebalance timeout is out', () => {
    for (const silent of ['leader', 'follower'] as const) {
      const world = new GroupWorld();
      const patient = { sessionTimeoutMs: 60_000 };
      const first = world.joinTwice(patient);
      const second = world.joinTwice(patient);
      world.join({ ...patient, memberId: first.memberId });
      const leader: Member = { memberId: first.memberId, generation: 2 };
      const follower: Member = { memberId: second.memberId, generation: 2 };
      const [syncs, out] = silent === 'leader' ? [follower, leader] : [leader, follower];
      const synced = world.sync(syncs);
      world.pass(29_999);
      assert.equal(world.heartbeat(out), 'NONE');
      world.pass(1);
      assert.equal(errorOf(synced), silent === 'leader' ? 'REBALANCE_IN_PROGRESS' : 'NONE');
      assert.equal(world.state(), 'PreparingRebalance');
      assert.equal(world.heartbeat(out), 'UNKNOWN_MEMBER_ID');
      assert.equal(world.join({ memberId: syncs.memberId }).value.generationId, 3);
    }
  });

  it('when all have asked for their assignment nobody is timed out', () => {
    const world = new GroupWorld();
    const members = stableGroup(world, [{ sessionTimeoutMs: 60_000 }, { sessionTimeoutMs: 60_000 }]);
    for (let count = 0; count < 3; count += 1) {
      world.pass(29_000);
      for (const member of members) assert.equal(world.heartbeat(member), 'NONE');
    }
    assert.equal(world.state(), 'Stable');
  });

  it('the generation goes up by one each time, and in an empty group too', () => {
    const world = new GroupWorld();
    const { memberId } = stableMember(world);
    for (const generation of [2, 3]) {
      assert.equal(world.join({ memberId }).value.generationId, generation);
      assert.equal(errorOf(world.sync({ memberId, generation })), 'NONE');
    }
    world.leave([{ memberId }]);
    const { joined } = world.joinTwice();
    assert.equal(joined.value.generationId, 5);
  });

  it('cooperative members keep their metadata byte for byte, and rebalance twice (KIP-429)', () => {
    const world = new GroupWorld();
    const name = 'cooperative-sticky';
    const [leader, follower] = stableGroup(world, [
      { protocols: protocols(`${name}=owns-nothing`) },
      { protocols: protocols(`${name}=owns-nothing`) },
    ]);
    for (const [round, owned] of ['owned-1', 'owned-2'].entries()) {
      const joined = world.join({ memberId: leader!.memberId, protocols: protocols(`${name}=${owned}`) });
      assert.equal(world.heartbeat({ ...follower!, generation: 2 + round }), 'REBALANCE_IN_PROGRESS');
      world.join({ memberId: follower!.memberId, protocols: protocols(`${name}=${owned}`) });
      assert.deepEqual(
        joined.value.members.map(({ metadata }) => metadata.toString()),
        [owned, owned],
      );
      const generation = joined.value.generationId;
      world.sync({ memberId: follower!.memberId, generation });
      world.sync({ memberId: leader!.memberId, generation });
      assert.equal(world.state(), 'Stable');
    }
  });
});

describe('groups: the protocol of a classic group', () => {
  function elect(...lists: readonly (readonly string[])[]): string | null {
    const world = new GroupWorld({ initialRebalanceDelayMs: DELAY_MS });
    const joined = lists.map((names) => world.joinTwice({ protocols: protocols(...names) }).joined);
    world.pass(10 * DELAY_MS);
    return joined[0]!.value.protocolName;
  }

  it('is one that all support, by the most votes of first choices', () => {
    assert.equal(elect(['range', 'sticky']), 'range');
    assert.equal(elect(['range', 'sticky'], ['sticky', 'range'], ['sticky', 'range']), 'sticky');
    assert.equal(elect(['range', 'sticky'], ['sticky', 'other']), 'sticky');
    assert.equal(elect(['a', 'b', 'c'], ['x', 'c', 'b'], ['y', 'c', 'b']), 'c');
  });

  it('of very many is found without looking at each pair', () => {
    const world = new GroupWorld({ initialRebalanceDelayMs: DELAY_MS });
    const names = (first: number) => Array.from({ length: 50_000 }, (_, index) => `${first + index}=`);
    const members = [0, 49_999].map((first) => world.joinTwice({ protocols: protocols(...names(first)) }).joined);
    world.pass(10 * DELAY_MS);
    assert.deepEqual(
      members.map(({ value }) => value.protocolName),
      ['49999', '49999'],
    );
  }).timeout(5000);

  it('follows what a member says when it joins again, and who leaves', () => {
    const world = new GroupWorld();
    const [leader, follower] = stableGroup(world, [{ protocols: protocols('a', 'b') }, { protocols: protocols('b') }]);
    assert.equal(world.describe().protocolData, 'b');
    const given = { memberId: follower!.memberId, protocols: protocols('b', 'a') };
    world.join(given);
    world.leave([follower!]);
    const alone = world.join({ memberId: leader!.memberId, protocols: protocols('a', 'b') });
    assert.equal(alone.value.protocolName, 'a');
    assert.equal(errorOf(world.join({ protocols: protocols('b'), caller: { apiVersion: 4 } })), 'MEMBER_ID_REQUIRED');
    assert.equal(errorOf(world.join({ protocols: protocols('c') })), 'INCONSISTENT_GROUP_PROTOCOL');
  });

  it('can change with who is in the group', () => {
    const world = new GroupWorld();
    const both = protocols('range', 'sticky');
    const [leader] = stableGroup(world, [{ protocols: both }]);
    assert.equal(world.describe().protocolData, 'range');
    const { joined } = world.joinTwice({ protocols: protocols('sticky') });
    assert.equal(world.join({ memberId: leader!.memberId, protocols: both }).value.protocolName, 'sticky');
    assert.equal(joined.value.protocolName, 'sticky');
  });
});
