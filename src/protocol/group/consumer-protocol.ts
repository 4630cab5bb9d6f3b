/**
 * What members of a group with protocol type "consumer" say to each other through the broker: the subscription that each joins
 * with, and the assignment that their leader hands out (a message of `versioned-message.ts` each). The broker keeps the bytes as
 * they are; it reads them only to learn which topics a group subscribes to. Source: Kafka's ConsumerProtocol.java,
 * ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json.
 */
import { array, bytes, defaulted, ignorable, int32, nullable, since, string } from '../schema.ts';
import { WireError } from '../wire-error.ts';
import {
  decodeVersioned,
  encodeVersioned,
  prefixOf,
  type VersionedMessage,
  versionedMessage,
} from './versioned-message.ts';

/** The protocol type of groups whose members speak this. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/** The newest version of both messages. */
export const CONSUMER_PROTOCOL_VERSION_MAX = 3;

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface ConsumerSubscription {
  readonly topics: readonly string[];
  /** For the assignor; decoded, a slice of what it was decoded from. */
  readonly userData: Buffer | null;
  /** v1; what the member had when it joined again (cooperative rebalancing). */
  readonly ownedPartitions: readonly TopicPartitions[];
  /** v2; the generation that `ownedPartitions` are of, -1 = none. */
  readonly generationId: number;
  /** v3. */
  readonly rackId: string | null;
}

export interface ConsumerAssignment {
  readonly assignedPartitions: readonly TopicPartitions[];
  /** As in a subscription. */
  readonly userData: Buffer | null;
}

/**
 * Topics and owned partitions are written in ascending order of their UTF-16 units, so that the same subscription has the same bytes
 * whenever it is written: a broker tells by the bytes whether a member joins with something new. What `version` (0 to 3) lacks is left
 * out. Throws RangeError for another version, or for what does not fit its length.
 */
export function encodeConsumerSubscription(
  subscription: { readonly topics: readonly string[] } & Partial<ConsumerSubscription>,
  version: number = CONSUMER_PROTOCOL_VERSION_MAX,
): Buffer {
  return encodeVersioned(SUBSCRIPTION, version, {
    ...subscription,
    topics: [...subscription.topics].sort(),
    ownedPartitions: sorted(subscription.ownedPartitions ?? []),
  });
}

/** As `encodeConsumerSubscription`; the order of partitions stays. */
export function encodeConsumerAssignment(
  assignment: Pick<ConsumerAssignment, 'assignedPartitions'> & Partial<ConsumerAssignment>,
  version: number = CONSUMER_PROTOCOL_VERSION_MAX,
): Buffer {
  return encodeVersioned(ASSIGNMENT, version, assignment);
}

/**
 * undefined for bytes that are no subscription; throws nothing. A version after the last known one is read as that one, as in Kafka:
 * later versions only add fields at the end. `version` answers what the bytes said.
 */
export function decodeConsumerSubscription(
  bytes: Buffer,
): (ConsumerSubscription & { readonly version: number }) | undefined {
  const found = decode(SUBSCRIPTION, bytes);
  return found && { ...found, rackId: found.rackId || null };
}

/** As `decodeConsumerSubscription`. */
export function decodeConsumerAssignment(
  bytes: Buffer,
): (ConsumerAssignment & { readonly version: number }) | undefined {
  return decode(ASSIGNMENT, bytes);
}

const topicPartitions = array({ topic: string, partitions: array(int32) });

const SUBSCRIPTION = versionedMessage(
  {
    topics: array(string),
    userData: defaulted(nullable(bytes), null),
    ownedPartitions: ignorable(since(1, topicPartitions, [])),
    generationId: ignorable(since(2, int32, -1)),
    rackId: ignorable(since(3, nullable(string), null)),
  },
  { max: CONSUMER_PROTOCOL_VERSION_MAX },
);

const ASSIGNMENT = versionedMessage(
  { assignedPartitions: topicPartitions, userData: defaulted(nullable(bytes), null) },
  { max: CONSUMER_PROTOCOL_VERSION_MAX },
);

/** More topics and partitions than a member names; each costs more as an object than on the wire (B-2). */
const ELEMENTS_MAX = 200_000;

function decode<D, I>(message: VersionedMessage<D, I>, bytes: Buffer): (D & { readonly version: number }) | undefined {
  const version = prefixOf(bytes);
  if (version === undefined || version < 0) {
    return undefined;
  }
  try {
    return { ...decodeVersioned(message, Math.min(version, message.versionMax), bytes, ELEMENTS_MAX), version };
  } catch (error) {
    if (error instanceof WireError) {
      return undefined;
    }
    throw error;
  }
}

function sorted(partitions: readonly TopicPartitions[]): TopicPartitions[] {
  return partitions
    .map(({ topic, partitions }) => ({ topic, partitions: [...partitions].sort((left, right) => left - right) }))
    .sort((left, right) => (left.topic < right.topic ? -1 : left.topic > right.topic ? 1 : 0));
}
