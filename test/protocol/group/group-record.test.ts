import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decodeGroupRecord,
  encodeGroupRecord,
  type GroupRecord,
  GroupRecordError,
  type GroupRecordKind,
} from '../../../src/protocol/group/group-record.ts';
import { GROUP_RECORDS } from '../../../src/protocol/group/group-record-schemas.ts';
import { encodeVersioned } from '../../../src/protocol/group/versioned-message.ts';
import { ZERO_UUID } from '../../../src/protocol/schema.ts';
import { arbitraryStruct } from '../arbitrary-message.ts';
import { JAVA_MESSAGES, javaMessage } from './java-messages.ts';

const TOPIC_ID = 'AQIDBAUGBwgJCgsMDQ4PEA';
const KINDS = Object.keys(GROUP_RECORDS) as GroupRecordKind[];

const commit = {
  offset: 42n,
  leaderEpoch: -1,
  metadata: 'm',
  commitTimestamp: 1700000000000n,
  expireTimestamp: -1n,
  topicId: ZERO_UUID,
};

function commitRecord(value: Partial<typeof commit> | null): GroupRecord {
  const record = { kind: 'offset-commit', groupId: 'g', topic: 't', partition: 3 } as const;
  return { ...record, value: value && { ...commit, ...value } };
}

function groupRecord(version: number): GroupRecord {
  return {
    kind: 'group-metadata',
    groupId: 'g',
    value: {
      protocolType: 'consumer',
      generation: 7,
      protocol: 'range',
      leader: 'a-1',
      currentStateTimestamp: version < 2 ? -1n : 1700000000002n,
      members: [
        {
          memberId: 'a-1',
          groupInstanceId: version < 3 ? null : 'i-1',
          clientId: 'a',
          clientHost: '/1.2.3.4',
          rebalanceTimeout: version < 1 ? -1 : 300000,
          sessionTimeout: 45000,
          subscription: Buffer.from('subscription'),
          assignment: Buffer.from('assignment'),
        },
      ],
    },
  };
}

function emptyGroup(): GroupRecord {
  return {
    kind: 'group-metadata',
    groupId: 'g',
    value: {
      protocolType: '',
      generation: 0,
      protocol: null,
      leader: null,
      currentStateTimestamp: 1700000000002n,
      members: [],
    },
  };
}

function memberRecord(classic: boolean): GroupRecord {
  return {
    kind: 'consumer-group-member-metadata',
    groupId: 'g',
    memberId: 'm',
    value: {
      instanceId: classic ? null : 'i',
      rackId: classic ? null : 'r',
      clientId: 'c',
      clientHost: '/1.2.3.4',
      subscribedTopicNames: ['t', 'u'],
      subscribedTopicRegex: classic ? null : 'x.*',
      rebalanceTimeoutMs: 300000,
      serverAssignor: classic ? null : 'uniform',
      classicMemberMetadata: classic
        ? { sessionTimeoutMs: 45000, supportedProtocols: [{ name: 'range', metadata: Buffer.from('metadata') }] }
        : null,
    },
  };
}

function target(assignmentTimestamp: bigint): GroupRecord {
  const value = { assignmentEpoch: 9, assignmentTimestamp };
  return { kind: 'consumer-group-target-assignment-metadata', groupId: 'g', value };
}

function currentAssignment(): GroupRecord {
  return {
    kind: 'consumer-group-current-member-assignment',
    groupId: 'g',
    memberId: 'm',
    value: {
      memberEpoch: 9,
      previousMemberEpoch: 8,
      state: 1,
      assignedPartitions: [{ topicId: TOPIC_ID, partitions: [0, 2], assignmentEpochs: [7, 9] }],
      partitionsPendingRevocation: [{ topicId: TOPIC_ID, partitions: [1], assignmentEpochs: null }],
    },
  };
}

/** What each line of group-messages.java.hex says. */
const EXPECTED: Record<string, GroupRecord> = {
  'legacy-offset-commit-v0': commitRecord({}),
  'offset-commit-v0': commitRecord({}),
  'offset-commit-v1': commitRecord({ expireTimestamp: 1700000000001n }),
  'offset-commit-v2': commitRecord({}),
  'offset-commit-v3': commitRecord({ leaderEpoch: 5 }),
  'offset-commit-v4': commitRecord({ leaderEpoch: 5, topicId: TOPIC_ID }),
  'offset-commit-v4-without-id': commitRecord({ leaderEpoch: 5 }),
  'offset-commit-tombstone': commitRecord(null),
  'group-metadata-v0': groupRecord(0),
  'group-metadata-v1': groupRecord(1),
  'group-metadata-v2': groupRecord(2),
  'group-metadata-v3': groupRecord(3),
  'group-metadata-v4': groupRecord(4),
  'group-metadata-v3-empty': emptyGroup(),
  'group-metadata-tombstone': { kind: 'group-metadata', groupId: 'g', value: null },
  'consumer-group-metadata': {
    kind: 'consumer-group-metadata',
    groupId: 'g',
    value: { epoch: 9, metadataHash: -2n },
  },
  'consumer-group-metadata-without-hash': {
    kind: 'consumer-group-metadata',
    groupId: 'g',
    value: { epoch: 9, metadataHash: 0n },
  },
  'consumer-group-partition-metadata': {
    kind: 'consumer-group-partition-metadata',
    groupId: 'g',
    value: {
      topics: [
        { topicId: TOPIC_ID, topicName: 't', numPartitions: 2, partitionMetadata: [{ partition: 1, racks: ['r'] }] },
      ],
    },
  },
  'consumer-group-partition-metadata-tombstone': {
    kind: 'consumer-group-partition-metadata',
    groupId: 'g',
    value: null,
  },
  'consumer-group-member-metadata': memberRecord(false),
  'consumer-group-member-metadata-classic': memberRecord(true),
  'consumer-group-target-assignment-metadata': target(1700000000003n),
  'consumer-group-target-assignment-metadata-without-time': target(0n),
  'consumer-group-target-assignment-member': {
    kind: 'consumer-group-target-assignment-member',
    groupId: 'g',
    memberId: 'm',
    value: { topicPartitions: [{ topicId: TOPIC_ID, partitions: [0, 2] }] },
  },
  'consumer-group-current-member-assignment': currentAssignment(),
  'consumer-group-regular-expression': {
    kind: 'consumer-group-regular-expression',
    groupId: 'g',
    regularExpression: 'x.*',
    value: { topics: ['x', 'xy'], version: 12n, timestamp: 1700000000004n },
  },
};

/** Lines in a form that Kafka 4.x reads but does not write, and neither do we. */
const READ_ONLY = /^(legacy-offset-commit-v0|offset-commit-v[023]|group-metadata-v[0124])$/;

describe('group records: bytes that Kafka wrote', () => {
  const lines = JAVA_MESSAGES.filter(({ name }) => !/^(subscription|assignment)/.test(name));

  it('every kind, every version and every line is checked', () => {
    assert.deepEqual(lines.map(({ name }) => name).sort(), Object.keys(EXPECTED).sort());
    assert.deepEqual(new Set(Object.values(EXPECTED).map(({ kind }) => kind)), new Set(KINDS));
  });

  for (const { name, bytes: key, value } of lines) {
    it(`reads ${name}`, () => {
      assert.deepEqual(decodeGroupRecord(key, value), EXPECTED[name]);
    });
    if (!READ_ONLY.test(name)) {
      it(`writes ${name}`, () => {
        assert.deepEqual(encodeGroupRecord(EXPECTED[name]!), { key, value });
      });
    }
  }

  it('the contract gives the same bytes', () => {
    const { key, value } = encodeGroupRecord(commitRecord({ leaderEpoch: 5 }));
    assert.equal(key.toString('hex'), '000100016700017400000003');
    assert.equal(value!.toString('hex'), '0004000000000000002a00000005026d0000018bcfe5680000');
  });
});

describe('group records: what it reads is what was written', () => {
  const versions = KINDS.flatMap((kind) =>
    Array.from({ length: GROUP_RECORDS[kind].value.versionMax + 1 }, (_, version) => ({ kind, version })),
  );
  for (const { kind, version } of versions) {
    const schema = GROUP_RECORDS[kind];
    const keys = arbitraryStruct(schema.key.type.fields, 0) as fc.Arbitrary<object>;
    const values = arbitraryStruct(schema.value.type.fields, version) as fc.Arbitrary<object>;

    it(`${kind} v${version}`, () => {
      fc.assert(
        fc.property(keys, values, (key, value) => {
          const bytes = encodeVersioned(schema.value as never, version, value);
          const keyBytes = encodeVersioned(schema.key as never, 0, key, schema.type);
          const read = decodeGroupRecord(keyBytes, bytes);
          assert.deepEqual(read, { kind, ...key, value });
          // What was read lives on when the memory that it came from holds other things.
          keyBytes.fill(0xee);
          bytes.fill(0xee);
          assert.deepEqual(read, { kind, ...key, value });
        }),
        { numRuns: 60 },
      );
    });

    it(`${kind} v${version}, written as we write it`, () => {
      fc.assert(
        fc.property(keys, fc.option(values, { nil: null }), (key, value) => {
          const record = { kind, ...key, value } as GroupRecord;
          const { key: keyBytes, value: bytes } = encodeGroupRecord(record);
          const expires = record.kind === 'offset-commit' && record.value && record.value.expireTimestamp !== -1n;
          const lost = expires ? { leaderEpoch: -1, topicId: ZERO_UUID } : {};
          assert.deepEqual(decodeGroupRecord(keyBytes, bytes), { ...record, value: value && { ...value, ...lost } });
        }),
        { numRuns: 60 },
      );
    });
  }
});

describe('group records: bytes from nobody', () => {
  const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
  const offsetKey = javaMessage('offset-commit-v3').bytes;

  it('passes over types that it does not know, whatever stands in them', () => {
    for (const type of ['0009', '000a', '000f', '0011', '0017', '7fff', 'ffff']) {
      assert.equal(decodeGroupRecord(hex(type), hex('0000')), undefined);
      assert.equal(decodeGroupRecord(hex(type), null), undefined);
    }
  });

  for (const [what, key, value] of [
    ['no key', null, hex('0000')],
    ['half a type', hex('00'), null],
    ['a broken key', hex('0001 0005 67'), null],
    ['a null group', hex('0002 ffff'), null],
    ['an empty value', offsetKey, hex('')],
    ['half a version', offsetKey, hex('00')],
    ['a later version', offsetKey, hex('0005 000000000000002a 00000005 02 6d 0000018bcfe56800 00')],
    ['a version below 0', offsetKey, hex('ffff 000000000000002a')],
    ['a broken value', offsetKey, hex('0003 000000000000002a 00000005 0009 6d')],
    ['members without end', hex('0002 0001 67'), hex('0003 0000 00000000 ffff ffff 0000018bcfe56802 7fffffff')],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeGroupRecord(key, value), GroupRecordError);
    });
  }

  it('gives only GroupRecordError for any bytes', () => {
    const smallBytes = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(0xff), fc.integer({ min: 0, max: 255 }));
    const bytes = fc.array(smallBytes, { maxLength: 80 }).map((each) => Buffer.from(each));
    const javaKeys = fc.constantFrom(...JAVA_MESSAGES.map((message) => message.bytes));
    fc.assert(
      fc.property(fc.oneof(bytes, javaKeys), fc.option(bytes, { nil: null }), (key, value) => {
        try {
          decodeGroupRecord(key, value);
        } catch (error) {
          assert.ok(error instanceof GroupRecordError, String(error));
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives only GroupRecordError for a damaged record', () => {
    const lines = fc.constantFrom(...JAVA_MESSAGES.filter(({ value }) => value !== null));
    fc.assert(
      fc.property(lines, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), ({ bytes, value }, at, byte, cut) => {
        const damaged = Buffer.from(value!);
        damaged[at % damaged.length] = byte;
        for (const each of [damaged, damaged.subarray(0, cut % damaged.length)]) {
          try {
            decodeGroupRecord(bytes, each);
          } catch (error) {
            assert.ok(error instanceof GroupRecordError, String(error));
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
