/**
 * The configs of a topic: those that have an effect today, with Kafka's names, types, defaults and bounds, and how the
 * value of each comes about. Kafka's other names are refused with a message that says so: a config that is stored and
 * ignored would be a lie about what happens to the data.
 *
 * Source: Kafka 4.x TopicConfig.java, LogConfig.java, ServerTopicConfigSynonyms.java.
 */

import type { Durability, LogConfig } from '../log/log-config.ts';
import type { ConfigDefinition } from './config-definition.ts';
import { canonicalValue, problemWithValue } from './config-definition.ts';

export interface TopicConfigDefinition extends ConfigDefinition {
  /** The broker settings that give the default, most specific first. */
  readonly synonyms: readonly BrokerSynonym[];
}

export interface BrokerSynonym {
  readonly name: string;
  /** Milliseconds in one unit of the broker setting, for `log.roll.hours` and its like; 1n where the units agree. */
  readonly factor: bigint;
}

/** Where a value comes from; the numbers are those of DescribeConfigs. */
export const CONFIG_SOURCE = { topic: 1, directory: 3, process: 4, default: 5 } as const;
export type ConfigSource = (typeof CONFIG_SOURCE)[keyof typeof CONFIG_SOURCE];

/** A value of a config or of one of its synonyms. */
export interface ConfigValue {
  readonly name: string;
  readonly value: string;
  readonly source: ConfigSource;
}

/** What the broker itself is set to, as this file needs it: undefined where neither flag nor directory sets `name`. */
export type BrokerSettingLookup = (name: string) => ConfigValue | undefined;

export const DURABILITY_CONFIG = 'streamctl.durability';
const MAX_LONG = '9223372036854775807';
/**
 * Less than Kafka's: a request of the largest size (socket.request.max.bytes, 100 MiB) must have room for a batch of this size,
 * and the log takes a length of more than 128 MiB for damage.
 */
const MAX_MESSAGE_BYTES = 99n << 20n;
const KEEPS_ALL = 'nothing is deleted by age or size yet';

const synonym = (name: string, factor = 1n): BrokerSynonym => ({ name, factor });
const HOUR_MS = 3_600_000n;

export const TOPIC_CONFIGS: readonly TopicConfigDefinition[] = [
  {
    name: 'cleanup.policy',
    type: 'list',
    default: 'delete',
    allowed: ['delete'],
    because: 'compaction does not work yet',
    synonyms: [synonym('log.cleanup.policy')],
    documentation: 'What happens to old segments.',
  },
  {
    name: 'compression.type',
    type: 'string',
    default: 'producer',
    allowed: ['producer'],
    because: 'batches are stored as the producer sent them; recompression does not work yet',
    synonyms: [synonym('compression.type')],
    documentation: 'The codec in which batches are stored.',
  },
  {
    name: 'flush.messages',
    type: 'long',
    default: MAX_LONG,
    minimum: 1n,
    synonyms: [synonym('log.flush.interval.messages')],
    documentation: 'Sync the log after this many records at the latest, whatever the durability.',
  },
  {
    name: 'flush.ms',
    type: 'long',
    default: MAX_LONG,
    minimum: 0n,
    synonyms: [synonym('log.flush.interval.ms')],
    documentation: 'Sync the log after this many milliseconds at the latest, whatever the durability.',
  },
  {
    name: 'index.interval.bytes',
    type: 'int',
    default: '4096',
    minimum: 0n,
    synonyms: [synonym('log.index.interval.bytes')],
    documentation: 'Bytes of log between two entries of an index.',
  },
  {
    name: 'max.message.bytes',
    type: 'int',
    default: '1048588',
    minimum: 0n,
    maximum: MAX_MESSAGE_BYTES,
    synonyms: [synonym('message.max.bytes')],
    documentation: 'The largest record batch that is accepted, in bytes, as it was sent.',
  },
  {
    name: 'message.timestamp.after.max.ms',
    type: 'long',
    default: '3600000',
    minimum: 0n,
    synonyms: [synonym('log.message.timestamp.after.max.ms')],
    documentation: 'How far ahead of the broker a record’s timestamp may be, with CreateTime.',
  },
  {
    name: 'message.timestamp.before.max.ms',
    type: 'long',
    default: MAX_LONG,
    minimum: 0n,
    synonyms: [synonym('log.message.timestamp.before.max.ms')],
    documentation: 'How far behind the broker a record’s timestamp may be, with CreateTime.',
  },
  {
    name: 'message.timestamp.type',
    type: 'string',
    default: 'CreateTime',
    allowed: ['CreateTime', 'LogAppendTime'],
    synonyms: [synonym('log.message.timestamp.type')],
    documentation: 'Whether a record keeps its own timestamp or gets that of its append.',
  },
  {
    name: 'min.insync.replicas',
    type: 'int',
    default: '1',
    minimum: 1n,
    allowed: ['1'],
    because: 'partitions have one replica until there are several brokers',
    synonyms: [synonym('min.insync.replicas')],
    documentation: 'How many replicas must hold a record before acks=all is answered.',
  },
  {
    name: 'retention.bytes',
    type: 'long',
    default: '-1',
    allowed: ['-1'],
    because: KEEPS_ALL,
    synonyms: [synonym('log.retention.bytes')],
    documentation: 'Old segments are deleted when a partition grows over this; -1 keeps all.',
  },
  {
    name: 'retention.ms',
    type: 'long',
    default: '-1',
    allowed: ['-1'],
    because: KEEPS_ALL,
    synonyms: [synonym('log.retention.ms')],
    documentation: 'Segments older than this are deleted; -1 keeps all.',
  },
  {
    name: 'segment.bytes',
    type: 'int',
    default: '1073741824',
    minimum: 1_048_576n,
    synonyms: [synonym('log.segment.bytes')],
    documentation: 'The size at which a new segment is begun.',
  },
  {
    name: 'segment.index.bytes',
    type: 'int',
    default: '10485760',
    minimum: 4n,
    synonyms: [synonym('log.index.size.max.bytes')],
    documentation: 'The largest size of an index; a new segment is begun when it is reached.',
  },
  {
    name: 'segment.jitter.ms',
    type: 'long',
    default: '0',
    minimum: 0n,
    synonyms: [synonym('log.roll.jitter.ms'), synonym('log.roll.jitter.hours', HOUR_MS)],
    documentation: 'A segment may begin up to this much before segment.ms, by chance.',
  },
  {
    name: 'segment.ms',
    type: 'long',
    default: '604800000',
    minimum: 1n,
    synonyms: [synonym('log.roll.ms'), synonym('log.roll.hours', HOUR_MS)],
    documentation: 'The age of its first record at which a segment is closed and a new one begun.',
  },
  {
    name: DURABILITY_CONFIG,
    type: 'string',
    default: 'ack',
    allowed: ['ack', 'interval', 'os'],
    synonyms: [synonym(DURABILITY_CONFIG)],
    documentation:
      'ack: what is acknowledged with acks=all is on the disk. interval: it is synced within flush.ms, 1 s by default. ' +
      'os: the system writes it when it likes, as Kafka does by default.',
  },
];

/** Kafka's other topic configs: known by name, without effect so far. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.zstd.level',
  'delete.retention.ms',
  'errors.deadletterqueue.group.enable',
  'file.delete.delay.ms',
  'follower.replication.throttled.replicas',
  'leader.replication.throttled.replicas',
  'local.retention.bytes',
  'local.retention.ms',
  'max.compaction.lag.ms',
  'message.downconversion.enable',
  'message.format.version',
  'message.timestamp.difference.max.ms',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'preallocate',
  'remote.copy.lag.bytes',
  'remote.copy.lag.ms',
  'remote.log.copy.disable',
  'remote.log.delete.on.disable',
  'remote.storage.enable',
  'unclean.leader.election.enable',
]);

/** undefined when there is no config of that name with an effect. */
export function topicConfigNamed(name: string): TopicConfigDefinition | undefined {
  return TOPIC_CONFIGS.find((definition) => definition.name === name);
}

/** What is wrong with setting `name` to `text` on a topic; undefined when it may be set. */
export function problemWithTopicConfig(name: string, text: string): string | undefined {
  const definition = topicConfigNamed(name);
  if (definition !== undefined) return problemWithValue(definition, text);
  if (WITHOUT_EFFECT.has(name)) return `${name} has no effect in this version of streamctl yet and cannot be set`;
  return `${name} is not the name of a topic config`;
}

/** What is wrong with a whole set of configs, each by itself being right; undefined when nothing is. */
export function problemWithTopicConfigs(configs: ReadonlyMap<string, string>): string | undefined {
  for (const [name, text] of configs) {
    const problem = problemWithTopicConfig(name, text);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/**
 * All values that a config has for a topic: the topic's own, the broker settings that are set, those that this process was
 * given before those that the directory keeps, each the most specific first, and the default. The first is in effect.
 */
export function topicConfigValues(
  definition: TopicConfigDefinition,
  topicConfigs: ReadonlyMap<string, string>,
  brokerSetting: BrokerSettingLookup,
): readonly [ConfigValue, ...ConfigValue[]] {
  const { name } = definition;
  const own = topicConfigs.get(name);
  const ofTopic: ConfigValue[] = own === undefined ? [] : [{ name, value: own, source: CONFIG_SOURCE.topic }];
  const ofBroker: ConfigValue[] = [];
  for (const { name: brokerName, factor } of definition.synonyms) {
    const set = brokerSetting(brokerName);
    if (set === undefined) continue;
    const value = factor === 1n ? set.value : (BigInt(set.value) * factor).toString();
    ofBroker.push({ name: brokerName, value, source: set.source });
  }
  const ofProcess = ofBroker.filter(({ source }) => source === CONFIG_SOURCE.process);
  const ofDirectory = ofBroker.filter(({ source }) => source !== CONFIG_SOURCE.process);
  const fallback: ConfigValue = {
    name: definition.synonyms[0]?.name ?? name,
    value: definition.default,
    source: CONFIG_SOURCE.default,
  };
  const [first, ...rest] = [...ofTopic, ...ofProcess, ...ofDirectory, fallback];
  return first === undefined ? [fallback] : [first, ...rest];
}

/** The log's own form of a topic's configs. */
export function logConfigOf(topicConfigs: ReadonlyMap<string, string>, brokerSetting: BrokerSettingLookup): LogConfig {
  const text = (name: string): string => {
    const definition = topicConfigNamed(name);
    if (definition === undefined) throw new Error(`no topic config named ${name}`);
    return canonicalValue(definition, topicConfigValues(definition, topicConfigs, brokerSetting)[0].value);
  };
  return {
    segmentBytes: safeNumber(text('segment.bytes')),
    segmentMs: safeNumber(text('segment.ms')),
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
    cleanupPolicy: 'delete',
    retentionMs: numberOrUnlimited(text('retention.ms')),
    retentionBytes: numberOrUnlimited(text('retention.bytes')),
    fileDeleteDelayMs: 60_000,
    producerIdExpirationMs: 86_400_000,
    minInsyncReplicas: safeNumber(text('min.insync.replicas')),
  };
}

/** Anything negative means that there is no limit. */
function numberOrUnlimited(text: string): number {
  const number = safeNumber(text);
  return number < 0 ? Number.POSITIVE_INFINITY : number;
}

/** Kafka's "never" and "unlimited" are the largest int64; as a number the largest exact one means the same. */
function safeNumber(text: string): number {
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function durabilityOf(text: string): Durability {
  return text === 'interval' || text === 'os' ? text : 'ack';
}
