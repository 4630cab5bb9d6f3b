import assert from 'node:assert/strict';
import { DescribeLogDirs } from '../../../src/protocol/apis/index.ts';
import type { RequestInput } from '../../../src/protocol/schema.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

async function describeDir(test: BrokerUnderTest, topics: RequestInput<typeof DescribeLogDirs>['topics'] = null) {
  const answer = await test.call(DescribeLogDirs, 4, { topics });
  assert.deepEqual([answer.errorCode, answer.results.length], [0, 1]);
  const dir = answer.results[0];
  assert.ok(dir !== undefined);
  const sizes = dir.topics.flatMap(({ name, partitions }) =>
    partitions.map(
      ({ partitionIndex, partitionSize }) => [`${name}-${partitionIndex}`, Number(partitionSize)] as const,
    ),
  );
  return { dir, sizes: new Map(sizes) };
}

describe('DescribeLogDirs', () => {
  it('tells the sizes of all partitions and of the file system', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 2);
      await test.produce('t', ['a'.repeat(500)]);
      const { dir, sizes } = await describeDir(test);
      assert.equal(dir.logDir, `${test.session.brokerDirectory}/log`);
      assert.ok((sizes.get('t-0') ?? 0) > 500);
      assert.equal(sizes.get('t-1'), 0);
      assert.ok(dir.totalBytes >= dir.usableBytes && dir.usableBytes > 0n);
    }));

  it('tells only of what is asked for and there', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 3);
      await test.createTopic('u');
      const asked = [
        { topic: 't', partitions: [2, 2, 9] },
        { topic: 'absent', partitions: [0] },
        { topic: 't', partitions: [0] },
      ];
      assert.deepEqual([...(await describeDir(test, asked)).sizes.keys()], ['t-0', 't-2']);
      assert.deepEqual([...(await describeDir(test, [])).sizes.keys()], []);
    }));
});
