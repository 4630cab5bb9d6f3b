import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type ConsumerSubscription,
  decodeConsumerAssignment,
  decodeConsumerSubscription,
  encodeConsumerAssignment,
  encodeConsumerSubscription,
} from '../../../src/protocol/group/consumer-protocol.ts';
import { javaMessage } from './java-messages.ts';

const subscription: ConsumerSubscription = {
  topics: ['u', 't'],
  userData: Buffer.from('data'),
  ownedPartitions: [
    { topic: 'u', partitions: [1] },
    { topic: 't', partitions: [2, 0] },
  ],
  generationId: 6,
  rackId: 'r',
};

const assignment = {
  assignedPartitions: [
    { topic: 'u', partitions: [1] },
    { topic: 't', partitions: [2, 0] },
  ],
  userData: Buffer.from('data'),
};

const VERSIONS = [0, 1, 2, 3];

const topic = fc.string({ unit: 'grapheme', maxLength: 20 });
const topicPartitions = fc.uniqueArray(
  fc.record({ topic, partitions: fc.uniqueArray(fc.nat()) }, { noNullPrototype: true }),
  {
    selector: (each) => each.topic,
    maxLength: 5,
  },
);
const userData = fc.option(
  fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  { nil: null },
);

describe('consumer protocol: bytes that Kafka wrote', () => {
  for (const version of VERSIONS) {
    it(`subscription v${version}`, () => {
      const { bytes } = javaMessage(`subscription-v${version}`);
      assert.deepEqual(encodeConsumerSubscription(subscription, version), bytes);
      assert.deepEqual(decodeConsumerSubscription(bytes), {
        version,
        topics: ['t', 'u'],
        userData: Buffer.from('data'),
        ownedPartitions:
          version < 1
            ? []
            : [
                { topic: 't', partitions: [0, 2] },
                { topic: 'u', partitions: [1] },
              ],
        generationId: version < 2 ? -1 : 6,
        rackId: version < 3 ? null : 'r',
      });
    });

    it(`assignment v${version}`, () => {
      const { bytes } = javaMessage(`assignment-v${version}`);
      assert.deepEqual(encodeConsumerAssignment(assignment, version), bytes);
      assert.deepEqual(decodeConsumerAssignment(bytes), { version, ...assignment });
    });
  }

  it('what is left out', () => {
    assert.deepEqual(encodeConsumerSubscription({ topics: ['t'] }), javaMessage('subscription-bare').bytes);
    assert.deepEqual(encodeConsumerAssignment({ assignedPartitions: [] }), javaMessage('assignment-empty').bytes);
  });
});

describe('consumer protocol: what it reads is what was written', () => {
  for (const version of VERSIONS) {
    it(`subscription v${version}`, () => {
      const arbitrary = fc.record({
        topics: fc.array(topic),
        userData,
        ownedPartitions: topicPartitions,
        generationId: fc.integer(),
        rackId: fc.option(fc.string({ minLength: 1 }), { nil: null }),
      });
      fc.assert(
        fc.property(arbitrary, (written) => {
          const read = decodeConsumerSubscription(encodeConsumerSubscription(written, version))!;
          assert.equal(read.version, version);
          assert.deepEqual(new Set(read.topics), new Set(written.topics));
          assert.deepEqual(read.userData, written.userData);
          assert.deepEqual(asSet(read.ownedPartitions), asSet(version < 1 ? [] : written.ownedPartitions));
          assert.equal(read.generationId, version < 2 ? -1 : written.generationId);
          assert.equal(read.rackId, version < 3 ? null : written.rackId);
        }),
      );
    });

    it(`assignment v${version}`, () => {
      fc.assert(
        fc.property(fc.record({ assignedPartitions: topicPartitions, userData }), (written) => {
          const read = decodeConsumerAssignment(encodeConsumerAssignment(written, version));
          assert.deepEqual(read, { version, ...written });
        }),
      );
    });
  }

  it('the same subscription has the same bytes, in whatever order it is named', () => {
    const other = {
      ...subscription,
      topics: ['t', 'u'],
      ownedPartitions: [
        { topic: 't', partitions: [0, 2] },
        { topic: 'u', partitions: [1] },
      ],
    };
    assert.deepEqual(encodeConsumerSubscription(other), encodeConsumerSubscription(subscription));
    assert.deepEqual(subscription.topics, ['u', 't']);
  });

  function asSet(partitions: readonly { topic: string; partitions: readonly number[] }[]): Set<string> {
    return new Set(partitions.flatMap(({ topic, partitions }) => [topic, ...partitions.map((p) => `${topic}-${p}`)]));
  }
});

describe('consumer protocol: bytes from others', () => {
  it('reads a later version as the last one that is known, with what that added behind it', () => {
    const bytes = Buffer.concat([encodeConsumerSubscription(subscription, 3), Buffer.from('added later')]);
    bytes.writeInt16BE(9, 0);
    const { version, ...read } = decodeConsumerSubscription(bytes)!;
    assert.equal(version, 9);
    assert.deepEqual({ ...read, version: 3 }, decodeConsumerSubscription(javaMessage('subscription-v3').bytes));
    const assigned = encodeConsumerAssignment(assignment, 3);
    assigned.writeInt16BE(0x7fff, 0);
    assert.deepEqual(decodeConsumerAssignment(assigned), { version: 0x7fff, ...assignment });
  });

  it('reads an empty rack as none, as Kafka does', () => {
    assert.equal(decodeConsumerSubscription(encodeConsumerSubscription({ topics: [], rackId: '' }))!.rackId, null);
  });

  for (const [what, hex] of [
    ['nothing', ''],
    ['half a version', '00'],
    ['a version below 0', 'ffff 00000000 ffffffff'],
    ['a version alone', '0000'],
    ['more topics than bytes', '0000 7fffffff'],
    ['a topic that is null', '0000 00000001 ffff ffffffff'],
    ['text', Buffer.from('opaque metadata of another kind').toString('hex')],
  ] as const) {
    it(`finds nothing in ${what}`, () => {
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      assert.equal(decodeConsumerSubscription(bytes), undefined);
      assert.equal(decodeConsumerAssignment(bytes), undefined);
    });
  }

  it('finds nothing in far too many topics', () => {
    const topics = (count: number) => encodeConsumerSubscription({ topics: new Array<string>(count).fill('') });
    assert.equal(decodeConsumerSubscription(topics(200_000))!.topics.length, 200_000);
    assert.equal(decodeConsumerSubscription(topics(200_001)), undefined);
  });

  it('throws nothing, whatever the bytes', () => {
    const smallBytes = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(0xff), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(smallBytes, { maxLength: 60 }), (bytes) => {
        decodeConsumerSubscription(Buffer.from(bytes));
        decodeConsumerAssignment(Buffer.from(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  it('refuses to write a version that there is not', () => {
    assert.throws(() => encodeConsumerSubscription(subscription, 4), RangeError);
    assert.throws(() => encodeConsumerAssignment(assignment, -1), RangeError);
  });
});
