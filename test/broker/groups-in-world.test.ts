import assert from 'node:assert/strict';
import { OffsetCommit } from '../../src/protocol/apis/index.ts';
import type { BrokerUnderTest } from './broker-in-world.ts';
import type { GroupClient, MemberOptions } from './group-client.ts';
import { type GroupModules, loadGroupModules } from './group-modules.ts';

let modules: GroupModules;

const withBroker: GroupModules['withBroker'] = (...args) => modules.withBroker(...args);

function clientOf(test: BrokerUnderTest, options: MemberOptions = {}): GroupClient {
  return new modules.GroupClient(test, options);
}

/** A directory with the topic `t`, and what a first broker did there. */
async function afterLife(
  first: (test: BrokerUnderTest) => Promise<void>,
  second: (test: BrokerUnderTest) => Promise<void>,
  options: { wasClean?: boolean } = {},
): Promise<void> {
  const { inWorld, withBrokerIn, DIRECTORY } = modules;
  await inWorld(1, async (env) => {
    await env.disk.makeDirectory(DIRECTORY);
    await withBrokerIn(env, async (test) => {
      await test.createTopic('t');
      await first(test);
    });
    await withBrokerIn(env, second, options);
  });
}

async function stableMember(test: BrokerUnderTest, options: MemberOptions = {}) {
  const member = clientOf(test, options);
  assert.equal(await member.find(), 'NONE');
  assert.equal(await member.join(), 'NONE');
  assert.equal(await member.sync(), 'NONE');
  return member;
}

/** A commit of many partitions, with as much text as fits. */
async function commitWide(test: BrokerUnderTest, groupId: string, count: number): Promise<void> {
  const partitions = Array.from({ length: count }, (_, partitionIndex) => ({
    partitionIndex,
    committedOffset: 1n,
    committedMetadata: 'm'.repeat(400),
  }));
  const message = { groupId, topics: [{ name: 'wide', partitions }] };
  const { topics } = await modules.ask(test, OffsetCommit, 8, message);
  assert.ok(topics[0]?.partitions.every(({ errorCode }) => errorCode === 0));
}

describe('groups on a broker', () => {
  before(async () => {
    modules = await loadGroupModules();
  });

  it('a member joins, commits, reads what it committed, and leaves', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const member = await stableMember(test);
      assert.equal(member.assignment, member.memberId);
      assert.equal(await member.committed('t'), -1);
      assert.equal(await member.commit('t', 5), 'NONE');
      assert.equal(await member.committed('t'), 5);
      assert.equal(await member.heartbeat(), 'NONE');
      assert.equal(await member.leave(), 'NONE');
      assert.equal(await member.heartbeat(), 'UNKNOWN_MEMBER_ID');
      assert.equal(await member.commit('t', 6), 'UNKNOWN_MEMBER_ID');
      assert.equal(await member.committed('t'), 5);
      assert.deepEqual(test.holds, [], 'a call that waits stops nothing else');
    }));

  it('two members share a generation, and the first learns of the second by its heartbeat', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const first = await stableMember(test);
      const second = clientOf(test);
      const joined = second.join();
      await test.env.clock.sleep(10);
      assert.equal(await first.heartbeat(), 'REBALANCE_IN_PROGRESS');
      assert.deepEqual(await Promise.all([first.join(), joined]), ['NONE', 'NONE']);
      assert.deepEqual([first.generationId, second.generationId], [2, 2]);
      assert.deepEqual([...first.members].sort(), [first.memberId, second.memberId].sort());
      assert.deepEqual(await Promise.all([second.sync(), first.sync()]), ['NONE', 'NONE']);
      assert.deepEqual([first.assignment, second.assignment], [first.memberId, second.memberId]);
    }));

  it('a member that is silent is removed at the end of its session', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const member = await stableMember(test, { sessionTimeoutMs: 6000 });
      await test.env.clock.sleep(5500);
      assert.equal(await member.heartbeat(), 'NONE');
      await test.env.clock.sleep(5500);
      assert.equal(await member.heartbeat(), 'NONE');
      await test.env.clock.sleep(6500);
      assert.equal(await member.heartbeat(), 'UNKNOWN_MEMBER_ID');
    }));

  it('a member by the directory is gone with its connection; one over TCP is not', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const departures = [new modules.Departure(), new modules.Departure()] as const;
      const unix = await stableMember(test, {
        groupId: 'u',
        context: { listener: 'unix', connectionId: 1, departure: departures[0] },
      });
      const tcp = await stableMember(test, {
        groupId: 'v',
        context: { listener: 'tcp', connectionId: 2, departure: departures[1], remote: '10.0.0.1:99' },
      });
      for (const departure of departures) departure.announce();
      await test.env.clock.sleep(1);
      const again = (member: GroupClient, connectionId: number): Promise<string> =>
        Object.assign(clientOf(test, { groupId: member.groupId, context: { connectionId } }), {
          memberId: member.memberId,
          generationId: member.generationId,
        }).heartbeat();
      assert.equal(await again(unix, 3), 'UNKNOWN_MEMBER_ID');
      assert.equal(await again(tcp, 4), 'NONE');
    }));

  it('offsets and members outlive a broker; a session begins anew', () => {
    let member: GroupClient | undefined;
    return afterLife(
      async (test) => {
        member = await stableMember(test, { context: { listener: 'tcp', remote: '10.0.0.1:99' } });
        assert.equal(await member.commit('t', 7), 'NONE');
      },
      async (test) => {
        const { memberId = '', generationId = -1 } = member ?? {};
        const again = Object.assign(clientOf(test), { memberId, generationId });
        assert.equal(await again.committed('t'), 7);
        assert.equal(await again.heartbeat(), 'NONE');
        assert.equal(await again.commit('t', 8), 'NONE');
        await test.env.clock.sleep(11_000);
        assert.equal(await again.heartbeat(), 'UNKNOWN_MEMBER_ID');
        assert.equal(await again.committed('t'), 8);
      },
    );
  });

  it('a hand-over fences nobody: members whose connection the broker ends have not left', () => {
    let member: GroupClient | undefined;
    return afterLife(
      async (test) => {
        const departure = new modules.Departure();
        member = await stableMember(test, { context: { listener: 'unix', connectionId: 1, departure } });
        // What the end of connections does, while the broker stops.
        const stopping = test.broker.stop();
        await test.env.clock.sleep(1);
        departure.announce();
        await stopping;
      },
      async (test) => {
        const { memberId = '', generationId = -1 } = member ?? {};
        const again = Object.assign(clientOf(test), { memberId, generationId });
        assert.equal(await again.heartbeat(), 'NONE');
      },
    );
  });

  it('a member by the directory that is not heard of after a take-over is removed', () => {
    let member: GroupClient | undefined;
    return afterLife(
      async (test) => {
        member = await stableMember(test, { context: { listener: 'unix', connectionId: 1 } });
      },
      async (test) => {
        const { memberId = '', generationId = -1 } = member ?? {};
        const again = Object.assign(clientOf(test), { memberId, generationId });
        assert.equal(await again.committed('t'), -1);
        await test.env.clock.sleep(3000);
        assert.equal(await again.heartbeat(), 'UNKNOWN_MEMBER_ID');
      },
    );
  });

  it('one that lived in the process of a broker that was killed is removed at once', () => {
    let member: GroupClient | undefined;
    return afterLife(
      async (test) => {
        member = await stableMember(test);
      },
      async (test) => {
        const { memberId = '', generationId = -1 } = member ?? {};
        const again = Object.assign(clientOf(test), { memberId, generationId });
        assert.equal(await again.committed('t'), -1);
        assert.equal(await again.heartbeat(), 'UNKNOWN_MEMBER_ID');
      },
      { wasClean: false },
    );
  });

  it('offsets that have expired go with the end of a broker, where there are many', () => {
    const settings = ['offsets.retention.minutes=1'];
    return modules.inWorld(1, async (env) => {
      const { withBrokerIn, DIRECTORY } = modules;
      await env.disk.makeDirectory(DIRECTORY);
      const live = (program: (test: BrokerUnderTest) => Promise<void>) => withBrokerIn(env, program, { settings });
      await live(async (test) => {
        await test.createTopic('t');
        await test.createTopic('wide', 3000);
        const few = clientOf(test, { groupId: 'few' });
        const many = clientOf(test, { groupId: 'many' });
        await many.find();
        assert.deepEqual([await few.commit('t', 1), await many.commit('t', 2)], ['NONE', 'NONE']);
        await commitWide(test, 'many', 3000);
        await env.clock.sleep(90_000);
      });
      await live(async (test) => {
        const committed = async (groupId: string) => clientOf(test, { groupId }).committed('t');
        assert.deepEqual([await committed('few'), await committed('many')], [1, -1]);
      });
    });
  });

  it('calls that are parked end when the broker stops', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      await stableMember(test);
      const second = clientOf(test);
      const joined = second.join();
      await test.env.clock.sleep(10);
      const began = test.env.clock.monotonicMs();
      await test.broker.stop();
      assert.equal(await joined, 'NOT_COORDINATOR');
      assert.ok(test.env.clock.monotonicMs() - began < 1000);
    }));

  it('offsets of a topic that is deleted, or made again, are gone', () =>
    withBroker(async (test) => {
      const topicId = await test.createTopic('t');
      await test.createTopic('u');
      const client = clientOf(test);
      await client.find();
      assert.equal(await client.commit('t', 3), 'NONE');
      assert.equal(await client.commit('u', 4), 'NONE');
      await test.session.deleteTopic(topicId);
      assert.equal(await client.commit('t', 3), 'UNKNOWN_TOPIC_OR_PARTITION');
      await test.createTopic('t');
      assert.deepEqual([await client.committed('t'), await client.committed('u')], [-1, 4]);
    }));

  it('the topic of offsets, deleted, takes all groups with it and is made again', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const client = clientOf(test);
      assert.equal(await client.committed('t'), -1, 'nothing is made for that');
      assert.equal(await client.commit('t', 3), 'NOT_COORDINATOR');
      await client.find();
      assert.equal(await client.commit('t', 3), 'NONE');
      const offsets = test.session.image().topics.get('__consumer_offsets');
      assert.equal(offsets?.partitions.length, 50);
      await test.session.deleteTopic(offsets?.topicId ?? '');
      assert.equal(await client.committed('t'), -1);
      await client.find();
      assert.equal(await client.committed('t'), -1);
      assert.equal(await client.commit('t', 9), 'NONE');
      assert.equal(await client.committed('t'), 9);
    }));
});
