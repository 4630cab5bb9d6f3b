import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  API_BY_KEY,
  ApiVersions,
  ConsumerGroupHeartbeat,
  Fetch,
  Metadata,
  Produce,
} from '../../src/protocol/apis/index.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  parseRequestHeader,
} from '../../src/protocol/codec.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { api, int32, struct, tagged } from '../../src/protocol/schema.ts';
import { WireError } from '../../src/protocol/wire-error.ts';
import { arbitraryMessage } from './arbitrary-message.ts';

const header = { correlationId: 7, clientId: 'ab' };

/** A frame without its length. */
function joined(pieces: readonly Uint8Array[]): Buffer {
  const frame = Buffer.concat(pieces);
  assert.equal(frame.readInt32BE(0), frame.length - 4);
  return frame.subarray(4);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('codec: bytes that Kafka wrote', () => {
  it('writes a flexible request header with an int16 client id length', () => {
    const frame = joined(encodeRequest(Metadata, 12, header, { topics: null }));
    assert.deepEqual(frame.subarray(0, 13), hex('0003 000c 00000007 0002 6162 00'));
  });

  const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: 4 }];

  it('writes ApiVersions v0', () => {
    const frame = joined(encodeResponse(ApiVersions, 0, 7, { errorCode: 0, apiKeys }));
    assert.deepEqual(frame, hex('00000007 0000 00000001 0012 0000 0004'));
  });

  it('writes ApiVersions v3 under a header without tags', () => {
    const frame = joined(encodeResponse(ApiVersions, 3, 7, { errorCode: 0, apiKeys }));
    assert.deepEqual(frame, hex('00000007 0000 02 0012 0000 0004 00 00000000 00'));
  });

  it('writes the tagged features of ApiVersions v3', () => {
    const frame = joined(
      encodeResponse(ApiVersions, 3, 7, {
        errorCode: 0,
        apiKeys,
        finalizedFeaturesEpoch: 1n,
        finalizedFeatures: [{ name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 }],
      }),
    );
    const tags = '02 01 08 0000000000000001 02 1a 02 14 7472616e73616374696f6e2e76657273696f6e 0002 0002 00';
    assert.deepEqual(frame, hex(`00000007 0000 02 0012 0000 0004 00 00000000 ${tags}`));
  });

  const heartbeat = {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId: 'm',
    memberEpoch: 1,
    heartbeatIntervalMs: 5000,
  };

  for (const [what, assignment, tail] of [
    ['null', null, 'ff 00'],
    ['empty', { topicPartitions: [] }, '01 01 00 00'],
  ] as const) {
    it(`writes and reads a ${what} nullable struct`, () => {
      const message = { ...heartbeat, assignment };
      const frame = joined(encodeResponse(ConsumerGroupHeartbeat, 1, 7, message));
      assert.deepEqual(frame, hex(`00000007 00 00000000 0000 00 026d 00000001 00001388 ${tail}`));
      assert.deepEqual(decodeResponse(ConsumerGroupHeartbeat, 1, frame).message, message);
    });
  }
});

describe('codec: what it reads is what was written', () => {
  for (const api of API_BY_KEY.values()) {
    for (let version = api.versions.min; version <= api.versions.max; version++) {
      it(`${api.name} v${version}`, () => {
        fc.assert(
          fc.property(arbitraryMessage(api, 'request', version), fc.string(), (message, clientId) => {
            const frame = joined(encodeRequest(api, version, { correlationId: 9, clientId }, message));
            const { bodyOffset, ...found } = parseRequestHeader(frame);
            assert.deepEqual(found, { apiKey: api.key, apiVersion: version, correlationId: 9, clientId });
            assert.deepEqual(decodeRequest(api, version, frame, bodyOffset), message);
          }),
          { numRuns: 60 },
        );
        fc.assert(
          fc.property(arbitraryMessage(api, 'response', version), fc.integer(), (message, correlationId) => {
            const frame = joined(encodeResponse(api, version, correlationId, message));
            assert.deepEqual(decodeResponse(api, version, frame), { correlationId, message });
          }),
          { numRuns: 60 },
        );
      });
    }
  }
});

describe('codec: bytes from nobody', () => {
  it('gives only WireError for random bytes', () => {
    const apis = [...API_BY_KEY.values()].flatMap((api) =>
      Array.from({ length: api.versions.max - api.versions.min + 1 }, (_, index) => ({
        api,
        version: api.versions.min + index,
      })),
    );
    const smallBytes = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(0xff), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.constantFrom(...apis), fc.array(smallBytes, { maxLength: 120 }), ({ api, version }, bytes) => {
        const frame = Buffer.from(bytes);
        for (const decode of [
          () => decodeRequest(api, version, frame, 0),
          () => decodeResponse(api, version, frame),
          () => parseRequestHeader(frame),
        ]) {
          try {
            decode();
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
          }
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it('gives only WireError for a damaged frame', () => {
    const message = arbitraryMessage(Fetch, 'response', 17);
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), (message, at, byte, cut) => {
        const frame = joined(encodeResponse(Fetch, 17, 1, message));
        frame[at % frame.length] = byte;
        for (const damaged of [frame, frame.subarray(0, cut % frame.length)]) {
          try {
            decodeResponse(Fetch, 17, damaged);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses a count that the rest of the frame cannot hold, before it makes room for it', () => {
    const body = hex('7fffffff 00');
    assert.throws(() => decodeRequest(Metadata, 1, body, 0), WireError);
    // 13 elements of at least 18 bytes (id, null name, tags) do not fit into 200 bytes.
    assert.throws(() => decodeRequest(Metadata, 12, Buffer.concat([hex('0e'), Buffer.alloc(200)]), 0), WireError);
  });

  it('refuses a request of far too many elements, however they are nested', () => {
    const topicData = (topicCount: number, partitionCount: number) => ({
      acks: 1,
      timeoutMs: 1,
      topicData: Array.from({ length: topicCount }, () => ({
        name: 't',
        partitionData: Array.from({ length: partitionCount }, () => ({ index: 0, records: null })),
      })),
    });
    const decode = (topicCount: number, partitionCount: number) => {
      const frame = joined(encodeRequest(Produce, 3, header, topicData(topicCount, partitionCount)));
      return decodeRequest(Produce, 3, frame, parseRequestHeader(frame).bodyOffset);
    };
    assert.equal(decode(10, 19_999).topicData.length, 10);
    assert.throws(() => decode(10, 20_000), WireError);
    assert.throws(() => decode(1, 200_000), WireError);
  });

  it('refuses bytes after the body', () => {
    const frame = joined(encodeRequest(Metadata, 1, header, { topics: null }));
    const { bodyOffset } = parseRequestHeader(frame);
    assert.throws(() => decodeRequest(Metadata, 1, Buffer.concat([frame, hex('00')]), bodyOffset), WireError);
  });

  it('refuses null where the version has none', () => {
    assert.throws(() => decodeRequest(Metadata, 0, hex('ffffffff'), 0), WireError);
    assert.deepEqual(decodeRequest(Metadata, 1, hex('ffffffff'), 0).topics, null);
  });

  it('refuses a negative length other than -1, and an overlong varint', () => {
    assert.throws(() => decodeRequest(Metadata, 1, hex('fffffffe'), 0), WireError);
    assert.throws(() => decodeRequest(Metadata, 9, hex('ffffffff1f 00 00 00 00'), 0), WireError);
    assert.throws(() => decodeRequest(Metadata, 9, hex('808080808000 00 00 00 00'), 0), WireError);
  });

  const bodyBeforeTags = '00 01 01 01';

  it('skips tags that it does not know', () => {
    const message = decodeRequest(Metadata, 9, hex(`${bodyBeforeTags} 02 05 03 aabbcc 07 00`), 0);
    assert.equal(message.topics, null);
  });

  for (const [what, tags] of [
    ['tags that do not ascend', '02 07 00 05 00'],
    ['a tag twice', '02 05 00 05 00'],
    ['a tag longer than the frame', '01 05 09 00'],
    ['more tags than the frame holds', '7f 05 00'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeRequest(Metadata, 9, hex(`${bodyBeforeTags} ${tags}`), 0), WireError);
    });
  }

  it('refuses a known tag whose size is not that of its value', () => {
    const before = '0000 01 00000000';
    const read = (tags: string) => decodeResponse(ApiVersions, 3, hex(`00000001 ${before} ${tags}`));
    assert.equal(read('01 01 08 0000000000000005').message.finalizedFeaturesEpoch, 5n);
    assert.throws(() => read('01 01 09 000000000000000500'), WireError);
    assert.throws(() => read('01 01 07 00000000000005'), WireError);
  });
});

describe('codec: headers', () => {
  it('reads the header of an ApiVersions request of a version to come', () => {
    const frame = hex('0012 0009 00000007 0002 6162 01 00 01 ff  aa');
    assert.deepEqual(parseRequestHeader(frame), {
      apiKey: 18,
      apiVersion: 9,
      correlationId: 7,
      clientId: 'ab',
      bodyOffset: 16,
    });
  });

  it('reads a null client id as the empty one', () => {
    assert.equal(parseRequestHeader(hex('0003 0000 00000007 ffff')).clientId, '');
  });

  it('reads the header of a key that it does not know', () => {
    assert.equal(parseRequestHeader(hex('03e7 0000 00000007 0001 61')).apiKey, 999);
  });

  it('refuses half a header', () => {
    assert.throws(() => parseRequestHeader(hex('0003 0000 0000')), WireError);
  });
});

describe('codec: what a message may say', () => {
  it('hands record slices on without copying them', () => {
    const slices = [Buffer.from('one'), Buffer.from('two')];
    const partitionData = [{ index: 0, records: slices }];
    const pieces = encodeRequest(Produce, 9, header, {
      acks: -1,
      timeoutMs: 1,
      topicData: [{ name: 't', partitionData }],
    });
    assert.ok(slices.every((slice) => pieces.includes(slice)));
    const frame = joined(pieces);
    const read = decodeRequest(Produce, 9, frame, parseRequestHeader(frame).bodyOffset);
    const [records] = read.topicData[0]!.partitionData[0]!.records!;
    assert.equal(records!.toString(), 'onetwo');
    assert.equal(records!.buffer, frame.buffer);
  });

  it('fills in what a version lacks and what a writer left out', () => {
    const frame = joined(encodeRequest(Metadata, 1, header, { topics: [{ name: 't' }] }));
    const message = decodeRequest(Metadata, 1, frame, parseRequestHeader(frame).bodyOffset);
    assert.deepEqual(message, {
      topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAA', name: 't' }],
      allowAutoTopicCreation: true,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    });
  });

  function isUnsupported(error: unknown): boolean {
    return error instanceof KafkaError && error.errorName === 'UNSUPPORTED_VERSION';
  }

  it('refuses a value that the version cannot carry', () => {
    const message = { topics: null, allowAutoTopicCreation: false };
    assert.throws(() => encodeRequest(Metadata, 3, header, message), isUnsupported);
    assert.doesNotThrow(() => encodeRequest(Metadata, 4, header, message));
  });

  it('drops a value that the version cannot carry when it is ignorable', () => {
    const response = { brokers: [], clusterId: 'c', topics: [], throttleTimeMs: 5 };
    assert.deepEqual(
      decodeResponse(Metadata, 0, joined(encodeResponse(Metadata, 0, 1, response))).message.clusterId,
      null,
    );
  });

  it('refuses a tagged value in a version before its tag', () => {
    const partition = { index: 0, errorCode: 6, baseOffset: -1n, currentLeader: { leaderId: 2, leaderEpoch: 3 } };
    const message = { responses: [{ name: 't', partitionResponses: [partition] }] };
    assert.throws(() => encodeResponse(Produce, 9, 1, message), isUnsupported);
    assert.doesNotThrow(() => encodeResponse(Produce, 10, 1, message));
  });

  it('refuses a version outside the range of the API', () => {
    assert.throws(() => encodeRequest(Produce, 2, header, { acks: 1, timeoutMs: 1, topicData: [] }), isUnsupported);
    assert.throws(() => decodeRequest(Fetch, 19, Buffer.alloc(0), 0), isUnsupported);
  });

  it('refuses a missing field, null where there is none, and numbers that do not fit', () => {
    const broken = (message: object) => () => encodeRequest(Produce, 9, header, message as never);
    assert.throws(broken({ acks: 1, timeoutMs: 1 }), TypeError);
    assert.throws(broken({ acks: 1, timeoutMs: 1, topicData: null }), TypeError);
    assert.throws(broken({ acks: 70_000, timeoutMs: 1, topicData: [] }), RangeError);
    const topicData = [{ topicId: 'short', partitionData: [] }];
    assert.throws(() => encodeRequest(Produce, 13, header, { acks: 1, timeoutMs: 1, topicData }), RangeError);
  });

  it('is not disturbed by an encoding that failed half-way', () => {
    const good = () => joined(encodeRequest(Metadata, 12, header, { topics: null }));
    const before = good();
    const topics = [{ name: 'x'.repeat(100) }, { name: 5 as never }];
    assert.throws(() => encodeRequest(Metadata, 12, header, { topics }), TypeError);
    assert.deepEqual(good(), before);
  });

  it('leaves out a tagged struct that says the same as its default, also when it does so in few words', () => {
    const Tagged = api(
      1000,
      'Tagged',
      { versions: '0', flexible: 0 },
      {
        request: { leader: tagged(0, 0, struct({ id: int32 }), { id: -1 }) },
        response: {},
      },
    );
    assert.equal(joined(encodeRequest(Tagged, 0, header, { leader: { id: -1 } })).at(-1), 0);
  });
});
