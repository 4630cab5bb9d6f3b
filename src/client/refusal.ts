import { type ErrorName, errorName } from '../protocol/errors.ts';
import { ClientError, type ClientErrorKind } from './client-error.ts';

const KIND_BY_ERROR: { readonly [name in ErrorName]?: ClientErrorKind } = {
  UNKNOWN_TOPIC_OR_PARTITION: 'not-found',
  UNKNOWN_TOPIC_ID: 'not-found',
  TOPIC_AUTHORIZATION_FAILED: 'authorization',
  CLUSTER_AUTHORIZATION_FAILED: 'authorization',
  GROUP_AUTHORIZATION_FAILED: 'authorization',
  SASL_AUTHENTICATION_FAILED: 'authorization',
  TOPIC_ALREADY_EXISTS: 'conflict',
  INVALID_TOPIC_EXCEPTION: 'usage',
  INVALID_CONFIG: 'usage',
  INVALID_PARTITIONS: 'usage',
  INVALID_REPLICATION_FACTOR: 'usage',
  OFFSET_OUT_OF_RANGE: 'data',
  CORRUPT_MESSAGE: 'data',
};

/** The end that an error code of a broker means for a command. `what` names the thing asked for: `topic 'logs'`. */
export function refusal(code: number, what: string, brokerMessage?: string | null): ClientError {
  const name = errorName(code);
  const words = brokerMessage ? `${brokerMessage} (${name})` : inWords(name);
  return new ClientError(KIND_BY_ERROR[name] ?? 'refused', `${what}: ${words}`);
}

/** An error's name as a person says it. */
export function inWords(name: ErrorName): string {
  return name.toLowerCase().replaceAll('_', ' ');
}
