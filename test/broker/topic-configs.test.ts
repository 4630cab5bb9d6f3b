import assert from 'node:assert/strict';
import { configChanges } from '../../src/broker/config-changes.ts';
import { problemWithValue } from '../../src/broker/config-definition.ts';
import {
  CONFIG_SOURCE,
  logConfigOf,
  problemWithTopicConfig,
  TOPIC_CONFIGS,
  topicConfigNamed,
  topicConfigValues,
} from '../../src/broker/topic-configs.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { KafkaError } from '../../src/protocol/errors.ts';

const NONE = new Map<string, string>();
const nothingSet = (): undefined => undefined;
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

function changesOf(configOperation: number, name: string, value: string | null): Record<string, string | null> {
  const present = (): string => 'delete';
  return Object.fromEntries(configChanges([{ name, configOperation, value }], present));
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
    ['retention.ms', '1000'],
    ['cleanup.policy', 'compact'],
    ['compression.type', 'gzip'],
    ['min.cleanable.dirty.ratio', '0.5'],
    ['no.such.config', '1'],
    ['message.timestamp.type', 'createtime'],
    ['flush.ms', ''],
  ] as const) {
    it(`refuse ${name}=${value}`, () => assert.equal(typeof problemWithTopicConfig(name, value), 'string'));
  }

  it('tell their values from most to least specific', () => {
    const definition = topicConfigNamed('segment.ms');
    assert.ok(definition !== undefined);
    const values = topicConfigValues(definition, new Map([['segment.ms', '1']]), (name) =>
      name === 'log.roll.hours' ? { name, value: '2', source: CONFIG_SOURCE.process } : undefined,
    );
    assert.deepEqual(
      values.map(({ name, value, source }) => [name, value, source]),
      [
        ['segment.ms', '1', 1],
        ['log.roll.hours', '7200000', 4],
        ['log.roll.ms', '604800000', 5],
      ],
    );
  });

  it('are what this process is given rather than what the directory keeps, in whatever unit', () => {
    const definition = topicConfigNamed('segment.ms');
    assert.ok(definition !== undefined);
    const values = topicConfigValues(definition, NONE, (name) =>
      name === 'log.roll.hours'
        ? { name, value: '1', source: CONFIG_SOURCE.process }
        : { name, value: '5', source: CONFIG_SOURCE.directory },
    );
    assert.deepEqual(
      values.map(({ value }) => value),
      ['3600000', '5', '604800000'],
    );
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
    ['what has no effect yet', SET, 'retention.ms', '1', 'INVALID_CONFIG'],
    ['a list that would be empty', SUBTRACT, 'cleanup.policy', 'delete', 'INVALID_CONFIG'],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(
        () => changesOf(operation, name, value),
        (error) => error instanceof KafkaError && error.errorName === errorName,
      );
    });
  }

  it('refuse one config twice', () => {
    const twice = { name: 'segment.ms', configOperation: SET, value: '1' };
    assert.throws(() => configChanges([twice, twice], () => ''), KafkaError);
  });
});
