/**
 * The records of `__consumer_offsets` as schemas. A key is `int16 type | fields`, never flexible; a value is `int16 version |
 * fields`, or null: a tombstone. Names are Kafka's, except that the group is `groupId` everywhere, which Kafka's older keys call
 * `group`. Types of share groups (10 to 15) and streams groups (17, 19 to 23) are not known here.
 * Source: group-coordinator/src/main/resources/common/message/*.json of Kafka 4.1 to 4.4.
 */
import {
  array,
  bytes,
  type Decoded,
  defaulted,
  type Fields,
  type Input,
  ignorable,
  int8,
  int32,
  int64,
  nullable,
  since,
  string,
  struct,
  tagged,
  uuid,
  ZERO_UUID,
} from '../schema.ts';
import { type VersionedMessage, versionedMessage } from './versioned-message.ts';

export interface GroupRecordSchema<K, KI, V, VI> {
  /** The prefix of the key. */
  readonly type: number;
  readonly key: VersionedMessage<K, KI>;
  readonly value: VersionedMessage<V, VI>;
  /** The version in which a value is written. */
  readonly versionWritten: number;
  /** Whether a decoded value holds slices of what it was decoded from. */
  readonly holdsBytes: boolean;
}

const topicPartitions = array({ topicId: uuid, partitions: array(int32) });
const ofGroup = { groupId: string };
const ofMember = { groupId: string, memberId: string };

export const GROUP_RECORDS = {
  /** Version 1 alone carries `expireTimestamp` (ms, -1 = none), and is written for one that has it. */
  'offset-commit': record(
    1,
    { groupId: string, topic: string, partition: int32 },
    {
      offset: int64,
      leaderEpoch: ignorable(since(3, int32, -1)),
      metadata: string,
      commitTimestamp: int64,
      expireTimestamp: ignorable(since('1', int64, -1n)),
      topicId: ignorable(tagged(0, 4, uuid, ZERO_UUID)),
    },
    { max: 4, flexible: 4, written: 4 },
  ),
  /** A classic group. `protocol` and `leader` are null, and `members` empty, of an empty group. */
  'group-metadata': record(
    2,
    ofGroup,
    {
      protocolType: string,
      generation: int32,
      protocol: nullable(string),
      leader: nullable(string),
      currentStateTimestamp: ignorable(since(2, int64, -1n)),
      members: array({
        memberId: string,
        groupInstanceId: ignorable(since(3, nullable(string), null)),
        clientId: string,
        clientHost: string,
        rebalanceTimeout: ignorable(since(1, int32, -1)),
        sessionTimeout: int32,
        subscription: bytes,
        assignment: bytes,
      }),
    },
    { max: 4, flexible: 4, written: 3, holdsBytes: true },
  ),
  'consumer-group-metadata': record(
    3,
    ofGroup,
    { epoch: int32, metadataHash: tagged(0, 0, int64, 0n) },
    { max: 0, flexible: 0, written: 0 },
  ),
  /** Obsolete since 4.1: what an older Kafka left is tombstoned, none is written with a value. */
  'consumer-group-partition-metadata': record(
    4,
    ofGroup,
    {
      topics: array({
        topicId: uuid,
        topicName: string,
        numPartitions: int32,
        partitionMetadata: array({ partition: int32, racks: array(string) }),
      }),
    },
    { max: 0, flexible: 0, written: 0 },
  ),
  'consumer-group-member-metadata': record(
    5,
    ofMember,
    {
      instanceId: nullable(string),
      rackId: nullable(string),
      clientId: string,
      clientHost: string,
      subscribedTopicNames: array(string),
      subscribedTopicRegex: nullable(string),
      rebalanceTimeoutMs: defaulted(int32, -1),
      serverAssignor: nullable(string),
      classicMemberMetadata: tagged(
        0,
        0,
        nullable(struct({ sessionTimeoutMs: int32, supportedProtocols: array({ name: string, metadata: bytes }) })),
        null,
      ),
    },
    { max: 0, flexible: 0, written: 0, holdsBytes: true },
  ),
  'consumer-group-target-assignment-metadata': record(
    6,
    ofGroup,
    { assignmentEpoch: int32, assignmentTimestamp: ignorable(tagged(0, 0, int64, 0n)) },
    { max: 0, flexible: 0, written: 0 },
  ),
  'consumer-group-target-assignment-member': record(
    7,
    ofMember,
    { topicPartitions },
    { max: 0, flexible: 0, written: 0 },
  ),
  /** States: 0 stable, 1 unrevoked partitions, 2 unreleased partitions. `assignmentEpochs` (4.3): one a partition. */
  'consumer-group-current-member-assignment': record(
    8,
    ofMember,
    {
      memberEpoch: int32,
      previousMemberEpoch: int32,
      state: int8,
      assignedPartitions: array({ topicId: uuid, partitions: array(int32), assignmentEpochs: epochs() }),
      partitionsPendingRevocation: array({ topicId: uuid, partitions: array(int32), assignmentEpochs: epochs() }),
    },
    { max: 0, flexible: 0, written: 0 },
  ),
  'consumer-group-regular-expression': record(
    16,
    { groupId: string, regularExpression: string },
    { topics: array(string), version: int64, timestamp: int64 },
    { max: 0, flexible: 0, written: 0 },
  ),
} as const;

function epochs() {
  return tagged(0, 0, nullable(array(int32)), null);
}

function record<K extends Fields, V extends Fields>(
  type: number,
  key: K,
  value: V,
  facts: { readonly max: number; readonly flexible: number; readonly written: number; readonly holdsBytes?: boolean },
): GroupRecordSchema<Decoded<K>, Input<K>, Decoded<V>, Input<V>> {
  return {
    type,
    key: versionedMessage(key, { max: 0 }),
    value: versionedMessage(value, facts),
    versionWritten: facts.written,
    holdsBytes: facts.holdsBytes ?? false,
  };
}
