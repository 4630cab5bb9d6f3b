/**
 * I-6: after these answers to a produce the batch is not in the log and never will be. After all others, or none, it may be
 * (reliability 1.2): a timeout, a broken connection, KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER of acks=all.
 */
import { type ErrorName, errorCode } from '../../../src/protocol/errors.ts';

const DEFINITE: readonly ErrorName[] = [
  'MESSAGE_TOO_LARGE',
  'CORRUPT_MESSAGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'RECORD_LIST_TOO_LARGE',
  'NOT_ENOUGH_REPLICAS',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'UNSUPPORTED_COMPRESSION_TYPE',
];
const CODES: ReadonlySet<number> = new Set(DEFINITE.map(errorCode));

export function isDefinite(code: number): boolean {
  return CODES.has(code);
}
