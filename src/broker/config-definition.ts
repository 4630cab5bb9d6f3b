/**
 * What a named setting may be: its type, default and bounds, and the check of a value given as text. Topic configs
 * and broker settings are both tables of these.
 */

export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'list';

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  readonly default: string;
  /** Smallest value of a number, inclusive; the type's own smallest where absent. */
  readonly minimum?: bigint;
  /** Largest value of a number, inclusive; the type's own largest where absent. */
  readonly maximum?: bigint;
  /** The only values that a string or a number may have; for a list, the only items. */
  readonly allowed?: readonly string[];
  /** Said after "must be one of" where `allowed` is narrower than Kafka's, so that people know it is for now. */
  readonly because?: string;
  readonly documentation: string;
}

const INT_BOUNDS = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const LONG_BOUNDS = [-(2n ** 63n), 2n ** 63n - 1n] as const;

/** What is wrong with `text` as a value of `definition`, in words for a person; undefined when it may be used. */
export function problemWithValue(definition: ConfigDefinition, text: string): string | undefined {
  switch (definition.type) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') return `${definition.name} must be true or false, not '${text}'`;
      return problemWithChoice(definition, [text]);
    case 'string':
      return problemWithChoice(definition, [text]);
    case 'list':
      return problemWithChoice(definition, listItems(text));
    default:
      return problemWithNumber(definition, text);
  }
}

/** The text that is kept and shown for `text`, which has passed `problemWithValue`. */
export function canonicalValue(definition: ConfigDefinition, text: string): string {
  if (definition.type === 'int' || definition.type === 'long') return BigInt(text.trim()).toString();
  if (definition.type === 'list') return listItems(text).join(',');
  return text;
}

/** The items of a list value; none for an empty text. */
export function listItems(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function problemWithNumber(definition: ConfigDefinition, text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?\d{1,20}$/.test(trimmed)) return `${definition.name} must be a whole number, not '${text}'`;
  const value = BigInt(trimmed);
  const [typeMinimum, typeMaximum] = definition.type === 'int' ? INT_BOUNDS : LONG_BOUNDS;
  const minimum = definition.minimum ?? typeMinimum;
  const maximum = definition.maximum ?? typeMaximum;
  if (value < minimum) return `${definition.name} must be at least ${minimum}, not ${value}`;
  if (value > maximum) return `${definition.name} must be at most ${maximum}, not ${value}`;
  return problemWithChoice(definition, [value.toString()]);
}

function problemWithChoice(definition: ConfigDefinition, items: readonly string[]): string | undefined {
  const { allowed, because, name } = definition;
  if (allowed === undefined) return undefined;
  const wrong = items.find((item) => !allowed.includes(item));
  if (wrong === undefined && items.length > 0) return undefined;
  const choice = allowed.length === 1 ? `can only be ${allowed[0]}` : `must be one of ${allowed.join(', ')}`;
  return `${name} ${choice}${because === undefined ? '' : ` (${because})`}, not '${wrong ?? ''}'`;
}
