import assert from 'node:assert/strict';
import { brokerSettings, EffectiveSettings } from '../../src/broker/broker-settings.ts';
import { groupSettings } from '../../src/broker/group-settings.ts';

describe('settings of groups', () => {
  it('are read at each look, in milliseconds, with defaults of their own', () => {
    let kept = new Map<string, string>();
    const settings = groupSettings(new EffectiveSettings(brokerSettings({}), () => kept, 1));
    assert.deepEqual(
      { ...settings },
      {
        initialRebalanceDelayMs: 0,
        minSessionTimeoutMs: 6000,
        maxSessionTimeoutMs: 1_800_000,
        maxSize: 2_147_483_647,
        offsetMetadataMaxBytes: 4096,
        offsetsRetentionMs: 604_800_000,
        consumerSessionTimeoutMs: 6000,
        consumerHeartbeatIntervalMs: 2000,
        consumerMaxSize: 2_147_483_647,
        consumerAssignors: ['uniform', 'range'],
      },
    );
    kept = new Map([
      ['group.max.size', '3'],
      ['offsets.retention.minutes', '1'],
    ]);
    assert.deepEqual([settings.maxSize, settings.offsetsRetentionMs], [3, 60_000]);
  });

  it('keep sessions within their bounds, and three heartbeats within a session', () => {
    const assignments = ['group.consumer.session.timeout.ms=3000', 'group.consumer.heartbeat.interval.ms=5000'];
    const settings = groupSettings(new EffectiveSettings(brokerSettings({ assignments }), () => new Map(), 1));
    assert.deepEqual([settings.consumerSessionTimeoutMs, settings.consumerHeartbeatIntervalMs], [6000, 2000]);
  });
});
