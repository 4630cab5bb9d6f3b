/** The configs of groups, by the names that `own-settings.ts` resolves; getters, read live. Times in milliseconds. */
export interface GroupSettings {
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number;
  /** group.min.session.timeout.ms, group.max.session.timeout.ms; both inclusive, for classic groups. */
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** group.max.size: members of a classic group. */
  readonly maxSize: number;
  /** offset.metadata.max.bytes; Kafka counts UTF-16 units. */
  readonly offsetMetadataMaxBytes: number;
  /** offsets.retention.minutes, in milliseconds. */
  readonly offsetsRetentionMs: number;
  /** group.consumer.session.timeout.ms */
  readonly consumerSessionTimeoutMs: number;
  /** group.consumer.heartbeat.interval.ms */
  readonly consumerHeartbeatIntervalMs: number;
  /** group.consumer.max.size: members of a KIP-848 group. */
  readonly consumerMaxSize: number;
  /** group.consumer.assignors: names; the first is the default. */
  readonly consumerAssignors: readonly string[];
}
