/**
 * What a named setting may be: its type, default and bounds, and the check of a value given as text. Topic configs
 * and broker settings are both tables of these.
 */
import { oneLine } from '../kernel/one-line.ts';

export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list';

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  /** null where there is none: Kafka then looks at another setting. */
  readonly default: string | null;
  /** Smallest value of a number, inclusive; the type's own smallest where absent. */
  readonly minimum?: bigint;
  /** Largest value of a number, inclusive; the type's own largest where absent. */
  readonly maximum?: bigint;
  /** A number outside the bounds that is a value all the same, such as -1 for "none". */
  readonly also?: bigint;
  /** The only values that a boolean, string or number may have; for a list, the only items, of which there is at least one. */
  readonly allowed?: readonly string[];
  /** Said after "must be one of" where `allowed` is narrower than Kafka's, so that people know it is for now. */
  readonly because?: string;
  /** What the whole text of a list must look like. */
  readonly pattern?: RegExp;
  /** Why the value is kept and shown and changes nothing here; absent where it works. */
  readonly withoutEffect?: string;
  /** Listed only where somebody set it: a name that today's Kafka does not list. */
  readonly onlyWhenSet?: true;
  /** For a broker setting: it can be given when the broker starts, and not be altered while it runs. */
  readonly fixed?: true;
  readonly documentation: string;
}

const INT_BOUNDS = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const LONG_BOUNDS = [-(2n ** 63n), 2n ** 63n - 1n] as const;
/** What a string of the protocol may have. */
const VALUE_LENGTH_MAX = 32_767;

/** What is wrong with `text` as a value of `definition`, in words for a person; undefined when it may be used. */
export function problemWithValue(definition: ConfigDefinition, text: string): string | undefined {
  const { name, type, pattern } = definition;
  // More is no use to anybody, cannot be described in every version, and is more than a pattern can be held against.
  if (text.length > VALUE_LENGTH_MAX) return `${name} is longer than ${VALUE_LENGTH_MAX} characters`;
  switch (type) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') return `${name} must be true or false, not '${oneLine(text)}'`;
      return problemWithChoice(definition, [text]);
    case 'string':
      return problemWithChoice(definition, [text]);
    case 'list':
      if (pattern?.test(text) === false) return `'${oneLine(text)}' does not have the form of ${name}`;
      return problemWithChoice(definition, listItems(text));
    case 'double':
      return problemWithDouble(definition, text);
    default:
      return problemWithNumber(definition, text);
  }
}

/** The text that is kept and shown for `text`, which has passed `problemWithValue`. */
export function canonicalValue({ type }: ConfigDefinition, text: string): string {
  if (type === 'int' || type === 'long') return BigInt(text.trim()).toString();
  if (type === 'list') return listItems(text).join(',');
  if (type !== 'double') return text;
  const plain = String(Number(text.trim()));
  // As Java writes a double.
  return /^-?\d+$/.test(plain) ? `${plain}.0` : plain;
}

/** The items of a list value; none for an empty text. */
export function listItems(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function problemWithNumber(definition: ConfigDefinition, text: string): string | undefined {
  const { name, type, also } = definition;
  const trimmed = text.trim();
  if (!/^[+-]?\d{1,20}$/.test(trimmed)) return `${name} must be a whole number, not '${oneLine(text)}'`;
  const value = BigInt(trimmed);
  const [typeMinimum, typeMaximum] = type === 'int' ? INT_BOUNDS : LONG_BOUNDS;
  const minimum = definition.minimum ?? typeMinimum;
  const maximum = definition.maximum ?? typeMaximum;
  const orElse = also === undefined ? '' : `, or ${also}`;
  if (value !== also && value < minimum) return `${name} must be at least ${minimum}${orElse}, not ${value}`;
  if (value !== also && value > maximum) return `${name} must be at most ${maximum}${orElse}, not ${value}`;
  return problemWithChoice(definition, [value.toString()]);
}

function problemWithDouble({ name, minimum, maximum }: ConfigDefinition, text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(trimmed))
    return `${name} must be a number, not '${oneLine(text)}'`;
  const value = Number(trimmed);
  if (minimum !== undefined && value < Number(minimum)) return `${name} must be at least ${minimum}, not ${trimmed}`;
  if (maximum !== undefined && value > Number(maximum)) return `${name} must be at most ${maximum}, not ${trimmed}`;
  return undefined;
}

function problemWithChoice(definition: ConfigDefinition, items: readonly string[]): string | undefined {
  const { allowed, because, name } = definition;
  if (allowed === undefined) return undefined;
  const wrong = items.find((item) => !allowed.includes(item));
  if (wrong === undefined && items.length > 0) return undefined;
  const choice = allowed.length === 1 ? `can only be ${allowed[0]}` : `must be one of ${allowed.join(', ')}`;
  return `${name} ${choice}${because === undefined ? '' : ` (${because})`}, not '${oneLine(wrong ?? '')}'`;
}
