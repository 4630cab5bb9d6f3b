import assert from 'node:assert/strict';
import { Broker } from '../../src/broker/broker.ts';
import { brokerSettings } from '../../src/broker/broker-settings.ts';
import { BrokerStopped, RequestRefused } from '../../src/broker/request.ts';
import { advertisedVersions } from '../../src/broker/router.ts';
import {
  ApiVersions,
  CreateTopics,
  DescribeCluster,
  InitProducerId,
  Metadata,
  Produce,
} from '../../src/protocol/apis/index.ts';
import { errorName } from '../../src/protocol/errors.ts';
import { DirectoryHandshake } from '../../src/protocol/private/directory-handshake.ts';
import { HandOver } from '../../src/protocol/private/hand-over.ts';
import { DIRECTORY, inWorld, mustBecomeBroker } from '../cluster/in-world.ts';
import { BrokerUnderTest, batchCount, withBroker } from './broker-in-world.ts';

describe('broker: what it serves', () => {
  it('advertises the ranges of its table, and nothing private', () => {
    assert.deepEqual(
      advertisedVersions().map(({ apiKey, minVersion, maxVersion }) => `${apiKey}: ${minVersion}-${maxVersion}`),
      [
        '0: 0-13',
        '1: 4-18',
        '2: 1-11',
        '3: 0-13',
        '8: 2-10',
        '9: 1-10',
        '10: 0-6',
        '11: 0-9',
        '12: 0-4',
        '13: 0-5',
        '14: 0-5',
        '15: 0-6',
        '16: 0-5',
        '18: 0-4',
        '19: 2-7',
        '20: 1-6',
        '21: 0-2',
        '22: 0-5',
        '23: 2-4',
        '32: 1-4',
        '33: 0-2',
        '35: 1-4',
        '37: 0-3',
        '42: 0-2',
        '43: 0-2',
        '44: 0-1',
        '47: 0-0',
        '60: 0-2',
        '61: 0-0',
        '68: 0-1',
        '69: 0-1',
        '74: 0-1',
        '75: 0-0',
      ],
    );
  });

  it('refuses versions that it does not serve', () =>
    withBroker(async (test) => {
      await assert.rejects(test.reply(Produce, 2, { acks: 1, timeoutMs: 0, topicData: [] }), RequestRefused);
      await assert.rejects(test.reply(Metadata, 14, { topics: null }), RequestRefused);
    }));

  it('wants a client that names itself to do so properly', () =>
    withBroker(async (test) => {
      const ask = async (version: number, clientSoftwareName: string, clientSoftwareVersion = '1.0'): Promise<string> =>
        errorName((await test.call(ApiVersions, version, { clientSoftwareName, clientSoftwareVersion })).errorCode);
      assert.equal(await ask(3, 'librdkafka', '2.0.2'), 'NONE');
      assert.equal(await ask(3, '-bad'), 'INVALID_REQUEST');
      assert.equal(await ask(4, 'a b'), 'INVALID_REQUEST');
      assert.equal(await ask(2, ''), 'NONE');
    }));

  it('tells of the level of consumer groups, in a form that older clients take', () =>
    withBroker(async (test) => {
      for (const version of [3, 4]) {
        const named = { clientSoftwareName: 'x', clientSoftwareVersion: '1' };
        const answer = await test.call(ApiVersions, version, named);
        const supported = { name: 'group.version', minVersion: version === 3 ? 1 : 0, maxVersion: 1 };
        assert.deepEqual(answer.supportedFeatures, [supported]);
        assert.deepEqual(answer.finalizedFeatures, [{ name: 'group.version', maxVersionLevel: 1, minVersionLevel: 1 }]);
        assert.equal(answer.finalizedFeaturesEpoch, 0n);
      }
    }));

  it('answers the directory’s own requests, but not over TCP', () =>
    withBroker(async (test) => {
      const answer = await test.call(DirectoryHandshake, 0, {}, { listener: 'unix' });
      assert.equal(answer.clusterId, test.session.clusterId);
      assert.equal(answer.brokerEpoch, BigInt(test.session.brokerEpoch));
      await assert.rejects(test.reply(DirectoryHandshake, 0, {}, { listener: 'tcp' }), RequestRefused);
      const asked = { successor: '{}', command: 'serve' };
      assert.equal((await test.call(HandOver, 0, asked, { listener: 'unix' })).accepted, false);
      const heard: unknown[] = [];
      test.broker.onHandOverAsked((from) => heard.push(from) > 0);
      assert.equal((await test.call(HandOver, 0, asked, { listener: 'unix' })).accepted, true);
      assert.deepEqual(heard, [asked]);
    }));

  it('gives each idempotent producer an id of its own', () =>
    withBroker(async (test) => {
      const ask = (more: { transactionalId?: string | null; producerId?: bigint; producerEpoch?: number }) =>
        test.call(InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 1000, ...more });
      const first = await ask({});
      const second = await ask({ producerId: 0n, producerEpoch: 0 });
      assert.deepEqual([errorName(first.errorCode), first.producerEpoch, second.producerEpoch], ['NONE', 0, 0]);
      assert.notEqual(first.producerId, second.producerId);
      assert.equal(errorName((await ask({ producerId: 1n })).errorCode), 'INVALID_REQUEST');
      assert.equal(errorName((await ask({ transactionalId: '' })).errorCode), 'INVALID_REQUEST');
      assert.equal(errorName((await ask({ transactionalId: 'x' })).errorCode), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    }));

  it('describes the cluster', () =>
    withBroker(async (test) => {
      const answer = await test.call(DescribeCluster, 2, {});
      assert.deepEqual(
        [errorName(answer.errorCode), answer.clusterId, answer.controllerId, answer.brokers.map((b) => b.brokerId)],
        ['NONE', test.session.clusterId, 1, [1]],
      );
      assert.equal(
        errorName((await test.call(DescribeCluster, 1, { endpointType: 2 })).errorCode),
        'MISMATCHED_ENDPOINT_TYPE',
      );
    }));
});

describe('broker: its end', () => {
  it('finishes what it took, and takes nothing more', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const produced = test.produce('t', ['a']);
      const stopping = test.broker.stop();
      await assert.rejects(test.call(Metadata, 12, { topics: null }), BrokerStopped);
      assert.equal((await produced).error, 'NONE');
      await stopping;
      await assert.rejects(test.produce('t', ['b']), BrokerStopped);
    }));

  it('leaves to the next broker all that it took', () =>
    inWorld(7, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      for (let round = 0; round < 3; round += 1) {
        const session = await mustBecomeBroker(env, {});
        const broker = await Broker.start(env, session, brokerSettings({}));
        const test = new BrokerUnderTest(env, broker, session);
        if (round === 0) await test.createTopic('t');
        assert.equal((await test.produce('t', ['a'])).baseOffset, round);
        assert.equal(batchCount(await test.fetch('t', 0)), round + 1);
        await broker.stop();
      }
    }));

  it('is no broker any more after a newer registration', () =>
    withBroker(async (test) => {
      await test.call(CreateTopics, 5, { topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }] });
      const waiting = test.fetch('t', 0, { maxWaitMs: 60_000 });
      await test.env.clock.sleep(10);
      await test.session.release();
      await test.broker.stop();
      const code = (await waiting).responses[0]?.partitions[0]?.errorCode ?? 0;
      assert.equal(errorName(code), 'NOT_LEADER_OR_FOLLOWER');
    }));
});
