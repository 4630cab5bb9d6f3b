/** What tools expect among a broker's configs and what nobody can set: who it is, where it listens and where its files are. */

import type { BrokerSession } from '../cluster/broker-session.ts';
import type { ConfigDefinition, ConfigType } from './config-definition.ts';
import { CONFIG_SOURCE, type ConfigValue, type ResolvedConfig } from './topic-configs.ts';

export interface BrokerFact {
  readonly definition: ConfigDefinition;
  readonly resolved: ResolvedConfig;
}

export function brokerFacts(session: BrokerSession): readonly BrokerFact[] {
  const brokerId = String(session.brokerId);
  const endpoints = session.image().brokers.get(session.brokerId)?.endpoints ?? [];
  const listeners = endpoints.map(({ name, host, port }) => `${name}://${host}:${port}`).join(',');
  return [
    fact('advertised.listeners', 'list', listeners, null, 'The addresses that clients are told.'),
    fact('broker.id', 'int', brokerId, '-1', 'The id of this broker.'),
    fact('listeners', 'list', listeners, 'PLAINTEXT://:9092', 'The addresses that this broker listens on.'),
    fact('log.dirs', 'list', `${session.brokerDirectory}/log`, null, 'The directory of the partitions.'),
    fact('node.id', 'int', brokerId, null, 'The id of this broker.'),
  ];
}

/** `kafkaDefault`: what Kafka tells as the default where it has one. */
function fact(
  name: string,
  type: ConfigType,
  value: string,
  kafkaDefault: string | null,
  documentation: string,
): BrokerFact {
  const synonyms: ConfigValue[] = [{ name, value, source: CONFIG_SOURCE.process }];
  if (kafkaDefault !== null) synonyms.push({ name, value: kafkaDefault, source: CONFIG_SOURCE.default });
  const definition = { name, type, default: kafkaDefault, documentation };
  return { definition, resolved: { value, source: CONFIG_SOURCE.process, synonyms } };
}
