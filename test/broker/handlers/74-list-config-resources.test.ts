import assert from 'node:assert/strict';
import { ListConfigResources } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

const [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP] = [2, 4, 8, 16, 32];

async function list(test: BrokerUnderTest, version: number, resourceTypes: readonly number[]) {
  const answer = await test.call(ListConfigResources, version, { resourceTypes });
  const named = answer.configResources.map(({ resourceName, resourceType }) => `${resourceType} ${resourceName}`);
  return [errorName(answer.errorCode), ...named.sort()];
}

describe('ListConfigResources', () => {
  it('names what has configs', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      await test.createTopic('u');
      assert.deepEqual(await list(test, 1, [TOPIC]), ['NONE', '2 t', '2 u']);
      assert.deepEqual(await list(test, 1, [BROKER, CLIENT_METRICS, GROUP]), ['NONE', '4 1']);
      assert.deepEqual(await list(test, 1, []), ['NONE', '2 t', '2 u', '4 1', `${BROKER_LOGGER} 1`]);
      assert.deepEqual(await list(test, 0, []), ['NONE']);
    }));

  it('refuses a type that there is not', () =>
    withBroker(async (test) => {
      assert.deepEqual(await list(test, 1, [TOPIC, 3]), ['UNSUPPORTED_VERSION']);
    }));
});
