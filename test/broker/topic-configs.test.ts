import assert from 'node:assert/strict';
import { configChanges, configReplacement } from '../../src/broker/config-changes.ts';
import { problemWithValue } from '../../src/broker/config-definition.ts';
import { TOPIC_CONFIGS } from '../../src/broker/topic-config-table.ts';
import {
  CONFIG_SOURCE,
  type ConfigValue,
  logConfigOf,
  problemWithTopicConfig,
  problemWithTopicConfigs,
  resolveTopicConfig,
  topicConfigNamed,
} from '../../src/broker/topic-configs.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { KafkaError } from '../../src/protocol/errors.ts';

const NONE = new Map<string, string>();
const nothingSet = (): ConfigValue[] => [];
const RULES = { definitionOf: topicConfigNamed, problemWith: problemWithTopicConfig };
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

function changesOf(configOperation: number, name: string, value: string | null): Record<string, string | null> {
  const present = (): string => 'delete';
  return Object.fromEntries(configChanges(RULES, [{ name, configOperation, value }], present));
}

describe('topic configs', () => {
  it('have defaults that pass their own checks', () => {
    for (const definition of TOPIC_CONFIGS) assert.equal(problemWithValue(definition, definition.default), undefined);
  });

  it('without any set are the defaults of the log', () => {
    const { flushMessages, flushMs, ...config } = logConfigOf(NONE, nothingSet);
    const { flushMessages: _, flushMs: __, ...defaults } = DEFAULT_LOG_CONFIG;
    assert.deepEqual(config, defaults);
    assert.ok(flushMessages >= Number.MAX_SAFE_INTEGER && flushMs >= Number.MAX_SAFE_INTEGER);
  });

  for (const [name, value] of [
    ['segment.bytes', '1048575'],
    ['segment.bytes', '2147483648'],
    ['max.message.bytes', '103809025'], // a batch of it would not fit into a request
    ['retention.ms', '-2'],
    ['cleanup.policy', 'compact,tidy'],
    ['cleanup.policy', ''],
    ['remote.storage.enable', 'true'],
    ['compression.gzip.level', '0'],
    ['leader.replication.throttled.replicas', '0:'],
    ['preallocate', 'perhaps'],
    ['compression.type', 'gzip'],
    ['min.cleanable.dirty.ratio', '1.5'],
    ['min.cleanable.dirty.ratio', '0,5'],
    ['no.such.config', '1'],
    ['message.timestamp.type', 'createtime'],
    ['flush.ms', ''],
  ] as const) {
    it(`refuse ${name}=${value}`, () => assert.equal(typeof problemWithTopicConfig(name, value), 'string'));
  }

  for (const [name, value] of [
    ['retention.ms', '1000'],
    ['retention.bytes', '-5'],
    ['min.cleanable.dirty.ratio', '0.5'],
    ['cleanup.policy', 'compact'],
    ['cleanup.policy', 'delete, compact'],
    ['compression.gzip.level', '-1'],
    ['compression.zstd.level', '-131072'],
    ['leader.replication.throttled.replicas', '0:1,2:3'],
    ['follower.replication.throttled.replicas', '*'],
    ['message.format.version', '2.8'],
    ['remote.storage.enable', 'false'],
    ['min.insync.replicas', '2'],
  ] as const) {
    it(`take ${name}=${value}`, () => assert.equal(problemWithTopicConfig(name, value), undefined));
  }

  it('are unlimited for the log where they are negative', () => {
    const config = logConfigOf(new Map(Object.entries({ 'retention.ms': '-1', 'retention.bytes': '-7' })), nothingSet);
    assert.deepEqual([config.retentionMs, config.retentionBytes], [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it('bound what a compacted log keeps only where it deletes too', () => {
    const configOf = (policy: string): ReturnType<typeof logConfigOf> =>
      logConfigOf(new Map(Object.entries({ 'cleanup.policy': policy, 'retention.ms': '5' })), nothingSet);
    assert.deepEqual(
      ['delete', 'compact', 'compact,delete', 'delete,compact'].map((policy) => configOf(policy).cleanupPolicy),
      ['delete', 'compact', 'compact,delete', 'compact,delete'],
    );
    assert.equal(configOf('compact').retentionMs, Number.POSITIVE_INFINITY);
    assert.equal(configOf('compact,delete').retentionMs, 5);
  });

  it('leave a segment that is to be compacted in time', () => {
    const segmentMsOf = (policy: string): number => {
      const set = { 'cleanup.policy': policy, 'max.compaction.lag.ms': '70' };
      return logConfigOf(new Map(Object.entries(set)), nothingSet).segmentMs;
    };
    assert.deepEqual([segmentMsOf('compact'), segmentMsOf('delete')], [70, 604_800_000]);
    assert.equal(logConfigOf(new Map(), nothingSet).maxCompactionLagMs, Number.POSITIVE_INFINITY);
  });

  it('that this release cannot use do not count', () => {
    const config = logConfigOf(
      new Map(Object.entries({ 'segment.bytes': 'huge', 'cleanup.policy': 'tidy' })),
      nothingSet,
    );
    assert.equal(config.segmentBytes, DEFAULT_LOG_CONFIG.segmentBytes);
  });

  it('are judged together', () => {
    const lags = (least: string, most: string) =>
      problemWithTopicConfigs(
        new Map(Object.entries({ 'min.compaction.lag.ms': least, 'max.compaction.lag.ms': most })),
      );
    assert.equal(lags('5', '5'), undefined);
    assert.equal(typeof lags('6', '5'), 'string');
  });

  function resolved(name: string, own: Record<string, string>, ...broker: ConfigValue[]) {
    const definition = topicConfigNamed(name);
    assert.ok(definition !== undefined);
    const set = (setting: string) => broker.filter((value) => value.name === setting);
    const { value, source, synonyms } = resolveTopicConfig(definition, new Map(Object.entries(own)), set);
    return [value, source, synonyms.map((synonym) => [synonym.name, synonym.value, synonym.source])];
  }

  it('tell their synonyms from most to least specific', () => {
    const hours = { name: 'log.roll.hours', value: '2', source: CONFIG_SOURCE.process };
    assert.deepEqual(resolved('segment.ms', { 'segment.ms': '1' }, hours), [
      '1',
      1,
      [
        ['segment.ms', '1', 1],
        ['log.roll.hours', '2', 4],
        ['log.roll.hours', '168', 5],
      ],
    ]);
  });

  it('tell a default synonym only where the first one has a default', () => {
    assert.deepEqual(resolved('segment.ms', {}), ['604800000', 5, []]);
    assert.deepEqual(resolved('segment.bytes', {}), ['1073741824', 5, [['log.segment.bytes', '1073741824', 5]]]);
    assert.deepEqual(resolved('preallocate', {}), ['false', 5, [['log.preallocate', 'false', 5]]]);
    assert.deepEqual(resolved('remote.storage.enable', {}), ['false', 5, []]);
  });

  it('are what this process is given rather than what the directory keeps, in whatever unit', () => {
    const hours = { name: 'log.roll.hours', value: '1', source: CONFIG_SOURCE.process };
    const ms = { name: 'log.roll.ms', value: '5', source: CONFIG_SOURCE.directory };
    const ofBroker = { name: 'log.roll.ms', value: '6', source: CONFIG_SOURCE.broker };
    assert.deepEqual(resolved('segment.ms', {}, ms, hours).slice(0, 2), ['3600000', 4]);
    assert.deepEqual(resolved('segment.ms', {}, ms, ofBroker).slice(0, 2), ['6', 2]);
  });
});

describe('changes of topic configs', () => {
  it('set a value in its plain form and delete one', () => {
    assert.deepEqual(changesOf(SET, 'segment.ms', ' +07 '), { 'segment.ms': '7' });
    assert.deepEqual(changesOf(DELETE, 'segment.ms', null), { 'segment.ms': null });
    assert.deepEqual(changesOf(DELETE, 'retention.ms', null), { 'retention.ms': null });
  });

  it('append to a list without doubling and subtract what may not be there', () => {
    assert.deepEqual(changesOf(APPEND, 'cleanup.policy', 'delete'), { 'cleanup.policy': 'delete' });
    assert.deepEqual(changesOf(SUBTRACT, 'cleanup.policy', 'compact'), { 'cleanup.policy': 'delete' });
  });

  for (const [what, operation, name, value, errorName] of [
    ['a value of null', SET, 'segment.ms', null, 'INVALID_REQUEST'],
    ['an unknown operation', 9, 'segment.ms', '1', 'INVALID_REQUEST'],
    ['an append to a number', APPEND, 'segment.ms', '1', 'INVALID_CONFIG'],
    ['an append to what is not there', APPEND, 'no.such', '1', 'INVALID_CONFIG'],
    ['a value out of bounds', SET, 'retention.ms', '-2', 'INVALID_CONFIG'],
    ['a list that would be empty', SUBTRACT, 'cleanup.policy', 'delete', 'INVALID_CONFIG'],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(
        () => changesOf(operation, name, value),
        (error) => error instanceof KafkaError && error.errorName === errorName,
      );
    });
  }

  it('write a double as Java does', () => {
    assert.deepEqual(changesOf(SET, 'min.cleanable.dirty.ratio', '1'), { 'min.cleanable.dirty.ratio': '1.0' });
    assert.deepEqual(changesOf(SET, 'min.cleanable.dirty.ratio', '.25'), { 'min.cleanable.dirty.ratio': '0.25' });
  });

  it('replace a whole set', () => {
    const wanted = [{ name: 'segment.ms', value: '7' }];
    const changes = configReplacement(RULES, wanted, ['flush.ms', 'of.another.release']);
    assert.deepEqual(Object.fromEntries(changes), { 'flush.ms': null, 'of.another.release': null, 'segment.ms': '7' });
    assert.throws(() => configReplacement(RULES, [...wanted, ...wanted], []), KafkaError);
    assert.throws(() => configReplacement(RULES, [{ name: 'segment.ms', value: null }], []), KafkaError);
  });

  it('refuse one config twice', () => {
    const twice = { name: 'segment.ms', configOperation: SET, value: '1' };
    assert.throws(() => configChanges(RULES, [twice, twice], () => ''), KafkaError);
  });
});
