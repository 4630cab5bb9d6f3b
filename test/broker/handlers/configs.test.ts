import assert from 'node:assert/strict';
import { DescribeConfigs, IncrementalAlterConfigs } from '../../../src/protocol/apis/index.ts';
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

  it('lists the settings of this broker, which cannot be changed', () =>
    withBroker(
      async (test) => {
        const { error, configs } = await describeOne(test, BROKER, '1');
        assert.equal(error, 'NONE');
        assert.equal(configs.get('node.id')?.value, '1');
        assert.deepEqual([configs.get('num.partitions')?.value, configs.get('num.partitions')?.configSource], ['3', 4]);
        assert.ok([...configs.values()].every(({ readOnly }) => readOnly));
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
      const early = { name: 'retention.ms', configOperation: SET, value: '200' };
      assert.equal(await alter(test, [good, early]), 'INVALID_CONFIG');
      assert.equal(await alter(test, [good], { validateOnly: true }), 'NONE');
      assert.equal((await describeOne(test, TOPIC, 't')).configs.get('max.message.bytes')?.configSource, 5);
    }));

  it('refuses what is not a topic', () =>
    withBroker(async (test) => {
      const change = [{ name: 'max.message.bytes', configOperation: SET, value: '200' }];
      assert.equal(await alter(test, change), 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.equal(await alter(test, change, { resourceType: BROKER, resourceName: '1' }), 'INVALID_REQUEST');
    }));
});
