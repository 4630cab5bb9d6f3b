/** What tools expect among a broker's configs and what nobody can set: who it is, where it listens and where its files are. */

import type { BrokerSession } from '../cluster/broker-session.ts';
import type { ConfigDefinition, ConfigType } from './config-definition.ts';

export function brokerFacts(session: BrokerSession): readonly (readonly [ConfigDefinition, string])[] {
  const brokerId = String(session.brokerId);
  const endpoints = session.image().brokers.get(session.brokerId)?.endpoints ?? [];
  const listeners = endpoints.map(({ name, host, port }) => `${name}://${host}:${port}`).join(',');
  return [
    fact('advertised.listeners', 'list', listeners, 'The addresses that clients are told.'),
    fact('broker.id', 'int', brokerId, 'The id of this broker.'),
    fact('listeners', 'list', listeners, 'The addresses that this broker listens on.'),
    fact('log.dirs', 'list', `${session.brokerDirectory}/log`, 'The directory of the partitions.'),
    fact('node.id', 'int', brokerId, 'The id of this broker.'),
  ];
}

function fact(
  name: string,
  type: ConfigType,
  value: string,
  documentation: string,
): readonly [ConfigDefinition, string] {
  return [{ name, type, default: '', documentation }, value];
}
