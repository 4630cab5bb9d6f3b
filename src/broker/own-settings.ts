/**
 * The table of the broker's settings that are no topic config's default. Names, defaults and bounds are Kafka's where it has the
 * setting; where Kafka says unlimited, a default that a development machine survives.
 *
 * Source: Kafka 4.x ServerConfigs, ServerLogConfigs, SocketServerConfigs, ReplicationConfigs, TransactionLogConfig; of groups: group-settings.ts.
 */

import { CLEANER_SETTINGS } from './cleaner-settings.ts';
import type { ConfigDefinition } from './config-definition.ts';
import { CONNECTION_SETTINGS } from './connection-settings.ts';
import { GROUP_SETTINGS } from './group-settings.ts';

/** What `serve --max-disk` keeps in the directory. */
export const MAX_DISK_SETTING = 'streamctl.max.disk.bytes';

const ONE_BROKER = 'there is one broker so far';
const OWN_CHECKPOINTS = 'checkpoints are written every 5 seconds';

/** Settings that are not the default of a topic config. */
export const OWN_SETTINGS: readonly ConfigDefinition[] = [
  ...CLEANER_SETTINGS,
  ...CONNECTION_SETTINGS,
  ...GROUP_SETTINGS,
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
    fixed: true,
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
    name: 'log.flush.offset.checkpoint.interval.ms',
    type: 'int',
    default: '60000',
    minimum: 0n,
    fixed: true,
    withoutEffect: OWN_CHECKPOINTS,
    documentation: 'How often recovery points are written.',
  },
  {
    name: 'log.retention.check.interval.ms',
    type: 'long',
    default: '300000',
    minimum: 1n,
    documentation: 'How often the broker looks for segments that retention deletes.',
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
    documentation: 'Connections at one time by TCP; those of commands on the directory are not counted.',
  },
  {
    name: 'max.connections.per.ip',
    type: 'int',
    default: '1024',
    minimum: 0n,
    documentation: 'Connections at one time from one address.',
  },
  {
    name: 'max.request.partition.size.limit',
    type: 'int',
    default: '2000',
    minimum: 1n,
    documentation: 'The most partitions that one answer to DescribeTopicPartitions holds.',
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
    name: 'producer.id.expiration.ms',
    type: 'int',
    default: '86400000',
    minimum: 1n,
    documentation: 'How long a producer that sends nothing is remembered.',
  },
  {
    name: 'queued.max.request.bytes',
    type: 'long',
    default: '134217728',
    minimum: 2_097_152n,
    documentation: 'Bytes of requests being received or answered, over all connections; reading pauses at the limit.',
  },
  {
    name: 'replica.high.watermark.checkpoint.interval.ms',
    type: 'long',
    default: '5000',
    minimum: 0n,
    fixed: true,
    withoutEffect: OWN_CHECKPOINTS,
    documentation: 'How often high watermarks are written.',
  },
  {
    name: 'socket.request.max.bytes',
    type: 'int',
    default: '104857600',
    minimum: 1n,
    fixed: true,
    documentation: 'The largest request.',
  },
  {
    name: MAX_DISK_SETTING,
    type: 'long',
    default: '-1',
    minimum: 67_108_864n,
    also: -1n,
    documentation:
      'The most bytes that the directory may take; the oldest segments go first, and when none is left nothing is appended. -1 is no limit.',
  },
  {
    name: 'streamctl.max.partitions',
    type: 'int',
    default: '100000',
    minimum: 1n,
    documentation: 'The most partitions that the directory may hold.',
  },
];
