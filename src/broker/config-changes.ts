/** What the operations of one IncrementalAlterConfigs resource mean for a topic's configs. Pure. */

import { KafkaError } from '../protocol/errors.ts';
import type { ConfigDefinition } from './config-definition.ts';
import { canonicalValue, listItems } from './config-definition.ts';
import { problemWithTopicConfig, topicConfigNamed } from './topic-configs.ts';

export interface ConfigOperation {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

/**
 * The changes that the operations make, null taking a config away. `present` tells the value in effect, for operations that add
 * to it. Throws KafkaError INVALID_REQUEST, INVALID_CONFIG; then none of the operations counts.
 */
export function configChanges(
  operations: readonly ConfigOperation[],
  present: (definition: ConfigDefinition) => string,
): Map<string, string | null> {
  const changes = new Map<string, string | null>();
  for (const { name, configOperation, value } of operations) {
    if (changes.has(name)) throw new KafkaError('INVALID_REQUEST', `${name} is changed twice`);
    changes.set(name, changedValue(name, configOperation, value, present));
  }
  return changes;
}

function changedValue(
  name: string,
  operation: number,
  value: string | null,
  present: (definition: ConfigDefinition) => string,
): string | null {
  // Taking away what cannot be set is harmless, and lets a stored config of a newer version go.
  if (operation === DELETE) return null;
  if (value === null) throw new KafkaError('INVALID_REQUEST', `${name} has no value`);
  if (operation === SET) return checkedValue(name, value);
  if (operation !== APPEND && operation !== SUBTRACT) {
    throw new KafkaError('INVALID_REQUEST', `there is no config operation ${operation}`);
  }
  const definition = topicConfigNamed(name);
  if (definition === undefined) throw new KafkaError('INVALID_CONFIG', problemWithTopicConfig(name, value));
  if (definition.type !== 'list') {
    throw new KafkaError('INVALID_CONFIG', `${name} is no list, so nothing can be appended to or taken from it`);
  }
  const items = listItems(present(definition));
  const named = listItems(value);
  const changed =
    operation === APPEND ? [...new Set([...items, ...named])] : items.filter((item) => !named.includes(item));
  return checkedValue(name, changed.join(','));
}

function checkedValue(name: string, value: string): string {
  const definition = topicConfigNamed(name);
  const problem = problemWithTopicConfig(name, value);
  if (problem !== undefined || definition === undefined) throw new KafkaError('INVALID_CONFIG', problem);
  return canonicalValue(definition, value);
}
