import assert from 'node:assert/strict';
import { NO_EFFECT } from '../../../src/protocol/apis/32-describe-configs.ts';
import { AlterConfigs, DescribeConfigs, IncrementalAlterConfigs } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

const [TOPIC, BROKER, GROUP] = [2, 4, 32];
const [SET, DELETE] = [0, 1];

async function describeOne(
  test: BrokerUnderTest,
  resourceType: number,
  resourceName: string,
  configurationKeys: readonly string[] | null = null,
) {
  const answer = await test.call(DescribeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    includeSynonyms: true,
    includeDocumentation: true,
  });
  const result = answer.results[0];
  assert.ok(result !== undefined);
  return {
    error: errorName(result.errorCode),
    configs: new Map(result.configs.map((config) => [config.name, config])),
  };
}

async function alter(
  test: BrokerUnderTest,
  configs: readonly { name: string; configOperation: number; value: string | null }[],
  options: { validateOnly?: boolean; resourceType?: number; resourceName?: string } = {},
) {
  const { validateOnly = false, resourceType = TOPIC, resourceName = 't' } = options;
  const resources = [{ resourceType, resourceName, configs }];
  const answer = await test.call(IncrementalAlterConfigs, 1, { resources, validateOnly });
  return errorName(answer.responses[0]?.errorCode ?? -1);
}

describe('DescribeConfigs', () => {
  it('lists the configs of a topic with sources and synonyms', () =>
    withBroker(
      async (test) => {
        await test.createTopic('t', 1, { 'segment.bytes': '2000000' });
        const { error, configs } = await describeOne(test, TOPIC, 't');
        assert.equal(error, 'NONE');
        const segmentBytes = configs.get('segment.bytes');
        assert.deepEqual(
          [segmentBytes?.value, segmentBytes?.configSource, segmentBytes?.configType],
          ['2000000', 1, 3],
        );
        assert.deepEqual(segmentBytes?.synonyms, [
          { name: 'segment.bytes', value: '2000000', source: 1 },
          { name: 'log.segment.bytes', value: '3000000', source: 4 },
          { name: 'log.segment.bytes', value: '1073741824', source: 5 },
        ]);
        assert.equal(configs.get('streamctl.durability')?.value, 'ack');
        assert.ok((segmentBytes?.documentation ?? '') !== '');
      },
      ['log.segment.bytes=3000000'],
    ));

  it('lists only what is asked for', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const { configs } = await describeOne(test, TOPIC, 't', ['flush.ms', 'no.such']);
      assert.deepEqual([...configs.keys()], ['flush.ms']);
    }));

  it('lists the settings of this broker, and which of them can be changed', () =>
    withBroker(
      async (test) => {
        const { error, configs } = await describeOne(test, BROKER, '1');
        assert.equal(error, 'NONE');
        assert.equal(configs.get('node.id')?.value, '1');
        assert.deepEqual([configs.get('num.partitions')?.value, configs.get('num.partitions')?.configSource], ['3', 4]);
        assert.deepEqual([configs.get('node.id')?.readOnly, configs.get('num.partitions')?.readOnly], [true, false]);
        assert.equal(configs.get('socket.request.max.bytes')?.readOnly, true);
        assert.equal((await describeOne(test, BROKER, '')).configs.size, 0);
      },
      ['num.partitions=3'],
    ));

  it('says what is not there', () =>
    withBroker(async (test) => {
      assert.equal((await describeOne(test, TOPIC, 'absent')).error, 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.equal((await describeOne(test, BROKER, '2')).error, 'INVALID_REQUEST');
      assert.equal((await describeOne(test, GROUP, 'g')).error, 'INVALID_REQUEST');
    }));
});

describe('IncrementalAlterConfigs', () => {
  it('changes what the next append sees', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'NONE');
      assert.equal(await alter(test, [{ name: 'max.message.bytes', configOperation: SET, value: '200' }]), 'NONE');
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'MESSAGE_TOO_LARGE');
      assert.equal((await describeOne(test, TOPIC, 't')).configs.get('max.message.bytes')?.value, '200');
      assert.equal(await alter(test, [{ name: 'max.message.bytes', configOperation: DELETE, value: null }]), 'NONE');
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'NONE');
    }));

  it('changes nothing when one of the changes is wrong, or when asked to validate', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const good = { name: 'max.message.bytes', configOperation: SET, value: '200' };
      const wrong = { name: 'cleanup.policy', configOperation: SET, value: 'tidy' };
      assert.equal(await alter(test, [good, wrong]), 'INVALID_CONFIG');
      assert.equal(await alter(test, [good], { validateOnly: true }), 'NONE');
      assert.equal((await describeOne(test, TOPIC, 't')).configs.get('max.message.bytes')?.configSource, 5);
    }));

  it('changes settings of all brokers and of this one, which work at once', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const limit = (value: string) => [{ name: 'message.max.bytes', configOperation: SET, value }];
      assert.equal(await alter(test, limit('200'), { resourceType: BROKER, resourceName: '' }), 'NONE');
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'MESSAGE_TOO_LARGE');
      assert.equal(await alter(test, limit('2000'), { resourceType: BROKER, resourceName: '1' }), 'NONE');
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'NONE');
      const described = (await describeOne(test, BROKER, '1')).configs.get('message.max.bytes');
      assert.deepEqual(described?.synonyms, [
        { name: 'message.max.bytes', value: '2000', source: 2 },
        { name: 'message.max.bytes', value: '200', source: 3 },
        { name: 'message.max.bytes', value: '1048588', source: 5 },
      ]);
      assert.deepEqual([...(await describeOne(test, BROKER, '')).configs.keys()], ['message.max.bytes']);
      const back = [{ name: 'message.max.bytes', configOperation: DELETE, value: null }];
      assert.equal(await alter(test, back, { resourceType: BROKER, resourceName: '1' }), 'NONE');
      assert.equal((await test.produce('t', ['x'.repeat(300)])).error, 'MESSAGE_TOO_LARGE');
    }));

  it('refuses settings that cannot be changed, are not there or cannot have that value', () =>
    withBroker(async (test) => {
      for (const [name, value, expected] of [
        ['socket.request.max.bytes', '1000', 'INVALID_REQUEST'],
        ['node.id', '2', 'INVALID_CONFIG'],
        ['no.such.setting', '2', 'INVALID_CONFIG'],
        ['num.partitions', '0', 'INVALID_CONFIG'],
      ] as const) {
        const change = [{ name, configOperation: SET, value }];
        assert.equal(await alter(test, change, { resourceType: BROKER, resourceName: '1' }), expected, name);
      }
      const change = [{ name: 'num.partitions', configOperation: SET, value: '2' }];
      assert.equal(await alter(test, change, { resourceType: BROKER, resourceName: '2' }), 'INVALID_REQUEST');
    }));

  it('keeps and shows what has no effect here, and says so', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { preallocate: 'true', 'message.format.version': '2.8' });
      const { configs } = await describeOne(test, TOPIC, 't');
      const preallocate = configs.get('preallocate');
      assert.deepEqual([preallocate?.value, preallocate?.configSource], ['true', 1]);
      assert.ok(preallocate?.documentation?.startsWith(NO_EFFECT));
      assert.equal(configs.get('message.format.version')?.value, '2.8');
      await test.createTopic('u');
      assert.equal((await describeOne(test, TOPIC, 'u')).configs.has('message.format.version'), false);
    }));

  it('refuses what is not there', () =>
    withBroker(async (test) => {
      const change = [{ name: 'max.message.bytes', configOperation: SET, value: '200' }];
      assert.equal(await alter(test, change), 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.equal(await alter(test, change, { resourceType: GROUP }), 'INVALID_REQUEST');
    }));
});

describe('AlterConfigs', () => {
  async function replace(
    test: BrokerUnderTest,
    configs: Record<string, string | null>,
    options: { validateOnly?: boolean; resourceType?: number; resourceName?: string } = {},
  ) {
    const { validateOnly = false, resourceType = TOPIC, resourceName = 't' } = options;
    const named = Object.entries(configs).map(([name, value]) => ({ name, value }));
    const resources = [{ resourceType, resourceName, configs: named }];
    const answer = await test.call(AlterConfigs, 2, { resources, validateOnly });
    return errorName(answer.responses[0]?.errorCode ?? -1);
  }

  it('replaces all that a topic sets', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { 'segment.ms': '5', 'flush.ms': '9' });
      assert.equal(await replace(test, { 'flush.ms': '10', 'retention.ms': '7' }, { validateOnly: true }), 'NONE');
      assert.equal((await describeOne(test, TOPIC, 't')).configs.get('flush.ms')?.value, '9');
      assert.equal(await replace(test, { 'flush.ms': '10', 'retention.ms': '7' }), 'NONE');
      const { configs } = await describeOne(test, TOPIC, 't');
      const own = [...configs.values()].filter(({ configSource }) => configSource === 1);
      assert.deepEqual(Object.fromEntries(own.map(({ name, value }) => [name, value])), {
        'flush.ms': '10',
        'retention.ms': '7',
      });
    }));

  it('replaces what one broker sets, and leaves what all set', () =>
    withBroker(async (test) => {
      const [one, all] = [
        { resourceType: BROKER, resourceName: '1' },
        { resourceType: BROKER, resourceName: '' },
      ];
      assert.equal(await replace(test, { 'num.partitions': '4' }, all), 'NONE');
      assert.equal(await replace(test, { 'num.partitions': '5', 'log.roll.ms': '9' }, one), 'NONE');
      assert.equal((await describeOne(test, BROKER, '1')).configs.get('num.partitions')?.value, '5');
      assert.equal(await replace(test, {}, one), 'NONE');
      const { configs } = await describeOne(test, BROKER, '1');
      assert.deepEqual([configs.get('num.partitions')?.value, configs.get('log.roll.ms')?.value], ['4', null]);
    }));

  it('changes nothing when one of the values is wrong', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { 'segment.ms': '5' });
      assert.equal(await replace(test, { 'flush.ms': '10', 'no.such': '1' }), 'INVALID_CONFIG');
      assert.equal(await replace(test, { 'flush.ms': null }), 'INVALID_REQUEST');
      const lags = { 'min.compaction.lag.ms': '9', 'max.compaction.lag.ms': '8' };
      assert.equal(await replace(test, lags), 'INVALID_CONFIG');
      assert.equal((await describeOne(test, TOPIC, 't')).configs.get('segment.ms')?.value, '5');
      assert.equal(await replace(test, {}, { resourceName: 'absent' }), 'UNKNOWN_TOPIC_OR_PARTITION');
    }));
});
