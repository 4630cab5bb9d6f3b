import assert from 'node:assert/strict';
import { Metadata } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { ResponseOf } from '../../../src/protocol/schema.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

function summary(answer: ResponseOf<typeof Metadata>): string[] {
  return answer.topics.map(({ name, errorCode, partitions }) => `${name} ${errorName(errorCode)} ${partitions.length}`);
}

async function ask(test: BrokerUnderTest, names: readonly string[], allowAutoTopicCreation = false, version = 12) {
  return test.call(Metadata, version, { topics: names.map((name) => ({ name })), allowAutoTopicCreation });
}

describe('Metadata', () => {
  it('describes the cluster and its topics', () =>
    withBroker(async (test) => {
      const topicId = await test.createTopic('t', 2);
      const answer = await test.call(Metadata, 12, { topics: null });
      assert.equal(answer.clusterId, test.session.clusterId);
      assert.equal(answer.controllerId, 1);
      assert.deepEqual(
        answer.brokers.map(({ nodeId }) => nodeId),
        [1],
      );
      const [topic] = answer.topics;
      assert.equal(topic?.topicId, topicId);
      assert.equal(topic?.isInternal, false);
      assert.equal(topic?.topicAuthorizedOperations, -2147483648);
      assert.deepEqual(
        topic?.partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes, offlineReplicas }) => [
          partitionIndex,
          leaderId,
          replicaNodes,
          isrNodes,
          offlineReplicas,
        ]),
        [
          [0, 1, [1], [1], []],
          [1, 1, [1], [1], []],
        ],
      );
    }));

  it('takes an empty list for all topics in version 0 and for none later', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.equal((await test.call(Metadata, 0, { topics: [] })).topics.length, 1);
      assert.equal((await test.call(Metadata, 1, { topics: [] })).topics.length, 0);
    }));

  it('finds topics by id from version 12 on', () =>
    withBroker(async (test) => {
      const topicId = await test.createTopic('t');
      const topics = [topicId, ZERO_ID].map((id) => ({ topicId: id, name: null }));
      assert.deepEqual(summary(await test.call(Metadata, 12, { topics })), ['t NONE 1', 'null UNKNOWN_TOPIC_ID 0']);
      const early = await test.call(Metadata, 11, { topics: [{ topicId, name: 't' }] });
      assert.deepEqual(summary(early), ['t INVALID_REQUEST 0']);
    }));

  it('creates a topic when the request allows it, and describes it at once', () =>
    withBroker(
      async (test) => {
        assert.deepEqual(summary(await ask(test, ['a'])), ['a UNKNOWN_TOPIC_OR_PARTITION 0']);
        assert.deepEqual(summary(await ask(test, ['a', 'b', 'a'], true)), ['a NONE 4', 'b NONE 4']);
        assert.deepEqual(summary(await ask(test, ['a'])), ['a NONE 4']);
      },
      ['num.partitions=4'],
    ));

  it('creates a topic once when two ask for it at the same time', () =>
    withBroker(async (test) => {
      const answers = await Promise.all([ask(test, ['a'], true), ask(test, ['a'], true)]);
      assert.deepEqual(answers.map(summary), [['a NONE 1'], ['a NONE 1']]);
    }));

  it('creates nothing when the broker does not allow it', () =>
    withBroker(
      async (test) => {
        assert.deepEqual(summary(await ask(test, ['a'], true)), ['a UNKNOWN_TOPIC_OR_PARTITION 0']);
      },
      ['auto.create.topics.enable=false'],
    ));

  it('creates nothing under a name that may not be', () =>
    withBroker(async (test) => {
      await test.createTopic('a.b');
      const names = ['', 'a b', 'a_b', '__consumer_offsets'];
      assert.deepEqual(
        (await ask(test, names, true)).topics.map(({ errorCode }) => errorName(errorCode)),
        ['INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC_EXCEPTION', 'UNKNOWN_TOPIC_OR_PARTITION'],
      );
    }));

  it('tells what may be done when asked', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const answer = await test.call(Metadata, 8, {
        topics: null,
        includeClusterAuthorizedOperations: true,
        includeTopicAuthorizedOperations: true,
      });
      assert.equal(answer.topics[0]?.topicAuthorizedOperations, 3576);
      assert.ok(answer.clusterAuthorizedOperations > 0);
    }));
});
