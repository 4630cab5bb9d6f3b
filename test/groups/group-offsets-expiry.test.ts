/** Offsets that go by themselves: with time, and with their topics. */
import assert from 'node:assert/strict';
import { encodeConsumerSubscription } from '../../src/protocol/group/consumer-protocol.ts';
import { GroupWorld, SETTINGS, stableMember } from './group-world.ts';

const RETENTION_MS = SETTINGS.offsetsRetentionMs;
const SIMPLE = {};

function expire(world: GroupWorld): void {
  world.turn((machine, now) => machine.expireOffsets(now));
}

describe('groups: offsets that expire', () => {
  it('of a group without members: from when it became empty', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { sessionTimeoutMs: 1_800_000 });
    world.commit(member, [{ offset: 1n }]);
    world.pass(1_000_000);
    world.leave([member]);
    world.pass(RETENTION_MS - 1);
    expire(world);
    assert.deepEqual(world.offsets(), { 't-0': 1n });
    world.pass(1);
    expire(world);
    const kinds = world.transitions.at(-1)!.records.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['offset-commit', 'group-metadata']);
    assert.deepEqual([world.offsets(), world.state()], [{}, 'Dead']);
  });

  it('of offsets alone: each from its commit', () => {
    const world = new GroupWorld();
    world.commit(SIMPLE, [{ offset: 1n }]);
    world.pass(1000);
    world.commit(SIMPLE, [{ partition: 1, offset: 2n }]);
    world.pass(RETENTION_MS - 1000);
    expire(world);
    assert.deepEqual(world.offsets(), { 't-1': 2n });
    world.pass(1000);
    expire(world);
    assert.deepEqual(world.list(), []);
  });

  it('of a stable group of consumers: what nobody subscribes to, from its commit', () => {
    const world = new GroupWorld({ offsetsRetentionMs: 5000 });
    const metadata = encodeConsumerSubscription({ topics: ['t'] });
    const member = stableMember(world, { protocols: [{ name: 'range', metadata }] });
    world.commit(member, [{ offset: 1n }, { topic: 'u', offset: 2n }]);
    world.pass(4999);
    expire(world);
    assert.equal(Object.keys(world.offsets()).length, 2);
    world.pass(1);
    expire(world);
    assert.deepEqual([world.offsets(), world.state()], [{ 't-0': 1n }, 'Stable']);
  });

  it('never while a group rebalances, nor of a stable group that is not of consumers', () => {
    const world = new GroupWorld({ offsetsRetentionMs: 1000 });
    const member = stableMember(world, { protocolType: 'connect' });
    world.commit(member, [{ offset: 1n }]);
    world.pass(5000);
    expire(world);
    assert.deepEqual(world.offsets(), { 't-0': 1n });
    const other = new GroupWorld({ offsetsRetentionMs: 1000 });
    other.commit(stableMember(other), [{ offset: 1n }]);
    other.joinTwice();
    other.pass(5000);
    expire(other);
    assert.deepEqual(other.offsets(), { 't-0': 1n });
  });

  it('at the time that the commit itself named, in records from before Kafka 2.1', () => {
    const world = new GroupWorld();
    const value = {
      offset: 1n,
      leaderEpoch: -1,
      metadata: '',
      commitTimestamp: BigInt(world.wallMs),
      expireTimestamp: BigInt(world.wallMs + 500),
      topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
    };
    world.log.push({ kind: 'offset-commit', groupId: 'g', topic: 't', partition: 0, value });
    world.reload();
    world.pass(499);
    expire(world);
    assert.deepEqual(world.offsets(), { 't-0': 1n });
    world.pass(1);
    expire(world);
    assert.deepEqual(world.offsets(), {});
  });

  it('an empty group without offsets is removed, one that has members is not', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    expire(world);
    assert.equal(world.state(), 'Stable');
    world.leave([member]);
    expire(world);
    assert.equal(world.state(), 'Dead');
  });

  it('a sweep is a turn for each group, none of them for nothing', () => {
    const world = new GroupWorld();
    for (const groupId of ['a', 'b', 'c']) world.commit(SIMPLE, [{ offset: 1n }], { groupId });
    const count = world.transitions.length;
    expire(world);
    assert.equal(world.transitions.length, count);
    world.pass(RETENTION_MS);
    expire(world);
    assert.equal(world.transitions.length, count + 3);
    assert(world.transitions.slice(count).every(({ isolated }) => isolated));
  });
});

describe('groups: offsets of topics that are gone', () => {
  const OLD = 'oooooooooooooooooooooA';
  const NEW = 'nnnnnnnnnnnnnnnnnnnnnA';

  function committed(): GroupWorld {
    const world = new GroupWorld();
    world.topics.set('t', { topicId: OLD, partitionCount: 1 });
    world.commit(SIMPLE, [
      { offset: 1n, topicId: OLD },
      { topic: 'u', offset: 2n },
    ]);
    world.commit(SIMPLE, [{ offset: 3n, topicId: OLD }], { groupId: 'h' });
    return world;
  }

  it('are not answered, and go when the topic is deleted', () => {
    const world = committed();
    world.topics.delete('t');
    assert.deepEqual(world.offsets(), { 'u-0': 2n });
    world.turn((machine, now) => machine.topicsChanged([{ name: 't', topicId: OLD }], now));
    assert.deepEqual(
      world.log.slice(-2).map((record) => [record.groupId, record.value]),
      [
        ['g', null],
        ['h', null],
      ],
    );
    assert.deepEqual(
      world.list().map(({ groupId }) => groupId),
      ['g'],
    );
  });

  it('of a new topic with the old name stay', () => {
    const world = committed();
    world.topics.set('t', { topicId: NEW, partitionCount: 1 });
    world.commit(SIMPLE, [{ offset: 9n, topicId: NEW }]);
    world.turn((machine, now) => machine.topicsChanged([{ name: 't', topicId: OLD }], now));
    assert.deepEqual(world.offsets(), { 't-0': 9n, 'u-0': 2n });
    assert.deepEqual(world.offsets('h'), {});
  });

  it('without an id go by the name when the topic is deleted', () => {
    const world = committed();
    world.topics.set('u', { topicId: NEW, partitionCount: 1 });
    world.topics.delete('u');
    world.turn((machine, now) => machine.topicsChanged([{ name: 'u', topicId: NEW }], now));
    assert.deepEqual(world.offsets(), { 't-0': 1n });
  });

  it('after a load go at once; those that do not say which topic they are of stay', () => {
    const world = committed();
    world.topics.set('t', { topicId: NEW, partitionCount: 1 });
    const { length } = world.log;
    world.reload();
    assert.equal(world.log.length, length + 2);
    assert.deepEqual([world.offsets(), world.offsets('h')], [{ 'u-0': 2n }, {}]);
  });
});
