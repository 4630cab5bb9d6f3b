import assert from 'node:assert/strict';
import {
  brokerSettingDefinitions,
  brokerSettings,
  EffectiveSettings,
  SettingsError,
} from '../../src/broker/broker-settings.ts';
import { problemWithValue } from '../../src/broker/config-definition.ts';
import { logConfigOf } from '../../src/broker/topic-configs.ts';

const NONE = new Map<string, string>();

describe('broker settings', () => {
  it('come from the file, then -X, then --durability', () => {
    const { given } = brokerSettings({
      configText: 'num.partitions=3\nmessage.max.bytes=1000\nstreamctl.durability=os',
      assignments: ['num.partitions=4', 'log.segment.bytes = 2097152'],
      durability: 'interval',
    });
    assert.deepEqual(Object.fromEntries(given), {
      'num.partitions': '4',
      'message.max.bytes': '1000',
      'log.segment.bytes': '2097152',
      'streamctl.durability': 'interval',
    });
  });

  for (const assignment of [
    'no.such.setting=1',
    'num.partitions',
    '=1',
    'num.partitions=0',
    'num.partitions=many',
    'log.segment.bytes=1000',
    'auto.create.topics.enable=yes',
    'streamctl.durability=never',
    'log.cleanup.policy=compact',
    'default.replication.factor=3',
  ]) {
    it(`refuse -X ${assignment}`, () => {
      assert.throws(() => brokerSettings({ assignments: [assignment] }), SettingsError);
    });
  }

  it('have defaults that pass their own checks', () => {
    for (const definition of brokerSettingDefinitions().values()) {
      assert.equal(problemWithValue(definition, definition.default), undefined);
    }
  });

  it('of this process win over those of the directory, and those over the defaults', () => {
    const kept = new Map([
      ['num.partitions', '7'],
      ['log.roll.hours', '1'],
    ]);
    const settings = new EffectiveSettings(brokerSettings({ assignments: ['log.roll.ms=5000'] }), () => kept);
    assert.equal(settings.number('num.partitions'), 7);
    assert.equal(settings.number('fetch.max.bytes'), 57_671_680);
    assert.equal(settings.flag('auto.create.topics.enable'), true);
    assert.equal(logConfigOf(NONE, settings.explicit).segmentMs, 5000);
  });

  it('in hours count as milliseconds for a topic', () => {
    const settings = new EffectiveSettings(brokerSettings({ assignments: ['log.roll.hours=2'] }), () => NONE);
    assert.equal(logConfigOf(NONE, settings.explicit).segmentMs, 7_200_000);
  });
});
