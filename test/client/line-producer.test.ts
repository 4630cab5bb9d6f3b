import assert from 'node:assert/strict';
import { type LineInput, produceLines } from '../../src/client/line-producer.ts';
import { murmur2Partition } from '../../src/kernel/murmur2.ts';
import { Produce } from '../../src/protocol/apis/index.ts';
import { Prng } from '../sim/prng.ts';
import { FakeBroker } from './fake-broker.ts';
import { failure, input, OPTIONS, produceRequests, scene, values } from './producer-scene.ts';
import { testEnv } from './test-env.ts';

describe('line producer', () => {
  it('sends each line as a record and tells what is acked', async () => {
    const { topic, produce, receipts } = scene();
    const summary = await produce([input('a\n\nccc\n')]);
    assert.deepEqual(values(topic), ['a', '', 'ccc']);
    assert.deepEqual({ ...summary, elapsedMs: 0 }, { lines: 3, bytes: 7, elapsedMs: 0, interrupted: false });
    assert.deepEqual(receipts.at(-1), { lines: 3, bytes: 7 });
  });

  it('sends a last line that has no delimiter, also between inputs', async () => {
    const { topic, produce } = scene();
    const summary = await produce([input('a\nb'), input(''), input('c\nd')]);
    assert.deepEqual(values(topic), ['a', 'b', 'c', 'd']);
    assert.deepEqual([summary.lines, summary.bytes], [4, 6]);
  });

  it('keeps a multi-byte delimiter apart that comes in pieces', async () => {
    const { topic, produce } = scene();
    await produce([input('a\r\nb\rc\r\n\r\nd\r', 1)], { delimiter: Buffer.from('\r\n') });
    assert.deepEqual(values(topic), ['a', 'b\rc', '', 'd\r']);
  });

  it('does not take the end of the last line for a delimiter', async () => {
    const { topic, produce } = scene();
    await produce([input('xaaa')], { delimiter: Buffer.from('aa') });
    assert.deepEqual(values(topic), ['x', 'a']);
  });

  it('parts key and value at the first key delimiter', async () => {
    const { topic, produce } = scene();
    await produce([input('k:v\n:v\nk:\nk:v:w\n')], { keyDelimiter: Buffer.from(':') });
    const records = topic.logs[0]?.records().map(({ key, value }) => [key, value]);
    assert.deepEqual(records, [
      ['k', 'v'],
      ['', 'v'],
      ['k', ''],
      ['k', 'v:w'],
    ]);
  });

  it('stops at a line without its key delimiter, after what came before is acked', async () => {
    const { topic, produce, receipts } = scene();
    const error = await failure(produce([input('a:1\nb:2\nno\nc:3\n')], { keyDelimiter: Buffer.from(':') }));
    assert.deepEqual([error.kind, error.isRestUnsent], ['data', true]);
    assert.match(error.message, /the input: line 3 \(byte offset 8\)/);
    assert.deepEqual([error.ackedLines, error.ackedBytes], [2, 8]);
    assert.deepEqual(values(topic), ['1', '2']);
    assert.deepEqual(receipts.at(-1), { lines: 2, bytes: 8 });
  });

  it('stops at a line that is too long, before it is there to its end', async () => {
    const { topic, produce } = scene({ maxMessageBytes: 1000 });
    const endless = input(`a\n${'x'.repeat(100_000)}`, 700);
    const error = await failure(produce([endless]));
    assert.equal(error.kind, 'data');
    assert.match(error.message, /line 2 \(byte offset 2\)/);
    assert.deepEqual([error.ackedLines, error.ackedBytes], [1, 2]);
    assert.deepEqual(values(topic), ['a']);
  });

  it('takes the longest line that fits, and not one byte more', async () => {
    // 61 header bytes; length 2, attributes, timestamp, offset, null key, value length 2, headers 1.
    const longest = 1000 - 61 - 9;
    const { topic, produce } = scene({ maxMessageBytes: 1000 });
    await produce([input(`${'x'.repeat(longest)}\n`)]);
    assert.equal(topic.logs[0]?.batches[0]?.length, 1000);
    const error = await failure(produce([input(`${'x'.repeat(longest + 1)}\n`)]));
    assert.equal(error.kind, 'data');
  });

  it('sends lines that are larger than an ordinary batch', async () => {
    const { topic, produce } = scene({ maxMessageBytes: 10 << 20 });
    const lines = [5 << 20, 3, 3 << 20, 4 << 20, 1].map((length, index) => String(index).repeat(length));
    await produce([input(lines.join('\n'), 100_000)]);
    assert.deepEqual(
      values(topic).map((value) => [value?.[0], value?.length]),
      lines.map((line) => [line[0], line.length]),
    );
  });

  it('never makes a batch larger than the topic takes', async () => {
    const { topic, produce } = scene({ maxMessageBytes: 300 });
    const lines = Array.from({ length: 500 }, (_, index) => 'x'.repeat(index % 90));
    await produce([input(lines.join('\n'))]);
    assert.deepEqual(values(topic), lines);
    assert.ok(topic.logs[0]?.batches.every((batch) => batch.length <= 300));
  });

  it('ends with not-found when there is no such topic or partition, without reading', async () => {
    const { produce } = scene();
    const untouched: LineInput = { name: 'x', read: () => assert.fail('read') };
    await assert.rejects(produce([untouched], { topic: 'other' }), { name: 'ClientError', kind: 'not-found' });
    await assert.rejects(produce([untouched], { partition: 1 }), { name: 'ClientError', kind: 'not-found' });
  });

  it('reports an input that cannot be read, with all before it acked', async () => {
    const { topic, produce } = scene();
    let reads = 0;
    const broken: LineInput = {
      name: 'disk.log',
      read: (target) => {
        if (reads++ > 0) return Promise.reject(new Error('EIO'));
        return Promise.resolve(Buffer.from('a\nb\nc').copy(target));
      },
    };
    const error = await failure(produce([broken]));
    assert.equal(error.kind, 'input');
    assert.deepEqual([error.ackedLines, error.ackedBytes], [2, 4]);
    assert.deepEqual(values(topic), ['a', 'b']);
  });

  it('ends at the signal, with whole lines acked', async () => {
    const { topic, produce } = scene();
    const stop = new AbortController();
    const waits = (piece: number) => {
      if (piece < 2) return Promise.resolve();
      stop.abort();
      return new Promise<void>(() => undefined);
    };
    const summary = await produce([input('a\nb\nc\nd', 3, waits)], { signal: stop.signal });
    assert.deepEqual([summary.lines, summary.bytes, summary.interrupted], [3, 6, true]);
    assert.deepEqual(values(topic), ['a', 'b', 'c']);
  });

  it('sends at once what a paused input brought, and gathers while a request is on its way', async () => {
    const { broker, clock, topic, produce } = scene();
    broker.latencyMs = () => 50;
    const text = Array.from({ length: 200 }, (_, index) => `${index}\n`).join('');
    await produce([input(text, 5, () => clock.sleep(3))]);
    assert.equal(values(topic).length, 200);
    const count = topic.logs[0]?.batches.length ?? 0;
    assert.ok(count > 3 && count < 20, `${count} batches`);
    assert.equal(topic.logs[0]?.records()[0]?.value, '0');
  });

  it('stops reading while the broker is slow', async () => {
    const { broker, clock } = scene();
    broker.latencyMs = () => 1000;
    let readBytes = 0;
    const piece = Buffer.from(`${'x'.repeat(99)}\n`.repeat(2000));
    let ahead = 0;
    const flood: LineInput = {
      name: 'flood',
      read: (target) => {
        if (readBytes > 100 << 20) return Promise.resolve(0);
        const length = piece.copy(target);
        readBytes += length;
        ahead = Math.max(ahead, readBytes - acked());
        return Promise.resolve(length);
      },
    };
    let ackedBytes = 0;
    const acked = () => ackedBytes;
    const env = testEnv({ clock });
    await clock.run(
      produceLines(env, broker, OPTIONS, [flood], {
        onAcked: (_lines, bytes) => {
          ackedBytes = bytes;
        },
      }),
    );
    assert.ok(ahead < 16 << 20, `${ahead} bytes read ahead`);
    assert.ok(broker.waitingCountMax <= 5);
  });

  for (const codec of ['gzip', 'snappy', 'lz4'] as const) {
    it(`packs batches with ${codec}, and leaves alone what does not shrink`, async () => {
      const env = testEnv();
      const broker = new FakeBroker(env);
      broker.latencyMs = () => 0;
      const topic = broker.addTopic('t');
      const chance = new Prng(5);
      const lines = Array.from({ length: 3000 }, (_, index) =>
        index === 0 ? chance.bytes(40_000).toString('base64') : `line ${index} ${'y'.repeat(index % 50)}`,
      );
      const summary = await produceLines(env, broker, { ...OPTIONS, codec }, [input(lines.join('\n'), 60_000)]);
      assert.deepEqual(values(topic), lines);
      assert.equal(summary.lines, lines.length);
    });
  }

  describe('several partitions', () => {
    it('puts a key always in the partition where Kafka puts it', async () => {
      const { topic, produce } = scene({ partitions: 3 });
      const keys = ['a', 'b', 'c', 'hello', '', 'key-17'];
      await produce([input(keys.map((key) => `${key}:v\n`).join(''))], { keyDelimiter: Buffer.from(':') });
      // As org.apache.kafka.common.utils.Utils.murmur2 has it.
      const found = topic.logs.flatMap((log, partition) => log.records().map(({ key }) => [key, partition]));
      const expected = keys.map((key) => [key, murmur2Partition(Buffer.from(key), 0, key.length, 3)]);
      assert.deepEqual(new Map(found as [string, number][]), new Map(expected as [string, number][]));
    });

    it('spreads lines without keys, a batch at a time, and sends all to one with a fixed partition', async () => {
      const { topic, produce } = scene({ partitions: 4, maxMessageBytes: 1000 });
      const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}`);
      await produce([input(lines.join('\n'))]);
      assert.ok(topic.logs.every((log) => log.batches.length > 3));
      assert.deepEqual(topic.logs.flatMap((_, index) => values(topic, index)).sort(), [...lines].sort());
      const before = topic.logs[2]?.endOffset ?? 0;
      await produce([input(lines.join('\n'))], { partition: 2 });
      assert.equal((topic.logs[2]?.endOffset ?? 0) - before, 1000);
    });

    it('counts as acked only what is acked without a gap', async () => {
      const { broker, clock, topic, produce, receipts } = scene({ partitions: 2 });
      topic.leaders[1] = 2;
      const keyOf = (partition: number) =>
        ['a', 'b', 'c', 'd', 'e', 'f'].find(
          (key) => murmur2Partition(Buffer.from(key), 0, key.length, 2) === partition,
        );
      let refusals = 0;
      broker.fault = ({ api, nodeId }) =>
        api.key === Produce.key && nodeId === 1 && refusals++ < 5
          ? { kind: 'refuse', error: 'NOT_ENOUGH_REPLICAS' }
          : undefined;
      const slow = keyOf(0);
      const quick = keyOf(1);
      const text = `${quick}:0\n${slow}:1\n${quick}:2\n${quick}:3\n`;
      const summary = await produce([input(text, Infinity, () => clock.sleep(5))], { keyDelimiter: Buffer.from(':') });
      assert.equal(summary.lines, 4);
      assert.deepEqual(
        receipts.map(({ lines }) => lines),
        [1, 4],
      );
    });
  });

  it('does not wait for answers with acks 0', async () => {
    const { topic, broker, produce } = scene();
    const summary = await produce([input('a\nb\n')], { acks: 0 });
    assert.equal(summary.lines, 2);
    assert.deepEqual(values(topic), ['a', 'b']);
    assert.equal(produceRequests(broker)[0]?.acks, 0);
  });
});
