import assert from 'node:assert/strict';
import { Produce } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { CRC_OFFSET } from '../../../src/protocol/records/batch.ts';
import { batchOf, NO_PRODUCER } from '../../helpers/raw-producer.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

function batch(test: BrokerUnderTest, value = 'v'): Buffer {
  return batchOf([Buffer.from(value)], NO_PRODUCER, -1, test.env.clock.wallMs());
}

describe('Produce', () => {
  it('gives each batch the next offset', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.deepEqual((await test.produce('t', ['a', 'b'])).baseOffset, 0);
      assert.deepEqual((await test.produce('t', ['c'], { acks: 1 })).baseOffset, 2);
      const { partition } = await test.produce('t', ['d']);
      assert.deepEqual([partition.baseOffset, partition.logAppendTimeMs, partition.logStartOffset], [3n, -1n, 0n]);
    }));

  it('appends in the order of the calls, also of the first ones, which wait for the log to open', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const first = test.produce('t', ['a']);
      assert.equal(test.holds.length, 1);
      await test.holds[0];
      const rest = [test.produce('t', ['b']), test.produce('t', ['c'])];
      assert.equal(test.holds.length, 1);
      const offsets = (await Promise.all([first, ...rest])).map(({ baseOffset }) => baseOffset);
      assert.deepEqual(offsets, [0, 1, 2]);
    }));

  it('says what is wrong with each partition by itself', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const broken = batch(test);
      broken.writeUInt32BE(1, CRC_OFFSET);
      const answer = await test.call(Produce, 9, {
        acks: -1,
        timeoutMs: 1000,
        topicData: [
          { name: 'absent', partitionData: [{ index: 0, records: [batch(test)] }] },
          {
            name: 't',
            partitionData: [
              { index: 7, records: [batch(test)] },
              { index: 0, records: [broken] },
              { index: 0, records: [batch(test)] },
              { index: 0, records: null },
            ],
          },
        ],
      });
      const codes = answer.responses.map(({ partitionResponses }) =>
        partitionResponses.map(({ errorCode }) => errorName(errorCode)),
      );
      assert.deepEqual(codes, [
        ['UNKNOWN_TOPIC_OR_PARTITION'],
        ['UNKNOWN_TOPIC_OR_PARTITION', 'CORRUPT_MESSAGE', 'NONE', 'INVALID_RECORD'],
      ]);
      assert.equal(answer.responses[1]?.partitionResponses[1]?.baseOffset, -1n);
    }));

  it('refuses acks that are not -1, 0 or 1', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.equal((await test.produce('t', ['a'], { acks: 2 })).error, 'INVALID_REQUIRED_ACKS');
      assert.equal((await test.produce('t', ['a'])).baseOffset, 0);
    }));

  it('answers nothing to acks=0, and closes the connection on an error', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      for (const [name, closes] of [
        ['t', false],
        ['absent', true],
      ] as const) {
        const partitionData = [{ index: 0, records: [batch(test)] }];
        const reply = await test.reply(Produce, 9, { acks: 0, timeoutMs: 0, topicData: [{ name, partitionData }] });
        assert.equal(reply.message, undefined);
        assert.equal(reply.closeConnection, closes);
      }
    }));

  it('speaks topic ids from version 13 on', () =>
    withBroker(async (test) => {
      const topicId = await test.createTopic('t');
      const topics = [topicId, ZERO_ID];
      const answer = await test.call(Produce, 13, {
        acks: -1,
        timeoutMs: 1000,
        topicData: topics.map((id) => ({ topicId: id, partitionData: [{ index: 0, records: [batch(test)] }] })),
      });
      assert.deepEqual(
        answer.responses.map((topic) => [topic.topicId, errorName(topic.partitionResponses[0]?.errorCode ?? -1)]),
        [
          [topicId, 'NONE'],
          [ZERO_ID, 'UNKNOWN_TOPIC_ID'],
        ],
      );
    }));

  it('tells the time of the append when the topic keeps that', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { 'message.timestamp.type': 'LogAppendTime' });
      const { partition } = await test.produce('t', ['a']);
      assert.equal(Number(partition.logAppendTimeMs) > 0, true);
    }));

  it('refuses a batch above max.message.bytes, and one from far in the future', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { 'max.message.bytes': '200' });
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'MESSAGE_TOO_LARGE');
      const early = batchOf([Buffer.from('v'), Buffer.from('w')], NO_PRODUCER, -1, test.env.clock.wallMs() + 7_200_000);
      const answer = await test.call(Produce, 9, {
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: 't', partitionData: [{ index: 0, records: [early] }] }],
      });
      const refused = answer.responses[0]?.partitionResponses[0];
      assert.equal(errorName(refused?.errorCode ?? -1), 'INVALID_TIMESTAMP');
      assert.deepEqual(
        refused?.recordErrors.map(({ batchIndex }) => batchIndex),
        [0, 1],
      );
    }));

  it('takes a batch of an idempotent producer once', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const identity = { producerId: 5n, producerEpoch: 0 };
      const offsets: number[] = [];
      for (const baseSequence of [0, 0, 1]) {
        offsets.push((await test.produce('t', ['a'], { identity, baseSequence })).baseOffset);
      }
      assert.deepEqual(offsets, [0, 0, 1]);
      assert.equal(
        (await test.produce('t', ['a'], { identity, baseSequence: 9 })).error,
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
      );
    }));

  it('takes acks=all where min.insync.replicas is more than the partition has replicas', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { 'min.insync.replicas': '2' });
      for (const acks of [-1, 1]) assert.equal((await test.produce('t', ['a'], { acks })).error, 'NONE');
    }));
});
