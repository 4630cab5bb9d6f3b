/** B-1 to B-4: frames and lengths that lie. A refused frame costs its connection, and nobody else anything. */
import assert from 'node:assert/strict';
import {
  ApiVersions,
  CreateTopics,
  DescribeTopicPartitions,
  Metadata,
  Produce,
} from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { batchOf, NO_PRODUCER } from '../../helpers/raw-producer.ts';
import { frameOf } from '../fake-socket.ts';
import { hostileTest, TOPIC } from './hostile.ts';

/** `closed`: without an answer. `waits`: for bytes that were announced. `serves`: the request is fine, strange as it is. */
type Row = readonly [name: string, bytes: Buffer, expected: 'closed' | 'waits' | 'serves'];

const METADATA = 3;
const PRODUCE = 0;
const API_VERSIONS = 18;

/** A frame of header and body parts; `length` lies about it. */
function frame(parts: readonly (Buffer | number[])[], length?: number): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const bytes = Buffer.concat([Buffer.alloc(4), body]);
  bytes.writeInt32BE(length ?? body.length);
  return bytes;
}

/** A request header of version 1: client id with int16 length, no tags. */
function header(apiKey: number, version: number, clientId: Buffer | number[] = [0, 1, 0x63]): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt16BE(apiKey);
  bytes.writeInt16BE(version, 2);
  bytes.writeInt32BE(7, 4);
  return Buffer.concat([bytes, Buffer.from(clientId)]);
}

function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    bytes.writeInt32BE(value, index * 4);
  });
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

const NO_TAGS = [0];
/** Metadata 9: flexible. Behind it: topics null, allowAutoTopicCreation, two flags, tags. */
const FLEXIBLE = Buffer.concat([header(METADATA, 9), Buffer.from(NO_TAGS)]);
const FLAGS = [0, 0, 0];
const CLASSIC = header(METADATA, 1);
const SMALL_BATCH = batchOf([Buffer.from('x')], NO_PRODUCER, -1);
const PRODUCE_FRAME = frameOf(Produce, 3, 7, {
  acks: 1,
  timeoutMs: 100,
  topicData: [{ name: 'no-such-topic', partitionData: [{ index: 0, records: [SMALL_BATCH] }] }],
});
/** Where the length of the records stands in it. */
const RECORDS_LENGTH_AT = PRODUCE_FRAME.length - SMALL_BATCH.length - 4;

function patched(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeInt32BE(value, at);
  return copy;
}

function lastButOne(bytes: Buffer, value: number): Buffer {
  bytes[bytes.length - 2] = value;
  return bytes;
}

const B1: readonly Row[] = [
  ['a length of 0', int32(0), 'closed'],
  ['a negative length', int32(-1), 'closed'],
  ['the most negative length', int32(-0x80000000), 'closed'],
  ['the largest length', frame([CLASSIC], 0x7fffffff), 'closed'],
  ['more than 8 MiB that is no Produce', frame([CLASSIC], (8 << 20) + 1), 'closed'],
  ['100 MiB of Produce, of which nothing comes', frame([header(PRODUCE, 9)], 100 << 20), 'waits'],
  ['more than 100 MiB of Produce', frame([header(PRODUCE, 9)], (100 << 20) + 1), 'closed'],
  ['half a length, then a proper frame', Buffer.from([0, 0]), 'closed'],
  ['a frame of one byte', frame([[0]]), 'closed'],
  ['a TLS hello', Buffer.from('16030100f5010000f10303', 'hex'), 'closed'],
  ['a TLS alert', Buffer.from('15030100020228', 'hex'), 'closed'],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'closed'],
  ['HTTP 2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'closed'],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'closed'],
];

const B3: readonly Row[] = [
  ['a header that is cut off', frame([header(METADATA, 1).subarray(0, 7)]), 'closed'],
  ['a client id of length -2', frame([header(METADATA, 1, [0xff, 0xfe])]), 'closed'],
  ['a client id longer than the frame', frame([header(METADATA, 1, [0x7f, 0xff, 0x63])]), 'closed'],
  ['a null client id', frame([header(METADATA, 1, [0xff, 0xff]), int32(0)]), 'serves'],
  ['tags of the header that are cut off', frame([header(METADATA, 9), [1, 0, 5]]), 'closed'],
  ['more topics than bytes', frame([CLASSIC, int32(1000)]), 'closed'],
  ['2^31 - 1 topics', frame([CLASSIC, int32(0x7fffffff)]), 'closed'],
  ['-2 topics', frame([CLASSIC, int32(-2)]), 'closed'],
  ['null topics where null is none', frame([header(METADATA, 0), int32(-1)]), 'closed'],
  ['a topic name longer than the frame', frame([CLASSIC, int32(1), int16(30000), [0x74]]), 'closed'],
  ['a topic name of length -2', frame([CLASSIC, int32(1), int16(-2)]), 'closed'],
  ['a null topic name', frame([CLASSIC, int32(1), int16(-1)]), 'closed'],
  ['2^32 - 2 compact topics', frame([FLEXIBLE, [0xff, 0xff, 0xff, 0xff, 0x0f], FLAGS, NO_TAGS]), 'closed'],
  ['a varint of 6 bytes', frame([FLEXIBLE, [0x80, 0x80, 0x80, 0x80, 0x80, 0], FLAGS, NO_TAGS]), 'closed'],
  ['a varint of 33 bits', frame([FLEXIBLE, [0xff, 0xff, 0xff, 0xff, 0x1f], FLAGS, NO_TAGS]), 'closed'],
  ['a varint that is cut off', frame([FLEXIBLE, [0x80]]), 'closed'],
  ['a varint longer than it must be', frame([FLEXIBLE, [0x80, 0x80, 0x80, 0x80, 0], FLAGS, NO_TAGS]), 'serves'],
  ['an unknown tag', frame([FLEXIBLE, [0], FLAGS, [1, 9, 2, 0xaa, 0xbb]]), 'serves'],
  ['a tag twice', frame([FLEXIBLE, [0], FLAGS, [2, 9, 0, 9, 0]]), 'closed'],
  ['tags that descend', frame([FLEXIBLE, [0], FLAGS, [2, 9, 0, 8, 0]]), 'closed'],
  ['a tag longer than the frame', frame([FLEXIBLE, [0], FLAGS, [1, 9, 3, 0xaa]]), 'closed'],
  ['a tag of 2^32 - 1 bytes', frame([FLEXIBLE, [0], FLAGS, [1, 9, 0xff, 0xff, 0xff, 0xff, 0x0f]]), 'closed'],
  ['2^32 - 1 tags', frame([FLEXIBLE, [0], FLAGS, [0xff, 0xff, 0xff, 0xff, 0x0f]]), 'closed'],
  ['a byte behind the body', frame([CLASSIC, int32(0), [0]]), 'closed'],
  ['a second request behind the body', frame([CLASSIC, int32(0), CLASSIC, int32(0)]), 'closed'],
  ['records longer than the frame', patched(PRODUCE_FRAME, RECORDS_LENGTH_AT, SMALL_BATCH.length + 1), 'closed'],
  ['records of length -2', patched(PRODUCE_FRAME, RECORDS_LENGTH_AT, -2), 'closed'],
  ['records shorter than what follows', patched(PRODUCE_FRAME, RECORDS_LENGTH_AT, 1), 'closed'],
  [
    'a struct that is neither there nor absent',
    lastButOne(frameOf(DescribeTopicPartitions, 0, 7, { topics: [], responsePartitionLimit: 1 }), 2),
    'closed',
  ],
  [
    'more than 200,000 elements',
    frameOf(Metadata, 9, 7, { topics: Array.from({ length: 200_001 }, () => ({ name: 'x' })) }),
    'closed',
  ],
];

const B4: readonly Row[] = [
  ['an API that nobody knows', frame([header(9999, 0)]), 'closed'],
  ['a negative API', frame([header(-1, 0)]), 'closed'],
  ['an API of Kafka that is not here', frame([header(10, 0)]), 'closed'],
  ['one of our own that only the socket of the directory has', frame([header(20000, 0)]), 'closed'],
  ['a version that is too new', frame([header(METADATA, 99)]), 'closed'],
  ['a negative version', frame([header(METADATA, -1)]), 'closed'],
  ['an ApiVersions that is cut off', frame([header(API_VERSIONS, 3), [0, 200]]), 'closed'],
];

describe('bad input: frames', () => {
  const running = hostileTest();

  for (const [rule, rows] of Object.entries({ 'B-1': B1, 'B-3': B3, 'B-4': B4 })) {
    for (const [name, bytes, expected] of rows) {
      it(`${rule}: ${name}: ${expected}`, async () => {
        const test = running();
        const { answers, ending } = await test.unmoved(() => test.attack(bytes));
        assert.equal(ending, expected === 'waits' ? 'silent' : expected);
        assert.equal(answers.length, expected === 'serves' ? 1 : 0);
      });
    }
  }

  it('B-1: one byte at a time is as good as all at once', async () => {
    const test = running();
    await test.unmoved(async () => {
      const hostile = await test.open();
      for (const byte of frameOf(ApiVersions, 0, 5, {})) {
        hostile.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(await hostile.until(() => hostile.frames.length === 1));
      hostile.socket.destroy();
    });
  });

  it('B-1: what stood before a refused frame is answered; what stood behind it is not', async () => {
    const test = running();
    const good = frameOf(ApiVersions, 0, 5, {});
    const bytes = Buffer.concat([good, good, frame([CLASSIC, int32(-2)]), good]);
    const { answers, ending } = await test.unmoved(() => test.attack(bytes));
    assert.deepEqual([answers.length, ending], [2, 'closed']);
  });

  it('B-1: other protocols are named in the log, with no byte of theirs that a terminal would obey', async () => {
    const test = running();
    test.logLines.length = 0;
    await test.attack(Buffer.from('GET /\x1b[31m\x07 HTTP/1.1\r\n\r\n'));
    await test.attack(Buffer.from('16030100f5010000f10303', 'hex'));
    assert.ok(test.logLines.some((line) => line.includes('HTTP')));
    assert.ok(test.logLines.some((line) => line.includes('TLS')));
    const isPlain = (line: string): boolean => [...line].every((char) => char >= ' ' && char !== '\x7f');
    assert.deepEqual(
      test.logLines.filter((line) => !isPlain(line)),
      [],
    );
  });

  it('B-4: an ApiVersions of a version that is too new is answered in version 0, and the connection goes on', async () => {
    const test = running();
    const outcome = await test.unmoved(() => test.attack(frame([header(API_VERSIONS, 99), NO_TAGS, [1, 2, 3]])));
    assert.equal(outcome.ending, 'serves');
    const { errorCode, apiKeys } = test.answer(ApiVersions, 0, outcome);
    assert.equal(errorName(errorCode), 'UNSUPPORTED_VERSION');
    assert.ok(apiKeys.some(({ apiKey }) => apiKey === API_VERSIONS));
  });

  it('B-3: bytes that are no UTF-8 make no topic', async () => {
    const test = running();
    const request = frameOf(CreateTopics, 2, 7, {
      topics: [{ name: 'aaaa', numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 1000,
    });
    request.fill(0xc3, request.indexOf('aaaa'), request.indexOf('aaaa') + 4);
    const outcome = await test.unmoved(() => test.attack(request));
    const [topic] = test.answer(CreateTopics, 2, outcome).topics;
    assert.equal(errorName(topic?.errorCode ?? 0), 'INVALID_TOPIC_EXCEPTION');
    assert.notEqual(TOPIC, topic?.name);
  });
});
