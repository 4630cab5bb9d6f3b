import assert from 'node:assert/strict';
import { DeleteRecords, ListOffsets } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { type BrokerUnderTest, batchCount, withBroker } from '../broker-in-world.ts';

async function deleteBefore(test: BrokerUnderTest, offset: bigint, name = 't', partitionIndex = 0) {
  const answer = await test.call(DeleteRecords, 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    timeoutMs: 1000,
  });
  const deleted = answer.topics[0]?.partitions[0];
  assert.ok(deleted !== undefined);
  return [errorName(deleted.errorCode), Number(deleted.lowWatermark)];
}

async function earliest(test: BrokerUnderTest): Promise<number> {
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -2n }] }];
  const answer = await test.call(ListOffsets, 7, { replicaId: -1, topics });
  return Number(answer.topics[0]?.partitions[0]?.offset);
}

describe('DeleteRecords', () => {
  it('moves the start of a partition up, never down', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      for (const value of ['a', 'b', 'c', 'd']) await test.produce('t', [value]);
      assert.deepEqual(await deleteBefore(test, 2n), ['NONE', 2]);
      assert.deepEqual(await deleteBefore(test, 1n), ['NONE', 2]);
      assert.equal(await earliest(test), 2);
      const answer = await test.fetch('t', 1);
      assert.equal(errorName(answer.responses[0]?.partitions[0]?.errorCode ?? -1), 'OFFSET_OUT_OF_RANGE');
      assert.equal(batchCount(await test.fetch('t', 2)), 2);
    }));

  it('takes -1 for the high watermark, and appends go on from there', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      await test.produce('t', ['a', 'b']);
      assert.deepEqual(await deleteBefore(test, -1n), ['NONE', 2]);
      assert.equal((await test.produce('t', ['c'])).baseOffset, 2);
      assert.equal(batchCount(await test.fetch('t', 2)), 1);
    }));

  for (const [what, offset, name, index, expected] of [
    ['an offset after the end', 3n, 't', 0, 'OFFSET_OUT_OF_RANGE'],
    ['the largest offset', 2n ** 63n - 1n, 't', 0, 'OFFSET_OUT_OF_RANGE'],
    ['an offset below -1', -2n, 't', 0, 'OFFSET_OUT_OF_RANGE'],
    ['a topic that is not there', 0n, 'absent', 0, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a partition that is not there', 0n, 't', 1, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a negative partition', 0n, 't', -1, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ] as const) {
    it(`refuses ${what}`, () =>
      withBroker(async (test) => {
        await test.createTopic('t');
        await test.produce('t', ['a', 'b']);
        assert.deepEqual(await deleteBefore(test, offset, name, index), [expected, -1]);
        assert.equal(await earliest(test), 0);
      }));
  }
});
