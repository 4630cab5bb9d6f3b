/** B-9: names that would become paths, terminal commands or memory. */
import assert from 'node:assert/strict';
import {
  AlterConfigs,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DescribeConfigs,
  IncrementalAlterConfigs,
  InitProducerId,
  Metadata,
} from '../../../src/protocol/apis/index.ts';
import { encodeRequest } from '../../../src/protocol/codec.ts';
import { type ErrorName, errorName } from '../../../src/protocol/errors.ts';
import { frameOf } from '../fake-socket.ts';
import { hostileTest, TOPIC } from './hostile.ts';
import { properBatch } from './raw-batch.ts';

const TOPIC_TYPE = 2;

const REFUSED: readonly string[] = [
  '',
  '.',
  '..',
  '../../etc/passwd',
  'a/b',
  'a\\b',
  '/',
  'C:',
  'a b',
  'a\nb',
  'a\u0000b',
  '\x1b[31mred\x07',
  '\u202egnp.exe',
  'ü',
  'топик',
  '😀',
  '%2e%2e',
  'a:b',
  'a*',
  '$(reboot)',
  'x'.repeat(250),
  'x'.repeat(32_000),
];

/** Names of what objects inherit are names like any other. */
const TAKEN: readonly string[] = ['__proto__', 'constructor', 'toString', '-', '-rf', '...', 'CON', 'x'.repeat(249)];

describe('bad input: names', () => {
  const running = hostileTest();

  const shown = (name: string): string => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);

  for (const name of REFUSED) {
    it(`B-9: a topic ${shown(name)}: INVALID_TOPIC_EXCEPTION`, async () => {
      const test = running();
      const topics = [{ name, numPartitions: 1, replicationFactor: 1 }];
      const created = await test.unmoved(() => test.attack(frameOf(CreateTopics, 5, 7, { topics })));
      const [topic] = test.answer(CreateTopics, 5, created).topics;
      assert.equal(errorName(topic?.errorCode ?? 0), 'INVALID_TOPIC_EXCEPTION');
      assert.ok([...(topic?.errorMessage ?? '')].every((char) => char >= ' ' && char !== '\x7f'));

      const asked = await test.attack(frameOf(Metadata, 9, 7, { topics: [{ name }], allowAutoTopicCreation: true }));
      assert.equal(errorName(test.answer(Metadata, 9, asked).topics[0]?.errorCode ?? 0), 'INVALID_TOPIC_EXCEPTION');
      assert.equal(await test.produce(properBatch(['a']), 9, name), 'UNKNOWN_TOPIC_OR_PARTITION');
      const deleted = await test.attack(frameOf(DeleteTopics, 4, 7, { topicNames: [name], timeoutMs: 1000 }));
      assert.equal(
        errorName(test.answer(DeleteTopics, 4, deleted).responses[0]?.errorCode ?? 0),
        'UNKNOWN_TOPIC_OR_PARTITION',
      );
      const resources = [{ resourceType: TOPIC_TYPE, resourceName: name, configurationKeys: null }];
      const described = await test.attack(frameOf(DescribeConfigs, 4, 7, { resources }));
      const [result] = test.answer(DescribeConfigs, 4, described).results;
      assert.equal(errorName(result?.errorCode ?? 0), 'INVALID_TOPIC_EXCEPTION');
    });
  }

  for (const name of TAKEN) {
    it(`B-9: a topic ${shown(name)} is one like any other`, async () => {
      const test = running();
      const topics = [{ name, numPartitions: 1, replicationFactor: 1 }];
      const created = await test.attack(frameOf(CreateTopics, 5, 7, { topics }));
      assert.equal(errorName(test.answer(CreateTopics, 5, created).topics[0]?.errorCode ?? -1), 'NONE');
      assert.equal(await test.produce(properBatch(['a']), 9, name), 'NONE');
      const asked = await test.attack(frameOf(Metadata, 9, 7, { topics: [{ name }] }));
      assert.equal(test.answer(Metadata, 9, asked).topics[0]?.partitions.length, 1);
      const deleted = await test.attack(frameOf(DeleteTopics, 4, 7, { topicNames: [name], timeoutMs: 1000 }));
      assert.equal(errorName(test.answer(DeleteTopics, 4, deleted).responses[0]?.errorCode ?? -1), 'NONE');
      await test.produceHealthily();
    });
  }

  for (const [name, other] of [
    ['a.b', 'a_b'],
    ['_._', '...'],
  ] as const) {
    it(`B-9: a topic ${name} beside ${other}: INVALID_TOPIC_EXCEPTION`, async () => {
      const test = running();
      const make = (topic: string): Buffer =>
        frameOf(CreateTopics, 5, 7, { topics: [{ name: topic, numPartitions: 1, replicationFactor: 1 }] });
      await test.attack(make(name));
      const outcome = await test.unmoved(() => test.attack(make(other)));
      assert.equal(
        errorName(test.answer(CreateTopics, 5, outcome).topics[0]?.errorCode ?? 0),
        'INVALID_TOPIC_EXCEPTION',
      );
    });
  }

  for (const name of ['__consumer_offsets', '__transaction_state', '__share_group_state']) {
    it(`B-9: ${name} is made by the cluster alone`, async () => {
      const test = running();
      const topics = [{ name, numPartitions: 1, replicationFactor: 1 }];
      const outcome = await test.unmoved(() => test.attack(frameOf(CreateTopics, 5, 7, { topics })));
      assert.equal(
        errorName(test.answer(CreateTopics, 5, outcome).topics[0]?.errorCode ?? 0),
        'INVALID_TOPIC_EXCEPTION',
      );
    });
  }

  it('B-9: a topic twice in a request is made not at all', async () => {
    const test = running();
    const topic = { name: 'twice', numPartitions: 1, replicationFactor: 1 };
    const outcome = await test.unmoved(() => test.attack(frameOf(CreateTopics, 5, 7, { topics: [topic, topic] })));
    const { topics } = test.answer(CreateTopics, 5, outcome);
    assert.deepEqual(
      topics.map(({ errorCode }) => errorName(errorCode)),
      ['INVALID_REQUEST'],
    );
  });

  const clientIds: Readonly<Record<string, readonly [string, 'serves' | 'closed']>> = {
    '1024 characters': ['c'.repeat(1024), 'serves'],
    '1025 characters': ['c'.repeat(1025), 'closed'],
    '32 KiB': ['c'.repeat(32_767), 'closed'],
    'control characters': ['\x1b]0;owned\x07\r\n', 'serves'],
    nothing: ['', 'serves'],
  };
  for (const [name, [clientId, expected]] of Object.entries(clientIds)) {
    it(`B-9: a client id of ${name}: ${expected}`, async () => {
      const test = running();
      test.logLines.length = 0;
      const frame = Buffer.concat(encodeRequest(ApiVersions, 0, { correlationId: 7, clientId }, {}));
      const { ending } = await test.unmoved(() => test.attack(frame));
      assert.equal(ending, expected);
      for (const line of test.logLines)
        assert.ok(
          [...line].every((char) => char >= ' '),
          JSON.stringify(line),
        );
    });
  }

  const ids: Readonly<Record<string, readonly [string, ErrorName]>> = {
    nothing: ['', 'INVALID_REQUEST'],
    '32 KiB': ['t'.repeat(32_000), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
    'control characters': ['\x1b[2J', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  };
  for (const [name, [transactionalId, expected]] of Object.entries(ids)) {
    it(`B-9: a transactional id of ${name}: ${expected}`, async () => {
      const test = running();
      const message = { transactionalId, transactionTimeoutMs: 1, producerId: -1n, producerEpoch: -1 };
      const outcome = await test.unmoved(() => test.attack(frameOf(InitProducerId, 4, 7, message)));
      assert.equal(errorName(test.answer(InitProducerId, 4, outcome).errorCode), expected);
    });
  }

  for (const name of ['', '__proto__', 'constructor', 'no.such.config', '\x1b[31m', 'x'.repeat(32_000)]) {
    it(`B-9: a config ${shown(name)} is refused wherever it is set`, async () => {
      const test = running();
      const resource = { resourceType: TOPIC_TYPE, resourceName: TOPIC };
      const incremental = { ...resource, configs: [{ name, configOperation: 0, value: '1' }] };
      const outcome = await test.unmoved(() =>
        test.attack(frameOf(IncrementalAlterConfigs, 1, 7, { resources: [incremental] })),
      );
      const [altered] = test.answer(IncrementalAlterConfigs, 1, outcome).responses;
      assert.equal(errorName(altered?.errorCode ?? 0), 'INVALID_CONFIG');
      const whole = { ...resource, configs: [{ name, value: '1' }] };
      const replaced = await test.unmoved(() => test.attack(frameOf(AlterConfigs, 1, 7, { resources: [whole] })));
      assert.equal(errorName(test.answer(AlterConfigs, 1, replaced).responses[0]?.errorCode ?? 0), 'INVALID_CONFIG');
      const topics = [{ name: 'with-config', numPartitions: 1, replicationFactor: 1, configs: [{ name, value: '1' }] }];
      const created = await test.unmoved(() => test.attack(frameOf(CreateTopics, 5, 7, { topics })));
      assert.equal(errorName(test.answer(CreateTopics, 5, created).topics[0]?.errorCode ?? 0), 'INVALID_CONFIG');
      for (const answer of [altered]) {
        assert.ok(
          [...(answer?.errorMessage ?? '')].every((char) => char >= ' '),
          JSON.stringify(answer?.errorMessage),
        );
      }
    });
  }

  const values: Readonly<Record<string, readonly [config: string, value: string]>> = {
    'of 7 MB': ['follower.replication.throttled.replicas', '1:1,'.repeat(1_900_000)],
    'of 32,768 characters': ['follower.replication.throttled.replicas', '1:1,'.repeat(8192)],
    'that moves the cursor': ['retention.ms', '\x1b[2J\x1b[31m'],
    'that is no choice, and none of a line': ['compression.type', 'a\r\nb'],
  };
  for (const [what, [name, value]] of Object.entries(values)) {
    it(`B-9: a value ${what}: INVALID_CONFIG, told in a line`, async () => {
      const test = running();
      const configs = [{ name, configOperation: 0, value }];
      const resources = [{ resourceType: TOPIC_TYPE, resourceName: TOPIC, configs }];
      const outcome = await test.unmoved(() => test.attack(frameOf(IncrementalAlterConfigs, 1, 7, { resources })));
      const [altered] = test.answer(IncrementalAlterConfigs, 1, outcome).responses;
      assert.equal(errorName(altered?.errorCode ?? 0), 'INVALID_CONFIG');
      const told = altered?.errorMessage ?? '';
      assert.ok(told.length < 400 && [...told].every((char) => char >= ' '), JSON.stringify(told.slice(0, 500)));
    });
  }
});
