import assert from 'node:assert/strict';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { streamctl } from '../helpers/streamctl.ts';
import { kafkaJars } from './kafka-jars.ts';
import { need, withServed } from './suite.ts';

function connect(bootstrap: string): Kafka {
  return new Kafka({ clientId: 'kafkajs-suite', brokers: [bootstrap], logLevel: logLevel.NOTHING });
}

describe('kafkajs', () => {
  before(function () {
    need(this, kafkaJars);
  });

  it('administers topics', () =>
    withServed(async (serving) => {
      const admin = connect(serving.bootstrap).admin();
      await admin.connect();
      try {
        assert.equal(
          await admin.createTopics({ topics: [{ topic: 'one', numPartitions: 3 }, { topic: 'two' }] }),
          true,
        );
        assert.deepEqual((await admin.listTopics()).sort(), ['one', 'two']);
        await admin.createPartitions({ topicPartitions: [{ topic: 'one', count: 5 }] });
        const described = await admin.fetchTopicMetadata({ topics: ['one'] });
        assert.equal(described.topics[0]?.partitions.length, 5);
        const configs = await admin.describeConfigs({
          includeSynonyms: true,
          resources: [{ type: 2, name: 'one', configNames: ['segment.bytes'] }],
        });
        assert.equal(configs.resources[0]?.configEntries[0]?.configValue, '1073741824');
        assert.equal((await admin.describeCluster()).brokers.length, 1);
        await admin.deleteTopics({ topics: ['two'] });
        assert.deepEqual(await admin.listTopics(), ['one']);
        await streamctl(['produce', 'one', '-p', '0', '-b', serving.bootstrap], { input: 'x\ny\n' });
        const offsets = await admin.fetchTopicOffsets('one');
        assert.equal(offsets.find((found) => found.partition === 0)?.high, '2');
      } finally {
        await admin.disconnect();
      }
    }));

  for (const idempotent of [false, true]) {
    it(`produces ${idempotent ? 'idempotently' : 'plainly'}, plain and gzip, and our consumer reads it`, () =>
      withServed(async (serving) => {
        const created = await streamctl(['topics', 'create', 't', '-b', serving.bootstrap]);
        assert.equal(created.status, 0, created.stderr);
        const producer = connect(serving.bootstrap).producer({ idempotent, maxInFlightRequests: 1 });
        await producer.connect();
        const expected: string[] = [];
        try {
          for (let batch = 0; batch < 20; batch++) {
            const messages = Array.from({ length: 50 }, (_, at) => ({ value: `batch ${batch} message ${at}` }));
            expected.push(...messages.map((message) => message.value));
            const compression = batch % 2 === 0 ? CompressionTypes.None : CompressionTypes.GZIP;
            await producer.send({ topic: 't', messages, acks: -1, compression });
          }
        } finally {
          await producer.disconnect();
        }
        const consumed = await streamctl(['consume', 't', '-e', '-b', serving.bootstrap]);
        assert.equal(consumed.stdout.toString(), `${expected.join('\n')}\n`);
      }));
  }
});
