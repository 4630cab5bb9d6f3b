/** The checks that this process is still the broker of its id, made before every answer that promises or shows data. */
import type { BrokerSession } from '../cluster/broker-session.ts';
import { KafkaError } from '../protocol/errors.ts';

/**
 * Before an answer that promises something. @throws KafkaError NOT_LEADER_OR_FOLLOWER when somebody else may have become this
 * broker, KAFKA_STORAGE_ERROR when its directory takes no writes
 */
export async function confirmLease(session: BrokerSession): Promise<void> {
  if (session.holdsLease() || (await session.renewLease())) return;
  if (session.isReadOnly()) throw new KafkaError('KAFKA_STORAGE_ERROR', 'the directory takes no writes');
  throw lostPlace();
}

/** Before an answer that shows data. @throws KafkaError NOT_LEADER_OR_FOLLOWER when somebody else may have become this broker */
export async function confirmSight(session: BrokerSession): Promise<void> {
  if (session.maySee() || (await session.renewSight())) return;
  throw lostPlace();
}

function lostPlace(): KafkaError {
  return new KafkaError('NOT_LEADER_OR_FOLLOWER', 'this process is no longer the broker of its directory');
}
