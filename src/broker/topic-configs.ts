/** What a topic is configured to, and how the value of each config comes about: its own, the broker's, or the default. */

import { oneLine } from '../kernel/one-line.ts';
import { type CleanupPolicy, DEFAULT_LOG_CONFIG, type Durability, type LogConfig } from '../log/log-config.ts';
import { canonicalValue, listItems, problemWithValue } from './config-definition.ts';
import { DURABILITY_CONFIG, TOPIC_CONFIGS, type TopicConfigDefinition } from './topic-config-table.ts';

/** Where a value comes from; the numbers are those of DescribeConfigs. */
export const CONFIG_SOURCE = { topic: 1, broker: 2, directory: 3, process: 4, default: 5 } as const;
export type ConfigSource = (typeof CONFIG_SOURCE)[keyof typeof CONFIG_SOURCE];

/** Of broker settings, the first that sets a value wins: flags of the process, this broker's, those of all brokers. */
export const BROKER_SOURCES: readonly ConfigSource[] = [
  CONFIG_SOURCE.process,
  CONFIG_SOURCE.broker,
  CONFIG_SOURCE.directory,
];

/** A value of a config or of one of its synonyms, in the unit of `name`. */
export interface ConfigValue {
  readonly name: string;
  readonly value: string;
  readonly source: ConfigSource;
}

/** What a config comes to. */
export interface ResolvedConfig {
  readonly value: string | null;
  readonly source: ConfigSource;
  /** Every value that there is, from most to least specific. */
  readonly synonyms: readonly ConfigValue[];
}

/** What flags and directory set a broker setting to, in the order of BROKER_SOURCES; empty where they do not. */
export type BrokerSettingLookup = (name: string) => readonly ConfigValue[];

const CONFIG_BY_NAME: ReadonlyMap<string, TopicConfigDefinition> = new Map(
  TOPIC_CONFIGS.map((definition) => [definition.name, definition]),
);

/** undefined when there is no config of that name. */
export function topicConfigNamed(name: string): TopicConfigDefinition | undefined {
  return CONFIG_BY_NAME.get(name);
}

/** What is wrong with setting `name` to `text` on a topic; undefined when it may be set. */
export function problemWithTopicConfig(name: string, text: string): string | undefined {
  const definition = topicConfigNamed(name);
  return definition === undefined
    ? `${oneLine(name)} is not the name of a topic config`
    : problemWithValue(definition, text);
}

/** What is wrong with a whole set of configs; undefined when nothing is. */
export function problemWithTopicConfigs(configs: ReadonlyMap<string, string>): string | undefined {
  for (const [name, text] of configs) {
    const problem = problemWithTopicConfig(name, text);
    if (problem !== undefined) return problem;
  }
  const [least, most] = ['min.compaction.lag.ms', 'max.compaction.lag.ms'];
  const leastMs = configs.get(least) ?? '0';
  const mostMs = configs.get(most);
  if (mostMs === undefined || BigInt(leastMs) <= BigInt(mostMs)) return undefined;
  return `${least} (${leastMs}) must not be larger than ${most} (${mostMs})`;
}

/**
 * What a config comes to for a topic. A default synonym is told only where the most specific one has a default, as Kafka tells it.
 * What an older or newer release kept and this one cannot use does not count.
 */
export function resolveTopicConfig(
  definition: TopicConfigDefinition,
  topicConfigs: ReadonlyMap<string, string>,
  brokerSetting: BrokerSettingLookup,
): ResolvedConfig & { readonly value: string } {
  const { name, synonyms } = definition;
  const set = synonyms.flatMap((synonym) => brokerSetting(synonym.name));
  const ofBroker = BROKER_SOURCES.flatMap((source) => set.filter((value) => value.source === source));
  const defaults = synonyms.flatMap((synonym): ConfigValue[] =>
    synonym.default === null ? [] : [{ name: synonym.name, value: synonym.default, source: CONFIG_SOURCE.default }],
  );
  const isDefaultTold = ofBroker.length > 0 || defaults[0]?.name === synonyms[0]?.name;
  const others = isDefaultTold ? [...ofBroker, ...defaults] : [];
  const own = topicConfigs.get(name);
  if (own !== undefined && problemWithValue(definition, own) === undefined) {
    const source = CONFIG_SOURCE.topic;
    return { value: own, source, synonyms: [{ name, value: own, source }, ...others] };
  }
  const [first] = ofBroker;
  if (first === undefined) return { value: definition.default, source: CONFIG_SOURCE.default, synonyms: others };
  return { value: inUnitOf(definition, first), source: first.source, synonyms: others };
}

/** The log's own form of a topic's configs. */
export function logConfigOf(topicConfigs: ReadonlyMap<string, string>, brokerSetting: BrokerSettingLookup): LogConfig {
  const text = (name: string): string => {
    const definition = topicConfigNamed(name);
    if (definition === undefined) throw new Error(`no topic config named ${name}`);
    return canonicalValue(definition, resolveTopicConfig(definition, topicConfigs, brokerSetting).value);
  };
  const [producerIdExpiration] = brokerSetting('producer.id.expiration.ms');
  const cleanupPolicy = cleanupPolicyOf(text('cleanup.policy'));
  const segmentMs = safeNumber(text('segment.ms'));
  const maxCompactionLagMs = numberOrNever(text('max.compaction.lag.ms'));
  return {
    segmentBytes: safeNumber(text('segment.bytes')),
    // What is appended to is not compacted: it is left in time.
    segmentMs: cleanupPolicy === 'delete' ? segmentMs : Math.min(segmentMs, maxCompactionLagMs),
    segmentJitterMs: safeNumber(text('segment.jitter.ms')),
    indexIntervalBytes: safeNumber(text('index.interval.bytes')),
    segmentIndexBytes: safeNumber(text('segment.index.bytes')),
    maxMessageBytes: safeNumber(text('max.message.bytes')),
    timestampType: text('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: BigInt(text('message.timestamp.before.max.ms')),
    timestampAfterMaxMs: BigInt(text('message.timestamp.after.max.ms')),
    flushMessages: safeNumber(text('flush.messages')),
    flushMs: safeNumber(text('flush.ms')),
    durability: durabilityOf(text(DURABILITY_CONFIG)),
    compressionType: 'producer',
    cleanupPolicy,
    minCleanableDirtyRatio: Number(text('min.cleanable.dirty.ratio')),
    minCompactionLagMs: safeNumber(text('min.compaction.lag.ms')),
    maxCompactionLagMs,
    deleteRetentionMs: safeNumber(text('delete.retention.ms')),
    retentionMs: cleanupPolicy === 'compact' ? Number.POSITIVE_INFINITY : numberOrUnlimited(text('retention.ms')),
    retentionBytes: cleanupPolicy === 'compact' ? Number.POSITIVE_INFINITY : numberOrUnlimited(text('retention.bytes')),
    fileDeleteDelayMs: safeNumber(text('file.delete.delay.ms')),
    producerIdExpirationMs:
      producerIdExpiration === undefined
        ? DEFAULT_LOG_CONFIG.producerIdExpirationMs
        : safeNumber(producerIdExpiration.value),
    minInsyncReplicas: safeNumber(text('min.insync.replicas')),
  };
}

/** The value of a synonym in the unit of the topic's config; a negative one means unlimited in every unit. */
function inUnitOf({ synonyms }: TopicConfigDefinition, { name, value }: ConfigValue): string {
  const factor = synonyms.find((synonym) => synonym.name === name)?.factor ?? 1n;
  if (factor === 1n) return value;
  const count = BigInt(value);
  return (count < 0n ? count : count * factor).toString();
}

/** Anything negative means that there is no limit. */
function numberOrUnlimited(text: string): number {
  const number = safeNumber(text);
  return number < 0 ? Number.POSITIVE_INFINITY : number;
}

/** The largest int64 stands for never. */
function numberOrNever(text: string): number {
  const number = safeNumber(text);
  return number === Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : number;
}

/** Kafka's "never" and "unlimited" are the largest int64; as a number the largest exact one means the same. */
function safeNumber(text: string): number {
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function durabilityOf(text: string): Durability {
  return text === 'interval' || text === 'os' ? text : 'ack';
}

function cleanupPolicyOf(text: string): CleanupPolicy {
  const items = listItems(text);
  if (!items.includes('compact')) return 'delete';
  return items.includes('delete') ? 'compact,delete' : 'compact';
}
