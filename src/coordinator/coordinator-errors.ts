/**
 * What a client is told when a coordinator's log, or its place as the broker, fails: the errors that group APIs may answer, which
 * clients know how to take. Source: Kafka's CoordinatorOperationExceptionHelper.java, GroupCoordinatorService.java.
 */
import { type ErrorName, KafkaError } from '../protocol/errors.ts';

const TOLD_AS: Partial<Record<ErrorName, ErrorName>> = {
  NOT_LEADER_OR_FOLLOWER: 'NOT_COORDINATOR',
  KAFKA_STORAGE_ERROR: 'NOT_COORDINATOR',
  BROKER_NOT_AVAILABLE: 'NOT_COORDINATOR',
  // State that cannot be read whole is not shown in part: whoever asks goes on asking, and the broker's log says why.
  CORRUPT_MESSAGE: 'NOT_COORDINATOR',
  INVALID_RECORD: 'NOT_COORDINATOR',
  OFFSET_OUT_OF_RANGE: 'NOT_COORDINATOR',
  UNKNOWN_TOPIC_OR_PARTITION: 'COORDINATOR_NOT_AVAILABLE',
  NOT_ENOUGH_REPLICAS: 'COORDINATOR_NOT_AVAILABLE',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'COORDINATOR_NOT_AVAILABLE',
  REQUEST_TIMED_OUT: 'COORDINATOR_NOT_AVAILABLE',
  MESSAGE_TOO_LARGE: 'UNKNOWN_SERVER_ERROR',
  RECORD_LIST_TOO_LARGE: 'UNKNOWN_SERVER_ERROR',
};

/** `error` as a client of a group is told it; what is no KafkaError is UNKNOWN_SERVER_ERROR. */
export function coordinatorError(error: unknown): KafkaError {
  if (!(error instanceof KafkaError)) {
    return new KafkaError('UNKNOWN_SERVER_ERROR', undefined, { cause: error });
  }
  const told = TOLD_AS[error.errorName];
  return told === undefined ? error : new KafkaError(told, error.message, { cause: error });
}

/** What a call gets whose shard is given up, or whose broker stops. */
export function notCoordinator(why: string): KafkaError {
  return new KafkaError('NOT_COORDINATOR', why);
}
