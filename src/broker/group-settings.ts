/**
 * The settings of groups and of the topic that keeps them. Names and bounds are Kafka's; three defaults are not: a rebalance waits for
 * no crowd, and sessions of KIP-848 members are short, since broker and members are one machine's.
 * Source: Kafka 4.x GroupCoordinatorConfig.java.
 */

import type { GroupSettings } from '../groups/group-settings.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import type { ConfigDefinition } from './config-definition.ts';

const ONE_BROKER = 'there is one broker so far';
const MINUTE_MS = 60_000;

export const GROUP_SETTINGS: readonly ConfigDefinition[] = [
  {
    name: 'group.consumer.assignors',
    type: 'list',
    default: 'uniform,range',
    allowed: ['uniform', 'range'],
    fixed: true,
    documentation:
      'How the broker assigns partitions to consumer groups (KIP-848); the first one where a group does not say.',
  },
  {
    name: 'group.consumer.heartbeat.interval.ms',
    type: 'int',
    default: '2000',
    minimum: 1n,
    documentation: 'How often members of consumer groups are to send a heartbeat; a third of the session at the most.',
  },
  {
    name: 'group.consumer.max.session.timeout.ms',
    type: 'int',
    default: '60000',
    minimum: 1n,
    documentation: 'The longest session of members of consumer groups.',
  },
  {
    name: 'group.consumer.max.size',
    type: 'int',
    default: '2147483647',
    minimum: 1n,
    documentation: 'The most members of a consumer group (KIP-848).',
  },
  {
    name: 'group.consumer.migration.policy',
    type: 'string',
    default: 'disabled',
    allowed: ['disabled'],
    because: 'groups do not change their protocol while they have members',
    fixed: true,
    documentation: 'Whether members of either protocol may join groups of the other one.',
  },
  {
    name: 'group.consumer.min.session.timeout.ms',
    type: 'int',
    default: '6000',
    minimum: 1n,
    documentation: 'The shortest session of members of consumer groups.',
  },
  {
    name: 'group.consumer.session.timeout.ms',
    type: 'int',
    default: '6000',
    minimum: 1n,
    documentation: 'A member of a consumer group (KIP-848) that is not heard of for so long is removed.',
  },
  {
    name: 'group.coordinator.rebalance.protocols',
    type: 'list',
    default: 'classic,consumer',
    allowed: ['classic', 'consumer'],
    fixed: true,
    withoutEffect: 'both protocols are always served',
    documentation: 'The rebalance protocols of groups.',
  },
  {
    name: 'group.initial.rebalance.delay.ms',
    type: 'int',
    default: '0',
    minimum: 0n,
    documentation: 'How long the first rebalance of an empty group waits for more members.',
  },
  {
    name: 'group.max.session.timeout.ms',
    type: 'int',
    default: '1800000',
    minimum: 1n,
    documentation: 'The longest session that a member may ask for.',
  },
  {
    name: 'group.max.size',
    type: 'int',
    default: '2147483647',
    minimum: 1n,
    documentation: 'The most members of a group.',
  },
  {
    name: 'group.min.session.timeout.ms',
    type: 'int',
    default: '6000',
    minimum: 1n,
    documentation: 'The shortest session that a member may ask for.',
  },
  {
    name: 'offset.metadata.max.bytes',
    type: 'int',
    default: '4096',
    minimum: 0n,
    documentation: 'The longest text that may be committed with an offset.',
  },
  {
    name: 'offsets.retention.check.interval.ms',
    type: 'long',
    default: '600000',
    minimum: 1n,
    documentation: 'How often the broker looks for committed offsets that have expired.',
  },
  {
    name: 'offsets.retention.minutes',
    type: 'int',
    default: '10080',
    minimum: 1n,
    documentation: 'How long committed offsets are kept that no member of their group needs.',
  },
  {
    name: 'offsets.topic.num.partitions',
    type: 'int',
    default: '50',
    minimum: 1n,
    maximum: 10_000n,
    fixed: true,
    documentation: 'Partitions of the topic of committed offsets when it is made; it keeps them.',
  },
  {
    name: 'offsets.topic.replication.factor',
    type: 'int',
    default: '1',
    allowed: ['1'],
    because: ONE_BROKER,
    fixed: true,
    documentation: 'Replicas of the topic of committed offsets.',
  },
  {
    name: 'offsets.topic.segment.bytes',
    type: 'int',
    default: '104857600',
    minimum: 1_048_576n,
    fixed: true,
    documentation: 'The size of segments of the topic of committed offsets when it is made.',
  },
];

/** The settings as they are at each look. */
export function groupSettings(settings: Pick<EffectiveSettings, 'number' | 'list'>): GroupSettings {
  return {
    get initialRebalanceDelayMs() {
      return settings.number('group.initial.rebalance.delay.ms');
    },
    get minSessionTimeoutMs() {
      return settings.number('group.min.session.timeout.ms');
    },
    get maxSessionTimeoutMs() {
      return settings.number('group.max.session.timeout.ms');
    },
    get maxSize() {
      return settings.number('group.max.size');
    },
    get offsetMetadataMaxBytes() {
      return settings.number('offset.metadata.max.bytes');
    },
    get offsetsRetentionMs() {
      return settings.number('offsets.retention.minutes') * MINUTE_MS;
    },
    get consumerSessionTimeoutMs() {
      const longest = settings.number('group.consumer.max.session.timeout.ms');
      const shortest = settings.number('group.consumer.min.session.timeout.ms');
      return Math.max(shortest, Math.min(longest, settings.number('group.consumer.session.timeout.ms')));
    },
    get consumerHeartbeatIntervalMs() {
      const longest = Math.max(1, Math.floor(this.consumerSessionTimeoutMs / 3));
      return Math.min(longest, settings.number('group.consumer.heartbeat.interval.ms'));
    },
    get consumerMaxSize() {
      return settings.number('group.consumer.max.size');
    },
    get consumerAssignors() {
      return settings.list('group.consumer.assignors');
    },
  };
}
