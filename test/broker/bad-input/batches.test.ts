/** B-5: batches that no proper client sends. Each is refused with Kafka's error, and nothing of it is appended. */
import assert from 'node:assert/strict';
import { CreateTopics, Produce } from '../../../src/protocol/apis/index.ts';
import { type ErrorName, errorName } from '../../../src/protocol/errors.ts';
import { reseal } from '../../log/batches.ts';
import { frameOf } from '../fake-socket.ts';
import { hostileTest, TOPIC } from './hostile.ts';
import { batchOfBody, batchWith, HEAD, NONE, NULL, oldMessageSet, properBatch, recordOf, varint } from './raw-batch.ts';

type Row = readonly [name: string, bytes: () => Buffer, expected: ErrorName, version?: number];

const DAY_MS = 86_400_000n;

function changed(change: (bytes: Buffer) => void, bytes = properBatch(['a', 'b'])): Buffer {
  change(bytes);
  return reseal(bytes);
}

const FRAMING: readonly Row[] = [
  ['no bytes', () => Buffer.alloc(0), 'INVALID_RECORD'],
  ['60 bytes', () => properBatch(['abc']).subarray(0, 60), 'CORRUPT_MESSAGE'],
  ['a batch that is cut off', () => properBatch(['abc']).subarray(0, 65), 'CORRUPT_MESSAGE'],
  ['a length of -1', () => changed((bytes) => bytes.writeInt32BE(-1, 8)), 'CORRUPT_MESSAGE'],
  ['a length of 2^31 - 1', () => changed((bytes) => bytes.writeInt32BE(0x7fffffff, 8)), 'CORRUPT_MESSAGE'],
  ['a length below the header', () => changed((bytes) => bytes.writeInt32BE(48, 8)), 'CORRUPT_MESSAGE'],
  ['a wrong CRC', () => Buffer.from(properBatch(['abc'])).fill(1, 17, 18), 'CORRUPT_MESSAGE'],
  ['a record that changed behind the CRC', () => Buffer.from(properBatch(['abc'])).fill(1, 70, 71), 'CORRUPT_MESSAGE'],
  ['magic 0', () => oldMessageSet(0), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  ['magic 1', () => oldMessageSet(1), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  ['magic 3', () => changed((bytes) => bytes.writeInt8(3, 16)), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  ['magic -1', () => changed((bytes) => bytes.writeInt8(-1, 16)), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  ['a base offset', () => properBatch(['a'], { baseOffset: 1 }), 'INVALID_RECORD'],
  ['a base offset of 2^63 - 1', () => changed((bytes) => bytes.writeBigInt64BE(2n ** 63n - 1n, 0)), 'INVALID_RECORD'],
  ['a negative base offset', () => properBatch(['a'], { baseOffset: -1 }), 'INVALID_RECORD'],
  ['two batches', () => Buffer.concat([properBatch(['a']), properBatch(['b'])]), 'INVALID_RECORD'],
  ['a batch and a bit', () => Buffer.concat([properBatch(['a']), Buffer.from([0])]), 'INVALID_RECORD'],
  ['more than max.message.bytes', () => properBatch(['x'.repeat(1_100_000)]), 'MESSAGE_TOO_LARGE'],
];

const HEADER: readonly Row[] = [
  ['no record', () => batchWith(Buffer.alloc(0), { recordCount: 0 }), 'INVALID_RECORD'],
  ['-1 records', () => properBatch(['a'], { recordCount: -1 }), 'INVALID_RECORD'],
  ['2^31 - 1 records', () => properBatch(['a'], { recordCount: 0x7fffffff }), 'INVALID_RECORD'],
  [
    '2^31 - 1 records by count and by last offset delta',
    () => properBatch(['a'], { recordCount: 0x7fffffff, lastOffsetDelta: 0x7ffffffe }),
    'INVALID_RECORD',
  ],
  ['a last offset delta one too high', () => properBatch(['a', 'b'], { lastOffsetDelta: 2 }), 'INVALID_RECORD'],
  ['a negative last offset delta', () => properBatch(['a'], { lastOffsetDelta: -1 }), 'INVALID_RECORD'],
  ['a control batch', () => properBatch(['a'], { attributes: 0x20 }), 'INVALID_RECORD'],
  [
    'a control batch of a producer',
    () => properBatch(['a'], { attributes: 0x30, producerId: 7n, sequence: 0 }),
    'INVALID_RECORD',
  ],
  ['a delete horizon', () => properBatch(['a'], { attributes: 0x40 }), 'INVALID_RECORD'],
  ['attributes that nobody uses', () => properBatch(['a'], { attributes: 0x4000 }), 'INVALID_RECORD'],
  ['a producer without a sequence', () => properBatch(['a'], { producerId: 7n, sequence: -1 }), 'INVALID_RECORD'],
  [
    'a producer without an epoch',
    () => properBatch(['a'], { producerId: 7n, sequence: 0, epoch: -1 }),
    'INVALID_RECORD',
  ],
  ['transactional without a producer', () => properBatch(['a'], { attributes: 0x10 }), 'INVALID_RECORD'],
  [
    'transactional out of any transaction',
    () => properBatch(['a'], { attributes: 0x10, producerId: 7n, sequence: 0 }),
    'INVALID_TXN_STATE',
  ],
  ['codec 5', () => properBatch(['a'], { attributes: 5 }), 'UNSUPPORTED_COMPRESSION_TYPE'],
  ['codec 6', () => properBatch(['a'], { attributes: 6 }), 'UNSUPPORTED_COMPRESSION_TYPE'],
  ['codec 7', () => properBatch(['a'], { attributes: 7 }), 'UNSUPPORTED_COMPRESSION_TYPE'],
  ['zstd in a Produce that knows none', () => properBatch(['a'], { attributes: 4 }), 'UNSUPPORTED_COMPRESSION_TYPE', 6],
  [
    'a timestamp two hours ahead',
    () => properBatch(['a'], { timestamp: BigInt(Date.now()) + 7_200_000n }),
    'INVALID_TIMESTAMP',
  ],
  [
    'a timestamp a million days ahead',
    () => properBatch(['a'], { timestamp: DAY_MS * 1_000_000n }),
    'INVALID_TIMESTAMP',
  ],
  ['the largest timestamp', () => properBatch(['a'], { timestamp: 2n ** 63n - 1n }), 'INVALID_TIMESTAMP'],
  ['a time of append from a client', () => properBatch(['a'], { attributes: 8 }), 'INVALID_TIMESTAMP'],
];

const RECORDS: readonly Row[] = [
  ['a record longer than the batch', () => batchWith([20, ...HEAD], { recordCount: 1 }), 'INVALID_RECORD'],
  ['a record of length -1', () => batchWith(Buffer.concat([NULL]), { recordCount: 1 }), 'INVALID_RECORD'],
  ['a record of no bytes', () => batchWith(NONE, { recordCount: 1 }), 'INVALID_RECORD'],
  ['a record whose length does not fit', () => batchOfBody(HEAD, NULL, NULL, NONE, [0]), 'INVALID_RECORD'],
  ['record attributes', () => batchOfBody([1, 0, 0], NULL, NULL, NONE), 'INVALID_RECORD'],
  ['offset deltas that do not begin at 0', () => properBatch(['a', 'b'], { offsetDeltas: [1, 2] }), 'INVALID_RECORD'],
  ['offset deltas with a gap', () => properBatch(['a', 'b'], { offsetDeltas: [0, 2] }), 'INVALID_RECORD'],
  ['offset deltas that go back', () => properBatch(['a', 'b'], { offsetDeltas: [0, -1] }), 'INVALID_RECORD'],
  ['a key of length -2', () => batchOfBody(HEAD, varint(-2), NULL, NONE), 'INVALID_RECORD'],
  ['a key longer than its record', () => batchOfBody(HEAD, varint(100), NULL, NONE), 'INVALID_RECORD'],
  ['a value of length -2', () => batchOfBody(HEAD, NULL, varint(-2), NONE), 'INVALID_RECORD'],
  ['a value longer than its record', () => batchOfBody(HEAD, NULL, varint(100), NONE), 'INVALID_RECORD'],
  ['-1 headers', () => batchOfBody(HEAD, NULL, NULL, varint(-1)), 'INVALID_RECORD'],
  ['2^31 - 1 headers', () => batchOfBody(HEAD, NULL, NULL, varint(0x7fffffff)), 'INVALID_RECORD'],
  ['a header too few', () => batchOfBody(HEAD, NULL, NULL, varint(2), NONE, NULL), 'INVALID_RECORD'],
  ['a header with a null key', () => batchOfBody(HEAD, NULL, NULL, varint(1), NULL, NULL), 'INVALID_RECORD'],
  ['a header key of length -2', () => batchOfBody(HEAD, NULL, NULL, varint(1), varint(-2), NULL), 'INVALID_RECORD'],
  ['a header value of length -2', () => batchOfBody(HEAD, NULL, NULL, varint(1), NONE, varint(-2)), 'INVALID_RECORD'],
  [
    'a header value longer than its record',
    () => batchOfBody(HEAD, NULL, NULL, varint(1), NONE, varint(9)),
    'INVALID_RECORD',
  ],
  ['a varint of 6 bytes', () => batchOfBody(HEAD, [0x80, 0x80, 0x80, 0x80, 0x80, 0], NULL, NONE), 'INVALID_RECORD'],
  ['a varint of 33 bits', () => batchOfBody(HEAD, [0xff, 0xff, 0xff, 0xff, 0x1f], NULL, NONE), 'INVALID_RECORD'],
  [
    'a timestamp delta of 11 bytes',
    () => batchOfBody([0, ...Array<number>(10).fill(0x80), 0, 0], NULL, NULL, NONE),
    'INVALID_RECORD',
  ],
  ['a record that ends within a varint', () => batchOfBody([0, 0x80]), 'INVALID_RECORD'],
  [
    'a record fewer than the header says',
    () => batchWith(recordOf(HEAD, NULL, NULL, NONE), { recordCount: 2 }),
    'INVALID_RECORD',
  ],
  [
    'a record more than the header says',
    () => properBatch(['a', 'b'], { recordCount: 1, lastOffsetDelta: 0 }),
    'INVALID_RECORD',
  ],
  [
    'bytes behind the last record',
    () => batchWith([...recordOf(HEAD, NULL, NULL, NONE), 0], { recordCount: 1 }),
    'INVALID_RECORD',
  ],
];

/** As far from what clients send, but allowed. */
const TAKEN: readonly (readonly [string, () => Buffer])[] = [
  ['a record of null key, null value and no headers', () => batchOfBody(HEAD, NULL, NULL, NONE)],
  ['a header with an empty key and a null value', () => batchOfBody(HEAD, NULL, NULL, varint(1), NONE, NULL)],
  ['a key longer in varint than it must be', () => batchOfBody(HEAD, [0x80, 0], NULL, NONE)],
  ['the epoch without a producer', () => properBatch(['a'], { epoch: 5, sequence: 9 })],
  ['a leader epoch of the client', () => properBatch(['a'], { leaderEpoch: 0x7fffffff })],
  ['no timestamp', () => properBatch(['a'], { timestamp: -1n })],
  ['the time 0', () => properBatch(['a'], { timestamp: 0n })],
  ['a time before 1970', () => properBatch(['a'], { timestamp: -5_000_000n })],
];

describe('bad input: batches', () => {
  const running = hostileTest();

  for (const [name, bytes, expected, version] of [...FRAMING, ...HEADER, ...RECORDS]) {
    it(`B-5: ${name}: ${expected}`, async () => {
      const test = running();
      assert.equal(await test.unmoved(() => test.produce(bytes(), version)), expected);
    });
  }

  for (const [name, bytes] of TAKEN) {
    it(`B-5: ${name} is taken`, async () => {
      const test = running();
      assert.equal(await test.produce(bytes()), 'NONE');
      await test.produceHealthily();
    });
  }

  it('B-5: a refused batch without an ack costs the connection', async () => {
    const test = running();
    const topicData = [
      { name: TOPIC, partitionData: [{ index: 0, records: [properBatch(['a'], { baseOffset: 1 })] }] },
    ];
    const outcome = await test.unmoved(() =>
      test.attack(frameOf(Produce, 9, 7, { acks: 0, timeoutMs: 1000, topicData })),
    );
    assert.deepEqual([outcome.answers.length, outcome.ending], [0, 'closed']);
  });

  for (const acks of [2, -2, 0x7fff, -0x8000]) {
    it(`B-5: acks ${acks}: INVALID_REQUIRED_ACKS`, async () => {
      const test = running();
      const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records: [properBatch(['a'])] }] }];
      const outcome = await test.unmoved(() =>
        test.attack(frameOf(Produce, 9, 7, { acks, timeoutMs: 1000, topicData })),
      );
      const [topic] = test.answer(Produce, 9, outcome).responses;
      assert.equal(errorName(topic?.partitionResponses[0]?.errorCode ?? 0), 'INVALID_REQUIRED_ACKS');
    });
  }

  for (const [name, index] of Object.entries({ 'the next': 1, 'a negative': -1, 'the largest': 0x7fffffff })) {
    it(`B-5: ${name} partition: UNKNOWN_TOPIC_OR_PARTITION`, async () => {
      const test = running();
      const topicData = [{ name: TOPIC, partitionData: [{ index, records: [properBatch(['a'])] }] }];
      const outcome = await test.unmoved(() =>
        test.attack(frameOf(Produce, 9, 7, { acks: -1, timeoutMs: 1000, topicData })),
      );
      const [topic] = test.answer(Produce, 9, outcome).responses;
      assert.equal(errorName(topic?.partitionResponses[0]?.errorCode ?? 0), 'UNKNOWN_TOPIC_OR_PARTITION');
    });
  }

  it('B-5: null records: INVALID_RECORD', async () => {
    const test = running();
    const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records: null }] }];
    const outcome = await test.unmoved(() =>
      test.attack(frameOf(Produce, 9, 7, { acks: -1, timeoutMs: 1000, topicData })),
    );
    const [topic] = test.answer(Produce, 9, outcome).responses;
    assert.equal(errorName(topic?.partitionResponses[0]?.errorCode ?? 0), 'INVALID_RECORD');
  });

  it('B-5: of many batches in a request the good ones are appended and the bad ones are not', async () => {
    const test = running();
    const records = [properBatch(['a']), properBatch(['b'], { baseOffset: 4 }), properBatch(['c'])];
    const partitionData = records.map((bytes) => ({ index: 0, records: [bytes] }));
    const frame = frameOf(Produce, 9, 7, { acks: -1, timeoutMs: 10_000, topicData: [{ name: TOPIC, partitionData }] });
    const [topic] = test.answer(Produce, 9, await test.attack(frame)).responses;
    const codes = topic?.partitionResponses.map(({ errorCode }) => errorName(errorCode));
    assert.deepEqual(codes, ['NONE', 'INVALID_RECORD', 'NONE']);
    const [first, , last] = topic?.partitionResponses ?? [];
    assert.equal(last?.baseOffset, (first?.baseOffset ?? 0n) + 1n);
  });

  it('B-5: a record without a key in a compacted topic, where it would be lost: INVALID_RECORD, and which it is', async () => {
    const test = running();
    const configs = [{ name: 'cleanup.policy', value: 'compact' }];
    const topics = [{ name: 'compacted', numPartitions: 1, replicationFactor: 1, configs }];
    const made = await test.attack(frameOf(CreateTopics, 5, 7, { topics }));
    assert.equal(errorName(test.answer(CreateTopics, 5, made).topics[0]?.errorCode ?? 0), 'NONE');
    const topicData = [{ name: 'compacted', partitionData: [{ index: 0, records: [properBatch(['a', 'b'])] }] }];
    const outcome = await test.attack(frameOf(Produce, 9, 7, { acks: -1, timeoutMs: 10_000, topicData }));
    const [answer] = test.answer(Produce, 9, outcome).responses[0]?.partitionResponses ?? [];
    assert.equal(errorName(answer?.errorCode ?? 0), 'INVALID_RECORD');
    assert.deepEqual(
      answer?.recordErrors.map(({ batchIndex }) => batchIndex),
      [0, 1],
    );
  });
});
