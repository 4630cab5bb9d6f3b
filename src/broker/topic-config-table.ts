/**
 * The table of a topic's configs: Kafka's names, types, defaults, bounds and broker synonyms, and our own. What works here is
 * told from what is only kept (`withoutEffect`): tools that copy a topic's configs from a real Kafka set those too.
 *
 * Source: Kafka 4.x TopicConfig.java, LogConfig.java, ServerTopicConfigSynonyms.java, and `kafka-configs --describe --all`.
 */

import type { ConfigDefinition } from './config-definition.ts';

export interface TopicConfigDefinition extends ConfigDefinition {
  readonly default: string;
  /** The broker settings that give the default, most specific first. */
  readonly synonyms: readonly BrokerSynonym[];
}

export interface BrokerSynonym {
  readonly name: string;
  /** Milliseconds in one unit of the broker setting, for `log.roll.hours` and its like; 1n where the units agree. */
  readonly factor: bigint;
  /** As Kafka has it: null where a less specific synonym has the default. */
  readonly default: string | null;
}

export const DURABILITY_CONFIG = 'streamctl.durability';
const MAX_LONG = '9223372036854775807';
/**
 * Less than Kafka's: a request of the largest size (socket.request.max.bytes, 100 MiB) must have room for a batch of this size,
 * and the log takes a length of more than 128 MiB for damage.
 */
const MAX_MESSAGE_BYTES = 99n << 20n;
const MINUTE_MS = 60_000n;
const HOUR_MS = 3_600_000n;

const NOTHING_RECOMPRESSED = 'batches are stored as the producer sent them';
const ONE_REPLICA = 'partitions have one replica';
const NO_TIERS = 'there is no remote storage';
const DEAD = 'Kafka ignores it as well';

/** A row: the broker setting `synonym` has the same default. */
function row(
  name: string,
  type: ConfigDefinition['type'],
  value: string,
  synonym: string | readonly BrokerSynonym[] | undefined,
  documentation: string,
  more: Omit<Partial<ConfigDefinition>, 'default'> = {},
): TopicConfigDefinition {
  const synonyms = typeof synonym === 'string' ? [sameUnit(synonym, value)] : (synonym ?? []);
  return { name, type, default: value, synonyms, documentation, ...more };
}

function sameUnit(name: string, value: string | null): BrokerSynonym {
  return { name, factor: 1n, default: value };
}

const AT_LEAST_0 = { minimum: 0n };
const AT_LEAST_1 = { minimum: 1n };

const WORKING: readonly TopicConfigDefinition[] = [
  row(
    'cleanup.policy',
    'list',
    'delete',
    'log.cleanup.policy',
    'delete: old segments go. compact: of each key the newest record stays.',
    {
      allowed: ['delete', 'compact'],
    },
  ),
  row('compression.type', 'string', 'producer', 'compression.type', 'The codec in which batches are stored.', {
    allowed: ['producer'],
    because: `${NOTHING_RECOMPRESSED}; recompression does not work yet`,
  }),
  row(
    'delete.retention.ms',
    'long',
    '86400000',
    'log.cleaner.delete.retention.ms',
    'How long the marks of deleted keys stay.',
    { minimum: 0n },
  ),
  row(
    'file.delete.delay.ms',
    'long',
    '60000',
    'log.segment.delete.delay.ms',
    'How long the files of a deleted segment stay on the disk.',
    AT_LEAST_0,
  ),
  row(
    'flush.messages',
    'long',
    MAX_LONG,
    'log.flush.interval.messages',
    'Sync the log after this many records at the latest, whatever the durability.',
    AT_LEAST_1,
  ),
  row(
    'flush.ms',
    'long',
    MAX_LONG,
    [sameUnit('log.flush.interval.ms', null), sameUnit('log.flush.scheduler.interval.ms', MAX_LONG)],
    'Sync the log after this many milliseconds at the latest, whatever the durability.',
    AT_LEAST_0,
  ),
  row(
    'index.interval.bytes',
    'int',
    '4096',
    'log.index.interval.bytes',
    'Bytes of log between two entries of an index.',
    AT_LEAST_0,
  ),
  row(
    'max.compaction.lag.ms',
    'long',
    MAX_LONG,
    'log.cleaner.max.compaction.lag.ms',
    'How long a record may stay uncompacted.',
    { minimum: 1n },
  ),
  row(
    'max.message.bytes',
    'int',
    '1048588',
    'message.max.bytes',
    'The largest record batch that is accepted, in bytes, as it was sent.',
    { minimum: 0n, maximum: MAX_MESSAGE_BYTES },
  ),
  row(
    'message.timestamp.after.max.ms',
    'long',
    '3600000',
    'log.message.timestamp.after.max.ms',
    'How far ahead of the broker a record’s timestamp may be, with CreateTime.',
    AT_LEAST_0,
  ),
  row(
    'message.timestamp.before.max.ms',
    'long',
    MAX_LONG,
    'log.message.timestamp.before.max.ms',
    'How far behind the broker a record’s timestamp may be, with CreateTime.',
    AT_LEAST_0,
  ),
  row(
    'message.timestamp.type',
    'string',
    'CreateTime',
    'log.message.timestamp.type',
    'Whether a record keeps its own timestamp or gets that of its append.',
    { allowed: ['CreateTime', 'LogAppendTime'] },
  ),
  row(
    'min.cleanable.dirty.ratio',
    'double',
    '0.5',
    'log.cleaner.min.cleanable.ratio',
    'The part of a log that must be uncompacted before it is compacted.',
    { minimum: 0n, maximum: 1n },
  ),
  row(
    'min.compaction.lag.ms',
    'long',
    '0',
    'log.cleaner.min.compaction.lag.ms',
    'How long a record stays uncompacted.',
    { minimum: 0n },
  ),
  row(
    'min.insync.replicas',
    'int',
    '1',
    'min.insync.replicas',
    'How many replicas must hold a record before acks=all is answered; of a partition that has fewer, all.',
    AT_LEAST_1,
  ),
  row(
    'retention.bytes',
    'long',
    '-1',
    'log.retention.bytes',
    'Old segments are deleted while a partition is larger than this; -1 keeps all.',
  ),
  row(
    'retention.ms',
    'long',
    '604800000',
    [
      sameUnit('log.retention.ms', null),
      { name: 'log.retention.minutes', factor: MINUTE_MS, default: null },
      { name: 'log.retention.hours', factor: HOUR_MS, default: '168' },
    ],
    'Segments whose newest record is older than this are deleted; -1 keeps all.',
    { minimum: -1n },
  ),
  row('segment.bytes', 'int', '1073741824', 'log.segment.bytes', 'The size at which a new segment is begun.', {
    minimum: 1_048_576n,
  }),
  row(
    'segment.index.bytes',
    'int',
    '10485760',
    'log.index.size.max.bytes',
    'The largest size of an index; a new segment is begun when it is reached.',
    { minimum: 4n },
  ),
  row(
    'segment.jitter.ms',
    'long',
    '0',
    [sameUnit('log.roll.jitter.ms', null), { name: 'log.roll.jitter.hours', factor: HOUR_MS, default: '0' }],
    'A segment may begin up to this much before segment.ms, by chance.',
    AT_LEAST_0,
  ),
  row(
    'segment.ms',
    'long',
    '604800000',
    [sameUnit('log.roll.ms', null), { name: 'log.roll.hours', factor: HOUR_MS, default: '168' }],
    'The age of its first record at which a segment is closed and a new one begun.',
    AT_LEAST_1,
  ),
  row(
    DURABILITY_CONFIG,
    'string',
    'ack',
    DURABILITY_CONFIG,
    'ack: what is acknowledged with acks=all is on the disk. interval: it is synced within flush.ms, 1 s by default. ' +
      'os: the system writes it when it likes, as Kafka does by default.',
    { allowed: ['ack', 'interval', 'os'] },
  ),
];

/** A list of `partition:broker`, or `*` for all replicas. */
const THROTTLED_REPLICAS = /^(\*|)$|^\d+:\d+(,\d+:\d+)*$/;

/** Kept and shown, and told by `topics describe` to have no effect here. */
const KEPT: readonly TopicConfigDefinition[] = [
  row('compression.gzip.level', 'int', '-1', 'compression.gzip.level', 'The level of gzip.', {
    minimum: 1n,
    maximum: 9n,
    also: -1n,
    withoutEffect: NOTHING_RECOMPRESSED,
  }),
  row('compression.lz4.level', 'int', '9', 'compression.lz4.level', 'The level of lz4.', {
    minimum: 1n,
    maximum: 17n,
    withoutEffect: NOTHING_RECOMPRESSED,
  }),
  row('compression.zstd.level', 'int', '3', 'compression.zstd.level', 'The level of zstd.', {
    minimum: -131_072n,
    maximum: 22n,
    withoutEffect: NOTHING_RECOMPRESSED,
  }),
  row('errors.deadletterqueue.group.enable', 'boolean', 'false', undefined, 'Whether share groups may write here.', {
    withoutEffect: 'there are no share groups',
    onlyWhenSet: true,
  }),
  row('follower.replication.throttled.replicas', 'list', '', undefined, 'Followers whose replication is throttled.', {
    pattern: THROTTLED_REPLICAS,
    withoutEffect: ONE_REPLICA,
  }),
  row('leader.replication.throttled.replicas', 'list', '', undefined, 'Leaders whose replication is throttled.', {
    pattern: THROTTLED_REPLICAS,
    withoutEffect: ONE_REPLICA,
  }),
  row('local.retention.bytes', 'long', '-2', 'log.local.retention.bytes', 'Bytes kept of what is stored elsewhere.', {
    minimum: -2n,
    withoutEffect: NO_TIERS,
  }),
  row('local.retention.ms', 'long', '-2', 'log.local.retention.ms', 'Time for which what is stored elsewhere stays.', {
    minimum: -2n,
    withoutEffect: NO_TIERS,
  }),
  row('message.downconversion.enable', 'boolean', 'true', undefined, 'Whether old clients get old formats.', {
    withoutEffect: DEAD,
    onlyWhenSet: true,
  }),
  row('message.format.version', 'string', '3.0-IV1', undefined, 'The format of records.', {
    withoutEffect: DEAD,
    onlyWhenSet: true,
  }),
  row(
    'message.timestamp.difference.max.ms',
    'long',
    MAX_LONG,
    undefined,
    'Replaced by message.timestamp.before.max.ms.',
    {
      minimum: 0n,
      withoutEffect: DEAD,
      onlyWhenSet: true,
    },
  ),
  row('preallocate', 'boolean', 'false', 'log.preallocate', 'Whether a segment gets its full size at once.', {
    withoutEffect: 'zeros at the end of a segment would look like the rest of a torn write',
  }),
  row('remote.copy.lag.bytes', 'long', '-1', undefined, 'Bytes that may wait to be stored elsewhere.', {
    withoutEffect: NO_TIERS,
    onlyWhenSet: true,
  }),
  row('remote.copy.lag.ms', 'long', '-1', undefined, 'How long records may wait to be stored elsewhere.', {
    withoutEffect: NO_TIERS,
    onlyWhenSet: true,
  }),
  row('remote.log.copy.disable', 'boolean', 'false', undefined, 'Whether nothing more is stored elsewhere.', {
    withoutEffect: NO_TIERS,
  }),
  row('remote.log.delete.on.disable', 'boolean', 'false', undefined, 'Whether what is stored elsewhere goes.', {
    withoutEffect: NO_TIERS,
  }),
  row('remote.storage.enable', 'boolean', 'false', undefined, 'Whether old segments are stored elsewhere.', {
    allowed: ['false'],
    because: NO_TIERS,
    withoutEffect: NO_TIERS,
  }),
  row(
    'unclean.leader.election.enable',
    'boolean',
    'false',
    'unclean.leader.election.enable',
    'Whether a replica that is behind may become the leader.',
    { withoutEffect: ONE_REPLICA },
  ),
];

/** Every topic config, by name in alphabetical order. */
export const TOPIC_CONFIGS: readonly TopicConfigDefinition[] = [...WORKING, ...KEPT].sort((left, right) =>
  left.name < right.name ? -1 : 1,
);
