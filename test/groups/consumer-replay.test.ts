/** What the log of another broker, or of a compacted one, makes of a KIP-848 group. */
import assert from 'node:assert/strict';
import type { GroupRecord } from '../../src/protocol/group/group-record.ts';
import { ConsumerWorld, topicIdOf } from './consumer-world.ts';

const ID = { groupId: 'g', memberId: 'm' };
const FOO = topicIdOf('foo');

function member(overrides: object = {}): GroupRecord {
  const value = {
    instanceId: null,
    rackId: null,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    subscribedTopicNames: ['foo'],
    subscribedTopicRegex: null,
    rebalanceTimeoutMs: 5000,
    serverAssignor: null,
    classicMemberMetadata: null,
    ...overrides,
  };
  return { kind: 'consumer-group-member-metadata', ...ID, value };
}

function current(overrides: object = {}): GroupRecord {
  const value = {
    memberEpoch: 3,
    previousMemberEpoch: 2,
    state: 0,
    assignedPartitions: [{ topicId: FOO, partitions: [1, 0], assignmentEpochs: [3, 3] }],
    partitionsPendingRevocation: [],
    ...overrides,
  };
  return { kind: 'consumer-group-current-member-assignment', ...ID, value };
}

const EPOCH: GroupRecord = { kind: 'consumer-group-metadata', groupId: 'g', value: { epoch: 3, metadataHash: 0n } };
const TARGET: readonly GroupRecord[] = [
  {
    kind: 'consumer-group-target-assignment-member',
    ...ID,
    value: { topicPartitions: [{ topicId: FOO, partitions: [1, 0] }] },
  },
  {
    kind: 'consumer-group-target-assignment-metadata',
    groupId: 'g',
    value: { assignmentEpoch: 3, assignmentTimestamp: 0n },
  },
];

describe('groups: the records of KIP-848 groups', () => {
  it('of Kafka 4.3, with an epoch a partition, make the group', () => {
    const world = new ConsumerWorld({ foo: 2 });
    world.given([member(), EPOCH, ...TARGET, current()]);
    assert.deepEqual(world.members(), { m: '3 foo:0,1' });
    assert.equal(world.consumer().groupState, 'Stable');
    // The hash that it wrote is another one than ours here: the first heartbeat raises the epoch, nothing moves.
    assert.equal(world.beat({ memberEpoch: 3 }).value.memberEpoch, 4);
    assert.deepEqual(world.members(), { m: '4 foo:0,1' });
  });

  it('of Kafka 4.0: its partition metadata is tombstoned with the next epoch', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const partitions: GroupRecord = {
      kind: 'consumer-group-partition-metadata',
      groupId: 'g',
      value: { topics: [{ topicId: FOO, topicName: 'foo', numPartitions: 2, partitionMetadata: [] }] },
    };
    world.given([member(), partitions, EPOCH, ...TARGET, current()]);
    const count = world.log.length;
    world.beat({ memberEpoch: 3 });
    assert.deepEqual(world.written(count).slice(0, 2), ['-partitions', 'epoch']);
    const after = world.log.length;
    world.joinConsumer('n');
    assert.deepEqual(world.written(after).slice(0, 2), ['member n', 'epoch']);
  });

  it('tell of regular expressions that another broker has resolved: their topics stay subscribed to', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const regex: GroupRecord = {
      kind: 'consumer-group-regular-expression',
      groupId: 'g',
      regularExpression: 'fo+',
      value: { topics: ['foo'], version: 1n, timestamp: 1n },
    };
    world.given([
      member({ subscribedTopicNames: [], subscribedTopicRegex: 'fo+' }),
      regex,
      EPOCH,
      ...TARGET,
      current(),
    ]);
    world.beat({ memberEpoch: 3 });
    assert.deepEqual(world.members(), { m: '4 foo:0,1' });
    assert.equal(world.beat({ memberEpoch: 4, subscribedTopicRegex: 'f' }).error, 'INVALID_REGULAR_EXPRESSION');
    // The member subscribes by names from now on.
    world.beat({ memberEpoch: 4, subscribedTopicRegex: '', subscribedTopicNames: ['foo'] });
    assert.deepEqual(world.members(), { m: '5 foo:0,1' });
    world.beat({ memberEpoch: -1 });
    const count = world.log.length;
    world.ask((machine, call, now) => machine.deleteGroup(call as never, 'g', now));
    assert.deepEqual(world.written(count), ['-target-epoch', '-regex', '-epoch']);
  });

  it('of a state that came later: the member has to rejoin', () => {
    const world = new ConsumerWorld({ foo: 2 });
    world.given([member(), EPOCH, ...TARGET, current({ state: 9 })]);
    assert.equal(world.beat({ memberEpoch: 3, owned: 'foo:0,1' }).error, 'FENCED_MEMBER_EPOCH');
    const { value } = world.joinConsumer('m');
    assert.equal(world.format(value.assignment?.topicPartitions), 'foo:0,1');
  });

  it('that are tombstones of unknown things change nothing', () => {
    const world = new ConsumerWorld({ foo: 2 });
    const all = [member(), EPOCH, ...TARGET, current()];
    world.given(all.map((record) => ({ ...record, value: null }) as GroupRecord));
    assert.deepEqual(world.list(), []);
    world.joinConsumer('other');
    const before = world.consumer();
    const kept = all.filter(
      ({ kind }) => !['consumer-group-metadata', 'consumer-group-target-assignment-metadata'].includes(kind),
    );
    for (const record of kept) {
      world.machine.replay({ ...record, value: null } as GroupRecord, { offset: 0, wallMs: 0, loading: false });
    }
    assert.deepEqual(world.consumer(), before);
  });

  it('of which compaction has left the member’s tombstone alone: it is gone, with what it had', () => {
    const world = new ConsumerWorld({ foo: 2 });
    world.given([member(), EPOCH, ...TARGET, current()]);
    world.given([{ kind: 'consumer-group-member-metadata', ...ID, value: null }]);
    assert.equal(world.consumer().groupState, 'Empty');
    const { value } = world.joinConsumer('n');
    assert.equal(world.format(value.assignment?.topicPartitions), 'foo:0,1');
  });
});
