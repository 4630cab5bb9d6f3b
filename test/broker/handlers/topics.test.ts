import assert from 'node:assert/strict';
import { CreatePartitions, CreateTopics, DeleteTopics, Metadata } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { RequestInput } from '../../../src/protocol/schema.ts';
import { type BrokerUnderTest, batchCount, withBroker } from '../broker-in-world.ts';

type TopicAsked = RequestInput<typeof CreateTopics>['topics'][number];

const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

function topic(name: string, more: Partial<TopicAsked> = {}): TopicAsked {
  return { name, numPartitions: -1, replicationFactor: -1, ...more };
}

async function create(test: BrokerUnderTest, topics: readonly TopicAsked[], validateOnly = false, version = 7) {
  const answer = await test.call(CreateTopics, version, { topics, validateOnly });
  return answer.topics;
}

async function names(test: BrokerUnderTest): Promise<(string | null)[]> {
  return (await test.call(Metadata, 12, { topics: null })).topics.map(({ name }) => name).sort();
}

describe('CreateTopics', () => {
  it('answers with the id, the counts and all configs', () =>
    withBroker(
      async (test) => {
        const configs = [{ name: 'segment.ms', value: '1000' }];
        const [created] = await create(test, [topic('t', { configs })]);
        assert.equal(errorName(created?.errorCode ?? -1), 'NONE');
        assert.notEqual(created?.topicId, ZERO_ID);
        assert.deepEqual([created?.numPartitions, created?.replicationFactor], [3, 1]);
        const sources = new Map(
          created?.configs?.map(({ name, value, configSource }) => [name, [value, configSource]]),
        );
        assert.deepEqual(sources.get('segment.ms'), ['1000', 1]);
        assert.deepEqual(sources.get('max.message.bytes'), ['500', 4]);
        assert.deepEqual(sources.get('cleanup.policy'), ['delete', 5]);
      },
      ['num.partitions=3', 'message.max.bytes=500'],
    ));

  it('checks and creates nothing when asked to validate', () =>
    withBroker(async (test) => {
      const [checked] = await create(test, [topic('t')], true);
      assert.equal(errorName(checked?.errorCode ?? -1), 'NONE');
      assert.deepEqual(await names(test), []);
    }));

  it('creates no more partitions than the directory may hold', () =>
    withBroker(
      async (test) => {
        await test.createTopic('a', 2);
        const [refused, made] = await create(test, [
          topic('b', { numPartitions: 2 }),
          topic('c', { numPartitions: 1 }),
        ]);
        assert.deepEqual(
          [refused, made].map((answer) => errorName(answer?.errorCode ?? -1)),
          ['POLICY_VIOLATION', 'NONE'],
        );
        const answer = await test.call(CreatePartitions, 3, { topics: [{ name: 'a', count: 3 }], timeoutMs: 1 });
        assert.equal(errorName(answer.results[0]?.errorCode ?? -1), 'POLICY_VIOLATION');
        const described = await test.call(Metadata, 12, { topics: [{ name: 'd' }], allowAutoTopicCreation: true });
        assert.equal(errorName(described.topics[0]?.errorCode ?? -1), 'POLICY_VIOLATION');
      },
      ['streamctl.max.partitions=3'],
    ));

  it('takes assignments to this broker', () =>
    withBroker(async (test) => {
      const assignments = [1, 0].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] }));
      const [created] = await create(test, [topic('t', { assignments })]);
      assert.deepEqual([errorName(created?.errorCode ?? -1), created?.numPartitions], ['NONE', 2]);
    }));

  for (const [what, asked, expected] of [
    ['a bad name', topic('a b'), 'INVALID_TOPIC_EXCEPTION'],
    ['an internal name', topic('__consumer_offsets'), 'INVALID_TOPIC_EXCEPTION'],
    ['a name that collides', topic('old_one'), 'INVALID_TOPIC_EXCEPTION'],
    ['a name that is taken', topic('old.one'), 'TOPIC_ALREADY_EXISTS'],
    ['no partitions', topic('t', { numPartitions: 0 }), 'INVALID_PARTITIONS'],
    ['a billion partitions', topic('t', { numPartitions: 1e9 }), 'INVALID_PARTITIONS'],
    ['two replicas', topic('t', { replicationFactor: 2 }), 'INVALID_REPLICATION_FACTOR'],
    ['no replicas', topic('t', { replicationFactor: 0 }), 'INVALID_REPLICATION_FACTOR'],
    ['an unknown config', topic('t', { configs: [{ name: 'no.such', value: '1' }] }), 'INVALID_CONFIG'],
    ['a config that cannot be', topic('t', { configs: [{ name: 'retention.ms', value: '-2' }] }), 'INVALID_CONFIG'],
    ['a bad value', topic('t', { configs: [{ name: 'segment.bytes', value: '1' }] }), 'INVALID_CONFIG'],
    ['a config of null', topic('t', { configs: [{ name: 'segment.ms', value: null }] }), 'INVALID_CONFIG'],
    [
      'an assignment to another broker',
      topic('t', { assignments: [{ partitionIndex: 0, brokerIds: [2] }] }),
      'INVALID_REPLICA_ASSIGNMENT',
    ],
    [
      'an assignment with a gap',
      topic('t', { assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
      'INVALID_REPLICA_ASSIGNMENT',
    ],
    [
      'an assignment and a count',
      topic('t', { numPartitions: 1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
      'INVALID_REQUEST',
    ],
  ] as const) {
    it(`refuses ${what}`, () =>
      withBroker(async (test) => {
        await test.createTopic('old.one');
        const [refused, beside] = await create(test, [asked, topic('beside')]);
        assert.equal(errorName(refused?.errorCode ?? 0), expected);
        assert.ok((refused?.errorMessage ?? '') !== '');
        assert.equal(errorName(beside?.errorCode ?? -1), 'NONE');
        assert.deepEqual(await names(test), ['beside', 'old.one']);
      }));
  }

  it('refuses a name that stands there twice', () =>
    withBroker(async (test) => {
      const answered = await create(test, [topic('t'), topic('t'), topic('u')]);
      assert.deepEqual(
        answered.map(({ name, errorCode }) => `${name} ${errorName(errorCode)}`),
        ['t INVALID_REQUEST', 'u NONE'],
      );
    }));
});

describe('DeleteTopics', () => {
  it('deletes by name, and by id from version 6 on', () =>
    withBroker(async (test) => {
      await test.createTopic('a');
      const topicId = await test.createTopic('b');
      const byName = await test.call(DeleteTopics, 5, { topicNames: ['a', 'absent'], timeoutMs: 1000 });
      assert.deepEqual(
        byName.responses.map(({ name, errorCode }) => `${name} ${errorName(errorCode)}`),
        ['a NONE', 'absent UNKNOWN_TOPIC_OR_PARTITION'],
      );
      const topics = [
        { name: null, topicId },
        { name: null, topicId: ZERO_ID },
      ];
      const byId = await test.call(DeleteTopics, 6, { topics, timeoutMs: 1000 });
      assert.deepEqual(
        byId.responses.map(({ name, errorCode }) => `${name} ${errorName(errorCode)}`),
        ['b NONE', 'null UNKNOWN_TOPIC_ID'],
      );
      assert.deepEqual(await names(test), []);
    }));

  it('leaves nothing of the old topic to a new one of its name', () =>
    withBroker(async (test) => {
      const first = await test.createTopic('t');
      await test.produce('t', ['a', 'b']);
      await test.call(DeleteTopics, 5, { topicNames: ['t'], timeoutMs: 1000 });
      const second = await test.createTopic('t');
      assert.notEqual(first, second);
      assert.equal((await test.produce('t', ['c'])).baseOffset, 0);
      assert.equal(batchCount(await test.fetch('t', 0)), 1);
    }));

  it('deletes nothing when the broker does not allow it', () =>
    withBroker(
      async (test) => {
        await test.createTopic('t');
        for (const [version, expected] of [
          [5, 'TOPIC_DELETION_DISABLED'],
          [2, 'INVALID_REQUEST'],
        ] as const) {
          const answer = await test.call(DeleteTopics, version, { topicNames: ['t'], timeoutMs: 1000 });
          assert.equal(errorName(answer.responses[0]?.errorCode ?? 0), expected);
        }
      },
      ['delete.topic.enable=false'],
    ));
});

describe('CreatePartitions', () => {
  async function grow(test: BrokerUnderTest, count: number, assigned: readonly number[] | null = null, name = 't') {
    const assignments = assigned === null ? null : assigned.map((brokerId) => ({ brokerIds: [brokerId] }));
    const topics = [{ name, count, assignments }];
    const answer = await test.call(CreatePartitions, 3, { topics, timeoutMs: 1000 });
    return errorName(answer.results[0]?.errorCode ?? -1);
  }

  it('adds partitions that can be written at once', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.equal((await test.produce('t', ['a'], { index: 2 })).error, 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.equal(await grow(test, 3, [1, 1]), 'NONE');
      assert.equal((await test.produce('t', ['a'], { index: 2 })).error, 'NONE');
    }));

  it('refuses what cannot be', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 2);
      assert.equal(await grow(test, 2), 'INVALID_PARTITIONS');
      assert.equal(await grow(test, 1), 'INVALID_PARTITIONS');
      assert.equal(await grow(test, 2_000_000_000), 'INVALID_PARTITIONS');
      assert.equal(await grow(test, 3, [1, 1]), 'INVALID_REPLICA_ASSIGNMENT');
      assert.equal(await grow(test, 3, [2]), 'INVALID_REPLICA_ASSIGNMENT');
      assert.equal(await grow(test, 3, null, 'absent'), 'UNKNOWN_TOPIC_OR_PARTITION');
      await test.session.createTopic({ name: '__consumer_offsets', partitionCount: 2, configs: new Map() });
      assert.equal(await grow(test, 3, null, '__consumer_offsets'), 'INVALID_TOPIC_EXCEPTION');
    }));
});
