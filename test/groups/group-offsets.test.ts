import assert from 'node:assert/strict';
import type { FetchedGroup, OffsetDeleteResponse } from '../../src/groups/offset-requests.ts';
import { errorName, KafkaError } from '../../src/protocol/errors.ts';
import { GroupWorld, stableMember } from './group-world.ts';

const SIMPLE = {};

function deleteOffsets(world: GroupWorld, groupId: string, ...topics: string[]) {
  const request = { groupId, topics: topics.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })) };
  return world.ask<OffsetDeleteResponse>((machine, call, now) => machine.deleteOffsets(call, request, now));
}

function deleteGroup(world: GroupWorld, groupId = 'g'): string {
  const asked = world.ask<{ errorCode: number }>((machine, call, now) =>
    machine.deleteGroup(call as never, groupId, now),
  );
  try {
    return asked.error;
  } catch {
    return errorName(asked.value.errorCode);
  }
}

describe('groups: committing offsets', () => {
  it('each is a record, all of them one batch, and any number is an offset', () => {
    const world = new GroupWorld();
    const big = 2n ** 63n - 1n;
    const { value } = world.commit(SIMPLE, [
      { topic: 'a', partition: 3, offset: 42n, leaderEpoch: 5, metadata: 'm' },
      { topic: 'b', offset: -7n },
      { topic: 'b', partition: 1, offset: big },
    ]);
    assert.deepEqual(
      value.map(({ topic, partition, errorCode }) => [topic, partition, errorCode]),
      [
        ['a', 3, 0],
        ['b', 0, 0],
        ['b', 1, 0],
      ],
    );
    const { records, isolated } = world.transitions.at(-1)!;
    assert.deepEqual([records.length, isolated], [3, true]);
    const [first] = world.log;
    assert(first?.kind === 'offset-commit' && first.value !== null);
    const { topicId, ...rest } = first.value;
    assert.match(topicId, /^A+$/);
    assert.deepEqual(rest, {
      offset: 42n,
      leaderEpoch: 5,
      metadata: 'm',
      commitTimestamp: BigInt(world.wallMs),
      expireTimestamp: -1n,
    });
    assert.deepEqual(world.offsets(), { 'a-3': 42n, 'b-0': -7n, 'b-1': big });
  });

  it('too much metadata fails its partition alone: OFFSET_METADATA_TOO_LARGE', () => {
    const world = new GroupWorld();
    const { value } = world.commit(SIMPLE, [
      { offset: 1n, metadata: 'x'.repeat(4097) },
      { offset: 2n, partition: 1, metadata: 'x'.repeat(4096) },
    ]);
    assert.deepEqual(
      value.map(({ errorCode }) => errorName(errorCode)),
      ['OFFSET_METADATA_TOO_LARGE', 'NONE'],
    );
    assert.deepEqual(world.offsets(), { 't-1': 2n });
  });

  it('an append that failed leaves the offsets as they were, and the group alive', () => {
    const world = new GroupWorld();
    world.commit(SIMPLE, [{ offset: 1n }]);
    world.appendError = new KafkaError('KAFKA_STORAGE_ERROR');
    assert.equal(world.commit(SIMPLE, [{ offset: 2n }]).error, 'KAFKA_STORAGE_ERROR');
    assert.deepEqual(world.offsets(), { 't-0': 1n });
    world.appendError = undefined;
    world.commit(SIMPLE, [{ offset: 3n }]);
    assert.deepEqual(world.offsets(), { 't-0': 3n });
  });

  it('the last of two commits counts, also within one request and after a load', () => {
    const world = new GroupWorld();
    world.commit(SIMPLE, [{ offset: 9n }, { offset: 4n }]);
    assert.deepEqual(world.offsets(), { 't-0': 4n });
    world.reload();
    assert.deepEqual(world.offsets(), { 't-0': 4n });
  });
});

describe('groups: reading offsets', () => {
  const fetch = (world: GroupWorld, ...partitionIndexes: number[]): FetchedGroup =>
    world.ask<FetchedGroup>((machine, call, now) =>
      machine.fetchOffsets(
        call,
        {
          groupId: 'g',
          who: { memberId: null, memberEpoch: -1 },
          topics: [{ name: 't', topicId: 'handed back', partitionIndexes }],
        },
        now,
      ),
    ).value;

  it('what is there with leader epoch and metadata, what is not as offset -1 without an error', () => {
    const world = new GroupWorld();
    const none = { committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode: 0 };
    assert.deepEqual(fetch(world, 0).topics[0]?.partitions, [{ partitionIndex: 0, ...none }]);
    world.commit(SIMPLE, [{ offset: 7n, leaderEpoch: 2, metadata: 'mine' }]);
    assert.deepEqual(fetch(world, 0, 5), {
      groupId: 'g',
      topics: [
        {
          name: 't',
          topicId: 'handed back',
          partitions: [
            { partitionIndex: 0, committedOffset: 7n, committedLeaderEpoch: 2, metadata: 'mine', errorCode: 0 },
            { partitionIndex: 5, ...none },
          ],
        },
      ],
      errorCode: 0,
    });
  });

  it('all of a group: by topic, partitions in order, with the id that the topic has', () => {
    const world = new GroupWorld();
    world.topics.set('t', { topicId: 'tttttttttttttttttttttA', partitionCount: 9 });
    world.commit(
      SIMPLE,
      [5, 0, 2].map((partition) => ({ partition, offset: BigInt(partition) })),
    );
    const fetched = world.ask<FetchedGroup>((machine, call, now) =>
      machine.fetchOffsets(call, { groupId: 'g', who: { memberId: null, memberEpoch: -1 }, topics: null }, now),
    ).value;
    assert.equal(fetched.topics[0]?.topicId, 'tttttttttttttttttttttA');
    assert.deepEqual(
      fetched.topics[0]?.partitions.map(({ partitionIndex }) => partitionIndex),
      [0, 2, 5],
    );
  });
});

describe('groups: a group of offsets alone', () => {
  it('is listed and described as empty, without a type, also after a load', () => {
    const world = new GroupWorld();
    world.commit(SIMPLE, [{ offset: 1n }]);
    for (const _ of [1, 2]) {
      assert.deepEqual(world.list(), [{ groupId: 'g', protocolType: '', groupState: 'Empty', groupType: 'classic' }]);
      const { groupState, protocolType, errorCode } = world.describe();
      assert.deepEqual([groupState, protocolType, errorCode], ['Empty', '', 0]);
      world.reload();
    }
  });

  it('becomes the group of the first member that joins, its offsets kept', () => {
    const world = new GroupWorld();
    world.commit(SIMPLE, [{ offset: 1n }]);
    stableMember(world);
    assert.deepEqual(world.offsets(), { 't-0': 1n });
    assert.equal(world.list().length, 1);
  });
});

describe('groups: deleting offsets and groups', () => {
  it('of a group that is not there: GROUP_ID_NOT_FOUND', () => {
    const world = new GroupWorld();
    assert.equal(deleteOffsets(world, 'g', 't').error, 'GROUP_ID_NOT_FOUND');
    assert.equal(deleteGroup(world), 'GROUP_ID_NOT_FOUND');
    assert.deepEqual(world.log, []);
  });

  it('a tombstone for each offset that is there; the others are no error', () => {
    const world = new GroupWorld();
    world.commit(SIMPLE, [{ offset: 1n }, { topic: 'u', offset: 2n }]);
    const { topics } = deleteOffsets(world, 'g', 't', 'nothing').value;
    assert.deepEqual(
      topics.map(({ partitions }) => partitions[0]?.errorCode),
      [0, 0],
    );
    assert.deepEqual(world.log.at(-1), { kind: 'offset-commit', groupId: 'g', topic: 't', partition: 0, value: null });
    assert.equal(world.log.length, 3);
    assert.deepEqual(world.offsets(), { 'u-0': 2n });
  });

  it('while members of another type than consumer are there: NON_EMPTY_GROUP', () => {
    const world = new GroupWorld();
    const member = stableMember(world, { protocolType: 'connect' });
    assert.equal(deleteOffsets(world, 'g', 't').error, 'NON_EMPTY_GROUP');
    world.leave([member]);
    assert.equal(deleteOffsets(world, 'g', 't').value.errorCode, 0);
  });

  it('a group with members: NON_EMPTY_GROUP, in each of its states', () => {
    const world = new GroupWorld();
    const { memberId } = stableMember(world);
    assert.equal(deleteGroup(world), 'NON_EMPTY_GROUP');
    world.joinTwice();
    assert.equal(deleteGroup(world), 'NON_EMPTY_GROUP');
    world.join({ memberId });
    assert.equal(deleteGroup(world), 'NON_EMPTY_GROUP');
  });

  it('an empty group: tombstones for it and all of its offsets, in one batch, and nothing is left', () => {
    const world = new GroupWorld();
    const member = stableMember(world);
    world.commit(member, [{ offset: 1n }, { partition: 1, offset: 2n }]);
    world.leave([member]);
    assert.equal(deleteGroup(world), 'NONE');
    const { records } = world.transitions.at(-1)!;
    assert.deepEqual(
      records.map(({ kind, value }) => [kind, value]),
      [
        ['offset-commit', null],
        ['offset-commit', null],
        ['group-metadata', null],
      ],
    );
    assert.deepEqual([world.state(), world.list(), world.offsets()], ['Dead', [], {}]);
  });

  it('more offsets than a call has room for arguments, in as many batches as they take', () => {
    const world = new GroupWorld();
    const many = Array.from({ length: 130_000 }, (_, partition) => ({ partition, offset: 1n }));
    assert.equal(world.commit(SIMPLE, many).value.length, many.length);
    assert.equal(deleteGroup(world), 'NONE');
    const { records, isolated } = world.transitions.at(-1)!;
    assert.deepEqual([records.length, isolated], [many.length, true]);
  }).timeout(30_000);

  it('one that only gave out an id: its member has to begin anew', () => {
    const world = new GroupWorld();
    const { memberId } = world.join().value;
    assert.equal(deleteGroup(world), 'NONE');
    assert.equal(world.machine.nextDueMs, Infinity);
    assert.equal(errorName(world.join({ memberId }).value.errorCode), 'UNKNOWN_MEMBER_ID');
  });
});
