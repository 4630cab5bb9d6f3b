/** The check that this process is still the broker of its id, made before every answer that promises or shows data. */

import type { BrokerSession } from '../cluster/broker-session.ts';
import { KafkaError } from '../protocol/errors.ts';

/** Throws KafkaError NOT_LEADER_OR_FOLLOWER when somebody else may have become this broker. */
export async function confirmLease(session: BrokerSession): Promise<void> {
  if (session.holdsLease() || (await session.renewLease())) return;
  throw new KafkaError('NOT_LEADER_OR_FOLLOWER', 'this process is no longer the broker of its directory');
}
