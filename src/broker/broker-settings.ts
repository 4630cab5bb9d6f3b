/**
 * The broker's own settings, under Kafka's names. A value comes from a flag of this process (`-X`, `--config`,
 * `--durability`), else from the settings that the directory keeps in its metadata log, for this broker before those for all
 * brokers, else it is the default.
 */

import type { ConfigDefinition } from './config-definition.ts';
import { canonicalValue, listItems, problemWithValue } from './config-definition.ts';
import { MAX_DISK_SETTING, OWN_SETTINGS } from './own-settings.ts';
import { parseProperties } from './properties.ts';
import {
  type BrokerSynonym,
  DURABILITY_CONFIG,
  TOPIC_CONFIGS,
  type TopicConfigDefinition,
} from './topic-config-table.ts';
import { BROKER_SOURCES, CONFIG_SOURCE, type ConfigValue, type ResolvedConfig } from './topic-configs.ts';

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

interface SettingTables {
  readonly definitions: ReadonlyMap<string, ConfigDefinition>;
  /** The settings that stand for the same topic config as the one of that name, most specific first. */
  readonly synonyms: ReadonlyMap<string, readonly string[]>;
}

let tables: SettingTables | undefined;

/** Every broker setting, by name in alphabetical order. */
export function brokerSettingDefinitions(): ReadonlyMap<string, ConfigDefinition> {
  return settingTables().definitions;
}

/** What is wrong with setting `name` to `text` on a broker; undefined when it may be set. */
export function problemWithBrokerSetting(name: string, text: string): string | undefined {
  const definition = brokerSettingDefinitions().get(name);
  return definition === undefined
    ? `${name} is not a broker setting that is known here`
    : problemWithValue(definition, text);
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

/** The name under which the directory keeps a setting: of one broker, or of all where `brokerId` is undefined. */
export function keptSettingName(name: string, brokerId: number | undefined): string {
  return brokerId === undefined ? name : `${brokerId}:${name}`;
}

/** What the directory keeps for one broker, or for all where `brokerId` is undefined, by the settings' own names. */
export function keptSettings(all: ReadonlyMap<string, string>, brokerId: number | undefined): Map<string, string> {
  const prefix = keptSettingName('', brokerId);
  const kept = new Map<string, string>();
  for (const [name, value] of all) {
    const isOfOneBroker = /^\d+:/.test(name);
    if (brokerId === undefined ? !isOfOneBroker : name.startsWith(prefix)) kept.set(name.slice(prefix.length), value);
  }
  return kept;
}

/** The settings in effect: flags over the directory's over the defaults. */
export class EffectiveSettings {
  readonly #given: ReadonlyMap<string, string>;
  readonly #kept: () => ReadonlyMap<string, string>;
  readonly #brokerId: number;
  readonly #tell: (problem: string) => void;
  readonly #told = new Set<string>();
  /** What `#kept` gave when `#set` was made: it gives another map when something changed. */
  #seen: ReadonlyMap<string, string> | undefined;
  #set: ReadonlyMap<string, readonly ConfigValue[]> = new Map();

  /**
   * `kept` gives the directory's settings as they are now. Names in it that are not known here are left alone; a value that cannot
   * be used does not count, and `tell` is told of it once.
   */
  constructor(
    settings: BrokerSettings,
    kept: () => ReadonlyMap<string, string>,
    brokerId: number,
    tell: (problem: string) => void = () => undefined,
  ) {
    this.#given = settings.given;
    this.#kept = kept;
    this.#brokerId = brokerId;
    this.#tell = tell;
  }

  /** What flags and directory set, the value in effect first; empty where the default holds. */
  readonly explicit = (name: string): readonly ConfigValue[] => this.#current().get(name) ?? [];

  /** What a setting is, with its synonyms as Kafka tells them: those of its name and the less specific ones after it. */
  resolve(definition: ConfigDefinition): ResolvedConfig {
    const names = settingTables().synonyms.get(definition.name) ?? [definition.name];
    const set = names.flatMap(this.explicit);
    const values = BROKER_SOURCES.flatMap((source) => set.filter((value) => value.source === source));
    for (const name of names) {
      const value = brokerSettingDefinitions().get(name)?.default;
      if (typeof value === 'string') values.push({ name, value, source: CONFIG_SOURCE.default });
    }
    const own = values.findIndex(({ name }) => name === definition.name);
    const synonyms = own < 0 ? [] : values.slice(own);
    return { value: synonyms[0]?.value ?? null, source: synonyms[0]?.source ?? CONFIG_SOURCE.default, synonyms };
  }

  number(name: string): number {
    return Number(this.#text(name));
  }

  /** The cap on the directory's size; Infinity: there is none. */
  get maxDiskBytes(): number {
    const bytes = this.number(MAX_DISK_SETTING);
    return bytes < 0 ? Number.POSITIVE_INFINITY : bytes;
  }

  /** The items of a list. */
  list(name: string): readonly string[] {
    return listItems(this.#text(name));
  }

  flag(name: string): boolean {
    return this.#text(name) === 'true';
  }

  #text(name: string): string {
    const definition = brokerSettingDefinitions().get(name);
    if (definition === undefined) throw new Error(`no broker setting named ${name}`);
    const text = this.explicit(name)[0]?.value ?? definition.default;
    if (text === null) throw new Error(`${name} has no value of its own`);
    return text;
  }

  #current(): ReadonlyMap<string, readonly ConfigValue[]> {
    const all = this.#kept();
    if (all === this.#seen) return this.#set;
    const set = new Map<string, ConfigValue[]>();
    const layers = [
      [CONFIG_SOURCE.process, this.#given],
      [CONFIG_SOURCE.broker, keptSettings(all, this.#brokerId)],
      [CONFIG_SOURCE.directory, keptSettings(all, undefined)],
    ] as const;
    for (const [source, values] of layers) {
      for (const [name, value] of values) {
        if (!this.#isUsable(name, value)) continue;
        set.set(name, [...(set.get(name) ?? []), { name, value, source }]);
      }
    }
    this.#seen = all;
    this.#set = set;
    return set;
  }

  #isUsable(name: string, value: string): boolean {
    if (!brokerSettingDefinitions().has(name)) return false;
    const problem = problemWithBrokerSetting(name, value);
    if (problem === undefined) return true;
    if (!this.#told.has(problem)) {
      this.#told.add(problem);
      this.#tell(`a setting of the directory does not count: ${problem}`);
    }
    return false;
  }
}

function setChecked(given: Map<string, string>, name: string, value: string): void {
  const problem = problemWithBrokerSetting(name, value);
  const definition = brokerSettingDefinitions().get(name);
  if (problem !== undefined || definition === undefined) throw new SettingsError(problem);
  given.set(name, canonicalValue(definition, value));
}

function settingTables(): SettingTables {
  tables ??= madeTables();
  return tables;
}

function madeTables(): SettingTables {
  const ofTopics = TOPIC_CONFIGS.flatMap((config) => config.synonyms.map((synonym) => topicDefault(config, synonym)));
  const definitions = [...OWN_SETTINGS, ...ofTopics].sort((left, right) => (left.name < right.name ? -1 : 1));
  return {
    definitions: new Map(definitions.map((definition) => [definition.name, definition])),
    synonyms: new Map(
      TOPIC_CONFIGS.flatMap(({ synonyms }) => {
        const names = synonyms.map(({ name }) => name);
        return names.map((name) => [name, names] as const);
      }),
    ),
  };
}

/** A broker setting that is the default of a topic config: the topic's definition under the broker's name and unit. */
function topicDefault(config: TopicConfigDefinition, synonym: BrokerSynonym): ConfigDefinition {
  const { synonyms: _, ...definition } = config;
  const { name, factor } = synonym;
  if (factor === 1n) return { ...definition, name, default: synonym.default };
  const minimum = config.minimum !== undefined && config.minimum < 1n ? config.minimum : 1n;
  return { ...definition, name, type: 'int', default: synonym.default, minimum };
}
