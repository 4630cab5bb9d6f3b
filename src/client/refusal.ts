import { type ErrorName, errorName } from '../protocol/errors.ts';
import { isClosedForDamage } from '../protocol/private/closed-for-damage.ts';
import { ClientError, type ClientErrorKind } from './client-error.ts';

const KIND_BY_ERROR: { readonly [name in ErrorName]?: ClientErrorKind } = {
  UNKNOWN_TOPIC_OR_PARTITION: 'not-found',
  UNKNOWN_TOPIC_ID: 'not-found',
  GROUP_ID_NOT_FOUND: 'not-found',
  TOPIC_AUTHORIZATION_FAILED: 'authorization',
  CLUSTER_AUTHORIZATION_FAILED: 'authorization',
  GROUP_AUTHORIZATION_FAILED: 'authorization',
  SASL_AUTHENTICATION_FAILED: 'authorization',
  TOPIC_ALREADY_EXISTS: 'conflict',
  FENCED_INSTANCE_ID: 'conflict',
  UNRELEASED_INSTANCE_ID: 'conflict',
  INCONSISTENT_GROUP_PROTOCOL: 'conflict',
  GROUP_MAX_SIZE_REACHED: 'conflict',
  NON_EMPTY_GROUP: 'conflict',
  GROUP_SUBSCRIBED_TO_TOPIC: 'conflict',
  INVALID_GROUP_ID: 'usage',
  INVALID_TOPIC_EXCEPTION: 'usage',
  INVALID_CONFIG: 'usage',
  INVALID_PARTITIONS: 'usage',
  INVALID_REPLICATION_FACTOR: 'usage',
  OFFSET_OUT_OF_RANGE: 'data',
  CORRUPT_MESSAGE: 'data',
  MESSAGE_TOO_LARGE: 'data',
  RECORD_LIST_TOO_LARGE: 'data',
};

/** For those that brokers leave without a message in some answers. */
const RULE_BY_ERROR: { readonly [name in ErrorName]?: string } = {
  INVALID_TOPIC_EXCEPTION: "a topic's name has 1 to 249 ASCII letters, digits, dots, dashes and underscores",
};

/** The end that an error code of a broker means for a command. `what` names the thing asked for: `topic 'logs'`. */
export function refusal(code: number, what: string, brokerMessage?: string | null): ClientError {
  const name = errorName(code);
  const told = brokerMessage || RULE_BY_ERROR[name];
  const kind = isClosedForDamage(name, brokerMessage) ? 'data' : (KIND_BY_ERROR[name] ?? 'refused');
  return new ClientError(kind, `${what}: ${inWords(name, told)}`);
}

/** What the broker said, or else the error's name as a person says it. */
export function inWords(name: ErrorName, brokerMessage?: string | null): string {
  if (brokerMessage) return `${brokerMessage} (${name})`;
  return name.toLowerCase().replaceAll('_', ' ');
}
