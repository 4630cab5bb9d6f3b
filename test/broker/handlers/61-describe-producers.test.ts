import assert from 'node:assert/strict';
import { DescribeProducers, InitProducerId } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { withBroker } from '../broker-in-world.ts';

describe('DescribeProducers', () => {
  it('tells the producers of a partition by their newest batch', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 2);
      const { producerId, producerEpoch } = await test.call(InitProducerId, 4, {
        transactionalId: null,
        transactionTimeoutMs: 1000,
        producerId: -1n,
        producerEpoch: -1,
      });
      const identity = { producerId, producerEpoch };
      await test.produce('t', ['a', 'b'], { identity, baseSequence: 0 });
      await test.produce('t', ['c'], { identity, baseSequence: 2 });
      const answer = await test.call(DescribeProducers, 0, {
        topics: [
          { name: 't', partitionIndexes: [0, 1, 2] },
          { name: 'absent', partitionIndexes: [0] },
        ],
      });
      const [known, none, missing] = answer.topics[0]?.partitions ?? [];
      assert.deepEqual(
        known?.activeProducers.map((producer) => [producer.producerId, producer.producerEpoch, producer.lastSequence]),
        [[producerId, producerEpoch, 2]],
      );
      assert.equal(known?.activeProducers[0]?.currentTxnStartOffset, -1n);
      assert.deepEqual([none?.errorCode, none?.activeProducers], [0, []]);
      assert.equal(errorName(missing?.errorCode ?? -1), 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.equal(errorName(answer.topics[1]?.partitions[0]?.errorCode ?? -1), 'UNKNOWN_TOPIC_OR_PARTITION');
    }));
});
