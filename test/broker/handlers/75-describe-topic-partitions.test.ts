import assert from 'node:assert/strict';
import { DescribeTopicPartitions } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { RequestInput } from '../../../src/protocol/schema.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

type PagesRequest = RequestInput<typeof DescribeTopicPartitions>;

async function page(test: BrokerUnderTest, names: readonly string[], more: Partial<PagesRequest> = {}) {
  const topics = names.map((name) => ({ name }));
  const answer = await test.call(DescribeTopicPartitions, 0, { topics, ...more });
  return {
    topics: answer.topics.map(({ name, errorCode, partitions }) => [
      name,
      errorName(errorCode),
      partitions.map(({ partitionIndex }) => partitionIndex).join(','),
    ]),
    next: answer.nextCursor,
    first: answer.topics[0],
  };
}

describe('DescribeTopicPartitions', () => {
  it('describes topics in the order of their names', () =>
    withBroker(async (test) => {
      const topicId = await test.createTopic('b', 2);
      await test.createTopic('a');
      const { topics, next, first } = await page(test, []);
      assert.deepEqual(topics, [
        ['a', 'NONE', '0'],
        ['b', 'NONE', '0,1'],
      ]);
      assert.equal(next, null);
      assert.deepEqual([first?.partitions[0]?.leaderId, first?.partitions[0]?.isrNodes], [1, [1]]);
      assert.equal((await page(test, ['b', 'b'])).first?.topicId, topicId);
    }));

  it('gives page after page, from each cursor on', () =>
    withBroker(async (test) => {
      await test.createTopic('a', 3);
      await test.createTopic('b', 2);
      const responsePartitionLimit = 2;
      const seen: unknown[] = [];
      let cursor: PagesRequest['cursor'] = null;
      for (let count = 0; count < 10; count += 1) {
        const { topics, next } = await page(test, [], { responsePartitionLimit, cursor });
        seen.push(topics.map(([name, , partitions]) => `${name}: ${partitions}`));
        if (next === null) break;
        cursor = next;
      }
      assert.deepEqual(seen, [['a: 0,1'], ['a: 2', 'b: 0'], ['b: 1']]);
    }));

  it('holds no more than the setting allows, and one partition at least', () =>
    withBroker(
      async (test) => {
        await test.createTopic('a', 3);
        await test.createTopic('b', 2);
        assert.deepEqual((await page(test, ['a', 'b'])).next, { topicName: 'b', partitionIndex: 0 });
        const { topics, next } = await page(test, ['a'], { responsePartitionLimit: -5 });
        assert.deepEqual([topics, next], [[['a', 'NONE', '0']], { topicName: 'a', partitionIndex: 1 }]);
      },
      ['max.request.partition.size.limit=3'],
    ));

  it('says what is not there and what no cursor can be', () =>
    withBroker(async (test) => {
      await test.createTopic('a');
      const { topics } = await page(test, ['a', 'absent', 'bad name']);
      assert.deepEqual(topics, [
        ['a', 'NONE', '0'],
        ['absent', 'UNKNOWN_TOPIC_OR_PARTITION', ''],
        ['bad name', 'INVALID_TOPIC_EXCEPTION', ''],
      ]);
      const cursor = { topicName: 'a', partitionIndex: -1 };
      assert.deepEqual((await page(test, ['a'], { cursor })).topics, [['a', 'INVALID_REQUEST', '']]);
      const past = { topicName: 'a', partitionIndex: 2 ** 31 - 1 };
      assert.deepEqual((await page(test, ['a'], { cursor: past })).topics, [['a', 'NONE', '']]);
    }));
});
