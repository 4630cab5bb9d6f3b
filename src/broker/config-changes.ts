/** What a request to alter the configs of one resource means: the changes to make, or why it is refused. Pure. */

import { KafkaError } from '../protocol/errors.ts';
import type { ConfigDefinition } from './config-definition.ts';
import { canonicalValue, listItems } from './config-definition.ts';

export interface ConfigOperation {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
}

/** Which configs a resource has, and what each of them may be. */
export interface ConfigRules {
  /** undefined where there is no config of that name. */
  definitionOf(name: string): ConfigDefinition | undefined;
  /** What is wrong with setting `name` to `text`; undefined when it may be set. */
  problemWith(name: string, text: string): string | undefined;
}

/** New values by name; null takes a config away. */
export type NewValues = Map<string, string | null>;

const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

/**
 * The changes that the operations of IncrementalAlterConfigs make. `present` tells the value in effect, for operations that add
 * to it. Throws KafkaError INVALID_REQUEST, INVALID_CONFIG; then none of the operations counts.
 */
export function configChanges(
  rules: ConfigRules,
  operations: readonly ConfigOperation[],
  present: (definition: ConfigDefinition) => string,
): NewValues {
  const changes: NewValues = new Map();
  for (const operation of operations) {
    if (changes.has(operation.name)) throw new KafkaError('INVALID_REQUEST', `${operation.name} is changed twice`);
    changes.set(operation.name, changedValue(rules, operation, present));
  }
  return changes;
}

/**
 * The changes that make `wanted` the whole set of what a resource sets itself, as AlterConfigs asks; `own` is that set now.
 * Throws KafkaError INVALID_REQUEST, INVALID_CONFIG.
 */
export function configReplacement(
  rules: ConfigRules,
  wanted: readonly { readonly name: string; readonly value: string | null }[],
  own: Iterable<string>,
): NewValues {
  const changes: NewValues = new Map([...own].map((name) => [name, null]));
  const named = new Set<string>();
  for (const { name, value } of wanted) {
    if (named.has(name)) throw new KafkaError('INVALID_REQUEST', `${name} is set twice`);
    named.add(name);
    if (value === null) throw new KafkaError('INVALID_REQUEST', `${name} has no value`);
    changes.set(name, checkedValue(rules, name, value));
  }
  return changes;
}

function changedValue(
  rules: ConfigRules,
  { name, configOperation: operation, value }: ConfigOperation,
  present: (definition: ConfigDefinition) => string,
): string | null {
  // Taking away what cannot be set is harmless, and lets a stored config of a newer version go.
  if (operation === DELETE) return null;
  if (value === null) throw new KafkaError('INVALID_REQUEST', `${name} has no value`);
  if (operation === SET) return checkedValue(rules, name, value);
  if (operation !== APPEND && operation !== SUBTRACT) {
    throw new KafkaError('INVALID_REQUEST', `there is no config operation ${operation}`);
  }
  const definition = rules.definitionOf(name);
  if (definition === undefined) throw new KafkaError('INVALID_CONFIG', rules.problemWith(name, value));
  if (definition.type !== 'list') {
    throw new KafkaError('INVALID_CONFIG', `${name} is no list, so nothing can be appended to or taken from it`);
  }
  const items = listItems(present(definition));
  const named = listItems(value);
  const changed =
    operation === APPEND ? [...new Set([...items, ...named])] : items.filter((item) => !named.includes(item));
  return checkedValue(rules, name, changed.join(','));
}

function checkedValue(rules: ConfigRules, name: string, value: string): string {
  const definition = rules.definitionOf(name);
  const problem = rules.problemWith(name, value);
  if (problem !== undefined || definition === undefined) throw new KafkaError('INVALID_CONFIG', problem);
  return canonicalValue(definition, value);
}
