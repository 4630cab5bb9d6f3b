import assert from 'node:assert/strict';
import {
  brokerSettingDefinitions,
  brokerSettings,
  EffectiveSettings,
  SettingsError,
} from '../../src/broker/broker-settings.ts';
import { problemWithValue } from '../../src/broker/config-definition.ts';
import { CONFIG_SOURCE, logConfigOf } from '../../src/broker/topic-configs.ts';

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
    'log.cleanup.policy=tidy',
    'default.replication.factor=3',
    'offsets.topic.replication.factor=3',
    'group.consumer.assignors=sticky',
    'group.consumer.migration.policy=upgrade',
    'streamctl.max.disk.bytes=1000',
    'log.cleaner.min.cleanable.ratio=1.1',
    'log.retention.ms=-2',
  ]) {
    it(`refuse -X ${assignment}`, () => {
      assert.throws(() => brokerSettings({ assignments: [assignment] }), SettingsError);
    });
  }

  it('have defaults that pass their own checks', () => {
    for (const definition of brokerSettingDefinitions().values()) {
      if (definition.default !== null) assert.equal(problemWithValue(definition, definition.default), undefined);
    }
  });

  it('of this process win over those of the directory, and those over the defaults', () => {
    const kept = new Map([
      ['num.partitions', '7'],
      ['log.roll.hours', '1'],
    ]);
    const settings = new EffectiveSettings(brokerSettings({ assignments: ['log.roll.ms=5000'] }), () => kept, 1);
    assert.equal(settings.number('num.partitions'), 7);
    assert.equal(settings.number('fetch.max.bytes'), 57_671_680);
    assert.equal(settings.flag('auto.create.topics.enable'), true);
    assert.equal(logConfigOf(NONE, settings.explicit).segmentMs, 5000);
  });

  it('of this broker win over those of all brokers, and only over those', () => {
    const kept = new Map([
      ['1:num.partitions', '5'],
      ['2:num.partitions', '6'],
      ['num.partitions', '7'],
      ['2:fetch.max.bytes', '2000'],
    ]);
    const settings = new EffectiveSettings(brokerSettings({}), () => kept, 1);
    assert.equal(settings.number('num.partitions'), 5);
    assert.equal(settings.number('fetch.max.bytes'), 57_671_680);
    assert.deepEqual(
      settings.explicit('num.partitions').map(({ value, source }) => [value, source]),
      [
        ['5', CONFIG_SOURCE.broker],
        ['7', CONFIG_SOURCE.directory],
      ],
    );
  });

  it('follow what the directory keeps', () => {
    let kept = NONE;
    const settings = new EffectiveSettings(brokerSettings({}), () => kept, 1);
    assert.equal(settings.number('num.partitions'), 1);
    kept = new Map([['num.partitions', '4']]);
    assert.equal(settings.number('num.partitions'), 4);
  });

  it('that another release kept and this one cannot use do not count, which is told once', () => {
    const told: string[] = [];
    const kept = new Map([
      ['num.partitions', 'many'],
      ['of.another.release', '1'],
    ]);
    const read = (): ReadonlyMap<string, string> => new Map(kept);
    const settings = new EffectiveSettings(brokerSettings({}), read, 1, (problem) => told.push(problem));
    assert.equal(settings.number('num.partitions'), 1);
    assert.equal(settings.number('num.partitions'), 1);
    assert.equal(told.length, 1);
  });

  it('tell their synonyms as Kafka does: nothing where the name itself has no value', () => {
    const settings = new EffectiveSettings(brokerSettings({ assignments: ['log.retention.minutes=9'] }), () => NONE, 1);
    const resolved = (name: string) => {
      const definition = brokerSettingDefinitions().get(name);
      assert.ok(definition !== undefined);
      const { value, synonyms } = settings.resolve(definition);
      return [value, synonyms.map((synonym) => `${synonym.name}=${synonym.value}`)];
    };
    assert.deepEqual(resolved('log.retention.ms'), [null, []]);
    assert.deepEqual(resolved('log.retention.minutes'), ['9', ['log.retention.minutes=9', 'log.retention.hours=168']]);
    assert.deepEqual(resolved('log.retention.hours'), ['168', ['log.retention.hours=168']]);
    assert.equal(logConfigOf(NONE, settings.explicit).retentionMs, 540_000);
  });

  for (const [assignment, expected] of [
    ['log.retention.hours=-1', Number.POSITIVE_INFINITY],
    ['log.retention.hours=2', 7_200_000],
    ['log.retention.ms=-1', Number.POSITIVE_INFINITY],
  ] as const) {
    it(`keep records for ${expected} ms with ${assignment}`, () => {
      const settings = new EffectiveSettings(brokerSettings({ assignments: [assignment] }), () => NONE, 1);
      assert.equal(logConfigOf(NONE, settings.explicit).retentionMs, expected);
    });
  }

  it('set when a log forgets an idle producer', () => {
    const settings = new EffectiveSettings(
      brokerSettings({ assignments: ['producer.id.expiration.ms=5'] }),
      () => NONE,
      1,
    );
    assert.equal(logConfigOf(NONE, settings.explicit).producerIdExpirationMs, 5);
  });

  it('in hours count as milliseconds for a topic', () => {
    const settings = new EffectiveSettings(brokerSettings({ assignments: ['log.roll.hours=2'] }), () => NONE, 1);
    assert.equal(logConfigOf(NONE, settings.explicit).segmentMs, 7_200_000);
  });
});
