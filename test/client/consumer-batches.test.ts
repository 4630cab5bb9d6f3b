import assert from 'node:assert/strict';
import { consume } from '../../src/client/consumer.ts';
import { Fetch } from '../../src/protocol/apis/index.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { controlBatch, dataBatch } from './batches.ts';
import { Collected, OPTIONS, put, type Scene, scene } from './consumer-scene.ts';
import { FakeBroker, type FakeTopic } from './fake-broker.ts';
import { testEnv } from './test-env.ts';

describe('consumer: what a partition may hold', () => {
  describe('batches', () => {
    for (const codec of ['gzip', 'snappy', 'lz4'] as const) {
      it(`packed with ${codec}`, async () => {
        const env = testEnv();
        const broker = new FakeBroker(env);
        const topic = broker.addTopic('t');
        const values = Array.from({ length: 20_000 }, (_, index) => `value ${index * 7919}`);
        const bytes = dataBatch(values.map((value) => ({ value })));
        const { compress, codecId } = await import('../../src/protocol/records/compression.ts');
        const packed = await compress(codec, bytes.subarray(batch.BATCH_HEADER_BYTES));
        topic.logs[0]?.store(
          dataBatch([], { records: packed, count: values.length, attributes: codecId(codec) }),
          values.length,
        );
        const output = new Collected();
        await consume(env, broker, OPTIONS, output);
        assert.equal(output.text, values.map((value) => `${value}\n`).join(''));
      });
    }

    it('with a bad checksum end the run, after what came before', async () => {
      const { add, output, read } = scene();
      const topic = add('t');
      put(topic, ['good']);
      put(topic, ['bad']);
      const bytes = topic.logs[0]?.batches[1] as Buffer;
      bytes.writeUInt8(0x21, bytes.length - 2);
      await assert.rejects(read(), { kind: 'data', message: /partition 0, offset 1: .*checksum/ });
      assert.equal(output.text, 'good\n');
    });

    it('with broken records behind a good checksum are a data error', async () => {
      for (const at of [61, 65, 66]) {
        const { add, read } = scene();
        const bytes = dataBatch([{ value: 'aaaa' }]);
        bytes.writeUInt8(0x70, at);
        batch.patchCrc(bytes, 0);
        add('t').logs[0]?.store(bytes, 1);
        await assert.rejects(read(), { kind: 'data' });
        await assert.rejects(read({ sink: () => ({ record: () => undefined }) }), { kind: 'data' });
      }
    });

    it('with gaps, as compaction leaves them, are read to the end', async () => {
      const { add, output, read } = scene();
      const topic = add('t');
      topic.logs[0]?.store(
        dataBatch(
          [
            { value: 'a', offsetDelta: 3 },
            { value: 'b', offsetDelta: 7 },
          ],
          { lastOffsetDelta: 9 },
        ),
        10,
      );
      await read();
      await read({ start: { kind: 'offset', offset: 4 } });
      assert.equal(output.text, 'a\nb\nb\n');
    });

    it('that are cut off at the end of an answer are fetched again', async () => {
      const { add, broker, output, read } = scene();
      const topic = add('t');
      put(topic, ['a']);
      put(topic, ['b']);
      const log = topic.logs[0] as NonNullable<FakeTopic['logs'][0]>;
      const whole = log.read.bind(log);
      let count = 0;
      log.read = (offset, maxBytes) => {
        const bytes = whole(offset, maxBytes);
        return count++ === 0 ? bytes.subarray(0, bytes.length - 5) : bytes;
      };
      await read();
      assert.equal(output.text, 'a\nb\n');
      assert.equal(broker.requests.filter(({ api }) => api.key === Fetch.key).length, 2);
    });
  });

  describe('transactions', () => {
    function transactions(add: Scene['add'], broker: FakeBroker): void {
      const topic = add('t');
      const log = topic.logs[0] as NonNullable<FakeTopic['logs'][0]>;
      const of = (producerId: bigint) => ({ producerId, attributes: batch.TRANSACTIONAL_BIT });
      put(topic, ['plain']);
      put(topic, ['aborted 1'], 0, of(7n));
      put(topic, ['committed 1'], 0, of(8n));
      log.store(controlBatch(7n, 'abort'), 1);
      put(topic, ['committed 2'], 0, of(7n));
      log.store(controlBatch(8n, 'commit'), 1);
      log.store(controlBatch(7n, 'commit'), 1);
      put(topic, ['aborted 2'], 0, of(8n));
      log.store(controlBatch(8n, 'abort'), 1);
      broker.aborted.set(log, [
        { producerId: 8n, firstOffset: 7n },
        { producerId: 7n, firstOffset: 1n },
      ]);
    }

    it('that were aborted are left out, and markers never show', async () => {
      const { add, broker, output, read } = scene();
      transactions(add, broker);
      await read();
      assert.equal(output.text, 'plain\ncommitted 1\ncommitted 2\n');
    });

    it('are all read when asked for', async () => {
      const { add, broker, output, read } = scene();
      transactions(add, broker);
      await read({ isolation: 'read_uncommitted' });
      assert.equal(output.text, 'plain\naborted 1\ncommitted 1\ncommitted 2\naborted 2\n');
    });
  });
});
