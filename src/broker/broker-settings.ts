/**
 * The broker's own settings, under Kafka's names. A value comes from a flag of this process (`-X`, `--config`,
 * `--durability`), else from the settings that the directory keeps in its metadata log, else it is the default.
 *
 * Source of names, defaults and bounds: Kafka 4.x ServerConfigs, ServerLogConfigs, SocketServerConfigs, ReplicationConfigs;
 * where Kafka says unlimited, a default that a development machine survives.
 */

import type { ConfigDefinition } from './config-definition.ts';
import { canonicalValue, problemWithValue } from './config-definition.ts';
import { CONNECTION_SETTINGS } from './connection-settings.ts';
import { parseProperties } from './properties.ts';
import type { ConfigValue } from './topic-configs.ts';
import { CONFIG_SOURCE, DURABILITY_CONFIG, TOPIC_CONFIGS } from './topic-configs.ts';

/** What flags of this process set; every name and value has been checked. */
export interface BrokerSettings {
  readonly given: ReadonlyMap<string, string>;
}

/** A setting that does not exist or cannot have that value: a mistake in usage. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

export interface SettingFlags {
  /** The text of the `--config` file, in the form of Java properties. */
  readonly configText?: string;
  /** `name=value` of each `-X`, in order; they win over the file. */
  readonly assignments?: readonly string[];
  /** `--durability`; wins over both. */
  readonly durability?: string;
}

const ONE_BROKER = 'there is one broker so far';

/** Settings that are not the default of a topic config. */
const OWN_SETTINGS: readonly ConfigDefinition[] = [
  ...CONNECTION_SETTINGS,
  {
    name: 'auto.create.topics.enable',
    type: 'boolean',
    default: 'true',
    documentation: 'Whether a topic that a client asks for, and that does not exist, is created.',
  },
  {
    name: 'connections.max.idle.ms',
    type: 'long',
    default: '600000',
    minimum: 1n,
    documentation: 'A connection that carried nothing for so long is closed.',
  },
  {
    name: 'default.replication.factor',
    type: 'int',
    default: '1',
    allowed: ['1'],
    because: ONE_BROKER,
    documentation: 'Replicas of a partition where the creator of the topic does not say.',
  },
  {
    name: 'delete.topic.enable',
    type: 'boolean',
    default: 'true',
    documentation: 'Whether topics can be deleted.',
  },
  {
    name: 'fetch.max.bytes',
    type: 'int',
    default: '57671680',
    minimum: 1024n,
    documentation: 'The most bytes of records that one fetch is answered with.',
  },
  {
    name: 'max.connection.creation.rate',
    type: 'int',
    default: '500',
    minimum: 1n,
    documentation: 'New connections accepted each second.',
  },
  {
    name: 'max.connections',
    type: 'int',
    default: '4096',
    minimum: 0n,
    documentation: 'Connections at one time.',
  },
  {
    name: 'max.connections.per.ip',
    type: 'int',
    default: '1024',
    minimum: 0n,
    documentation: 'Connections at one time from one address.',
  },
  {
    name: 'num.partitions',
    type: 'int',
    default: '1',
    minimum: 1n,
    maximum: 10_000n,
    documentation: 'Partitions of a topic where the creator of the topic does not say.',
  },
  {
    name: 'queued.max.request.bytes',
    type: 'long',
    default: '134217728',
    minimum: 2_097_152n,
    documentation: 'Bytes of requests being received or answered, over all connections; reading pauses at the limit.',
  },
  {
    name: 'socket.request.max.bytes',
    type: 'int',
    default: '104857600',
    minimum: 1n,
    documentation: 'The largest request.',
  },
];

let definitionsByName: ReadonlyMap<string, ConfigDefinition> | undefined;

/** Every broker setting, by name in alphabetical order. */
export function brokerSettingDefinitions(): ReadonlyMap<string, ConfigDefinition> {
  definitionsByName ??= new Map(
    [...OWN_SETTINGS, ...topicDefaultSettings()]
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .map((definition) => [definition.name, definition]),
  );
  return definitionsByName;
}

/** Reads and checks what the flags say. Throws SettingsError. */
export function brokerSettings(flags: SettingFlags): BrokerSettings {
  const given = new Map<string, string>();
  if (flags.configText !== undefined) {
    for (const [name, value] of parseProperties(flags.configText)) setChecked(given, name, value);
  }
  for (const assignment of flags.assignments ?? []) {
    const equals = assignment.indexOf('=');
    if (equals <= 0) throw new SettingsError(`'${assignment}' is not of the form name=value`);
    setChecked(given, assignment.slice(0, equals).trim(), assignment.slice(equals + 1).trim());
  }
  if (flags.durability !== undefined) setChecked(given, DURABILITY_CONFIG, flags.durability);
  return { given };
}

/** The settings in effect: flags over the directory's over the defaults. */
export class EffectiveSettings {
  readonly #given: ReadonlyMap<string, string>;
  readonly #kept: () => ReadonlyMap<string, string>;

  /** `kept` gives the directory's settings as they are now; names in it that are not known here are left alone. */
  constructor(settings: BrokerSettings, kept: () => ReadonlyMap<string, string>) {
    this.#given = settings.given;
    this.#kept = kept;
  }

  /** What flag or directory sets; undefined where the default holds. */
  readonly explicit = (name: string): ConfigValue | undefined => {
    const given = this.#given.get(name);
    if (given !== undefined) return { name, value: given, source: CONFIG_SOURCE.process };
    const kept = this.#kept().get(name);
    return kept === undefined ? undefined : { name, value: kept, source: CONFIG_SOURCE.directory };
  };

  /** All values of a setting, the one in effect first, the default last. */
  values(definition: ConfigDefinition): readonly ConfigValue[] {
    const { name } = definition;
    const values: ConfigValue[] = [];
    const given = this.#given.get(name);
    if (given !== undefined) values.push({ name, value: given, source: CONFIG_SOURCE.process });
    const kept = this.#kept().get(name);
    if (kept !== undefined) values.push({ name, value: kept, source: CONFIG_SOURCE.directory });
    values.push({ name, value: definition.default, source: CONFIG_SOURCE.default });
    return values;
  }

  number(name: string): number {
    return Number(this.#text(name));
  }

  flag(name: string): boolean {
    return this.#text(name) === 'true';
  }

  #text(name: string): string {
    const definition = brokerSettingDefinitions().get(name);
    if (definition === undefined) throw new Error(`no broker setting named ${name}`);
    return this.explicit(name)?.value ?? definition.default;
  }
}

function setChecked(given: Map<string, string>, name: string, value: string): void {
  const definition = brokerSettingDefinitions().get(name);
  if (definition === undefined) throw new SettingsError(`${name} is not a broker setting that has an effect`);
  const problem = problemWithValue(definition, value);
  if (problem !== undefined) throw new SettingsError(problem);
  given.set(name, canonicalValue(definition, value));
}

/** The broker settings that are defaults of topic configs: the topic's definition under the broker's name and unit. */
function topicDefaultSettings(): ConfigDefinition[] {
  return TOPIC_CONFIGS.flatMap((config) =>
    config.synonyms.map(({ name, factor }) => {
      const { synonyms: _, ...definition } = config;
      if (factor === 1n) return { ...definition, name };
      return {
        ...definition,
        name,
        type: 'int' as const,
        default: (BigInt(config.default) / factor).toString(),
        minimum: config.minimum === 0n ? 0n : 1n,
      };
    }),
  );
}
