import assert from 'node:assert/strict';
import { type ConsumeOptions, type ConsumeOutput, type ConsumeSummary, consume } from '../../src/client/consumer.ts';
import { Fetch, Metadata } from '../../src/protocol/apis/index.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { Prng } from '../sim/prng.ts';
import { controlBatch, dataBatch } from './batches.ts';
import { FakeBroker, type FakeTopic, type Fault } from './fake-broker.ts';
import { testEnv, VirtualClock } from './test-env.ts';

const OPTIONS: ConsumeOptions = {
  topics: ['t'],
  start: { kind: 'earliest' },
  exitAtEnd: true,
  isolation: 'read_committed',
  delimiter: Buffer.from('\n'),
  timeoutMs: 30_000,
};

class Collected implements ConsumeOutput {
  readonly chunks: Buffer[] = [];
  isBusy = false;
  /** Called with what was written so far. */
  onWrite: (text: string) => Promise<void> | void = () => undefined;

  async write(bytes: Uint8Array): Promise<void> {
    assert.ok(!this.isBusy, 'one write at a time');
    this.isBusy = true;
    this.chunks.push(Buffer.from(bytes));
    await this.onWrite(this.text);
    this.isBusy = false;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}

interface Scene {
  readonly clock: VirtualClock;
  readonly broker: FakeBroker;
  readonly output: Collected;
  add(name: string, partitions?: number): FakeTopic;
  read(options?: Partial<ConsumeOptions>): Promise<ConsumeSummary>;
}

function scene(seed = 1): Scene {
  const clock = new VirtualClock();
  const env = testEnv({ clock, seed });
  const broker = new FakeBroker(env);
  const output = new Collected();
  return {
    clock,
    broker,
    output,
    add: (name, partitions = 1) => broker.addTopic(name, { partitions }),
    read: (options = {}) => clock.run(consume(env, broker, { ...OPTIONS, ...options }, output)),
  };
}

function put(topic: FakeTopic, values: readonly (string | null)[], partition = 0, more: object = {}): void {
  topic.logs[partition]?.store(
    dataBatch(
      values.map((value) => ({ value })),
      more,
    ),
    values.length,
  );
}

describe('consumer', () => {
  it('writes value and delimiter of each record, an empty and a null value too', async () => {
    const { add, output, read } = scene();
    const topic = add('t');
    put(topic, ['a', '', 'ccc']);
    put(topic, [null, 'e']);
    const summary = await read();
    assert.equal(output.text, 'a\n\nccc\n\ne\n');
    assert.deepEqual(summary, { records: 5, bytes: 10, interrupted: false });
  });

  it('ends at once on an empty topic', async () => {
    const { add, output, read } = scene();
    add('t', 3);
    assert.deepEqual(await read(), { records: 0, bytes: 0, interrupted: false });
    assert.equal(output.chunks.length, 0);
  });

  it('passes keys and headers over, and takes delimiters of any length', async () => {
    const { add, output, read } = scene();
    const records = [
      { key: 'k', value: 'a' },
      { key: '', value: 'b', headers: [['h', 'x'] as const, ['i', null] as const] },
      { key: 'k'.repeat(300), value: 'c'.repeat(300) },
    ];
    add('t').logs[0]?.store(dataBatch(records), 3);
    await read({ delimiter: Buffer.from('<>\0') });
    assert.equal(output.text, `a<>\0b<>\0${'c'.repeat(300)}<>\0`);
  });

  it('writes a value that is larger than any buffer', async () => {
    const { add, output, read } = scene();
    const topic = add('t');
    const large = new Prng(3).bytes(3_500_000).toString('latin1');
    put(topic, ['a', large, 'b']);
    await read();
    assert.ok(output.text === `a\n${large}\nb\n`);
  });

  describe('start', () => {
    const starts: [ConsumeOptions['start'], string][] = [
      [{ kind: 'earliest' }, '0123456789'],
      [{ kind: 'latest' }, ''],
      [{ kind: 'offset', offset: 7 }, '789'],
      [{ kind: 'offset', offset: 10 }, ''],
      [{ kind: 'tail', count: 3 }, '789'],
      [{ kind: 'tail', count: 30 }, '0123456789'],
      [{ kind: 'time', timestampMs: 1005n }, '56789'],
      [{ kind: 'time', timestampMs: 9999n }, ''],
    ];
    for (const [start, expected] of starts) {
      it(
        JSON.stringify(start, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
        async () => {
          const { add, output, read } = scene();
          const log = add('t').logs[0];
          const records = Array.from({ length: 10 }, (_, index) => ({
            value: String(index),
            timestampDelta: index % 5,
          }));
          log?.store(dataBatch(records.slice(0, 5), { baseTimestamp: 1000n }), 5);
          log?.store(dataBatch(records.slice(5), { baseTimestamp: 1005n }), 5);
          await read({ start, delimiter: Buffer.alloc(0) });
          assert.equal(output.text, expected);
        },
      );
    }

    it('at an offset that is gone is a data error that tells the gap', async () => {
      const { add, output, read } = scene();
      const topic = add('t');
      put(topic, ['a']);
      Object.assign(topic.logs[0] as object, { logStartOffset: 1 });
      put(topic, ['b']);
      await assert.rejects(read({ start: { kind: 'offset', offset: 0 } }), {
        kind: 'data',
        message: /offset 0 is not there, the log holds 1 to 2; 1 offsets, 0 to 0, are gone/,
      });
      await assert.rejects(read({ start: { kind: 'offset', offset: 5 }, exitAtEnd: false }), { kind: 'data' });
      assert.equal(output.text, '');
    });
  });

  it('ends after exactly so many records, over batches and partitions', async () => {
    for (const maxRecords of [0, 1, 3, 4, 5, 100]) {
      const { add, output, read } = scene();
      const topic = add('t', 2);
      put(topic, ['a', 'b', 'c']);
      put(topic, ['d', 'e', 'f']);
      put(topic, ['g', 'h', 'i'], 1);
      const summary = await read({ maxRecords, exitAtEnd: maxRecords === 100 });
      assert.equal(summary.records, Math.min(maxRecords, 9));
      assert.equal(output.text.length, summary.records * 2);
    }
  });

  it('does not read beyond the end that was there at the start', async () => {
    const { add, broker, output, read } = scene();
    const topic = add('t');
    put(topic, ['a', 'b']);
    broker.fault = ({ api }) => {
      if (api.key === Fetch.key && topic.logs[0]?.endOffset === 2) put(topic, ['late']);
      return undefined;
    };
    await read();
    assert.equal(output.text, 'a\nb\n');
  });

  it('follows until the signal fires', async () => {
    const { add, clock, output, read } = scene();
    const topic = add('t');
    put(topic, ['a']);
    const stop = new AbortController();
    clock.timer(2000, () => put(topic, ['b']));
    clock.timer(5000, () => stop.abort());
    const summary = await read({ exitAtEnd: false, signal: stop.signal });
    assert.equal(output.text, 'a\nb\n');
    assert.equal(summary.interrupted, true);
    assert.equal(output.chunks.length, 2, 'each was written when it came');
  });

  it('reads several topics and chosen partitions', async () => {
    const { add, output, read } = scene();
    const one = add('one', 2);
    const two = add('two', 2);
    put(one, ['1.0']);
    put(one, ['1.1'], 1);
    put(two, ['2.0']);
    put(two, ['2.1'], 1);
    await read({ topics: ['one', 'two', 'one'], partitions: [1] });
    assert.deepEqual(output.text.split('\n').sort(), ['', '1.1', '2.1']);
    await assert.rejects(read({ topics: ['one', 'three'] }), { kind: 'not-found' });
    await assert.rejects(read({ topics: ['one'], partitions: [2] }), { kind: 'not-found' });
  });

  it('asks for the next records before it has written those at hand', async () => {
    const { add, broker, clock, output, read } = scene();
    const topic = add('t');
    for (let index = 0; index < 10; index++) put(topic, ['x'.repeat(900_000)]);
    const fetches = () => broker.requests.filter(({ api }) => api.key === Fetch.key).length;
    let early = 0;
    output.onWrite = async () => {
      await clock.sleep(100);
      if (fetches() > 1 && output.chunks.length === 1) early++;
    };
    await read();
    assert.equal(early, 1);
    assert.equal(output.text.length, 10 * 900_001);
  });

  it('holds a bounded amount while nobody reads its output', async () => {
    const { add, broker, clock, output, read } = scene();
    const topic = add('t');
    for (let index = 0; index < 40; index++) put(topic, ['x'.repeat(900_000)]);
    const stop = new AbortController();
    output.onWrite = () => new Promise(() => undefined);
    const reading = read({ signal: stop.signal, exitAtEnd: false });
    clock.timer(60_000, () => {
      const fetches = broker.requests.filter(({ api }) => api.key === Fetch.key).length;
      assert.ok(fetches <= 3, `${fetches} fetches`);
      output.onWrite = () => undefined;
      stop.abort();
    });
    await assert.rejects(reading, /stuck/);
  });

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

  describe('a sink', () => {
    it('sees each record, and what it writes comes out in order', async () => {
      const { add, output, read } = scene();
      const records = [
        { key: 'k', value: 'v', timestampDelta: 2, headers: [['h', 'x'] as const, ['n', null] as const] },
        { key: null, value: null, timestampDelta: 1 },
      ];
      add('t').logs[0]?.store(dataBatch(records, { baseTimestamp: 1000n }), 2);
      await read({
        sink: (out) => ({
          record: (view) => {
            out.text(`${view.topic} ${view.partition} ${view.offset} ${view.timestamp} ${view.timestampType}`);
            out.byte(32);
            if (view.keyStart >= 0) out.bytes(view.source, view.keyStart, view.keyEnd);
            out.text(
              view.valueStart < 0 ? ' null' : ` ${view.source.toString('latin1', view.valueStart, view.valueEnd)}`,
            );
            view.forEachHeader((keyStart, keyEnd, valueStart, valueEnd) => {
              out.text(` ${view.source.toString('latin1', keyStart, keyEnd)}=`);
              out.text(valueStart < 0 ? 'null' : view.source.toString('latin1', valueStart, valueEnd));
            });
            out.text(` é${'~'.repeat(30)}\n`);
          },
        }),
      });
      const tail = Buffer.from(` é${'~'.repeat(30)}\n`).toString('latin1');
      assert.equal(output.text, `t 0 0 1002 CreateTime k v h=x n=null${tail}t 0 1 1001 CreateTime  null${tail}`);
    });

    it('is shown the time of append where the broker stamps', async () => {
      const { add, output, read } = scene();
      put(add('t'), ['a'], 0, { baseTimestamp: 5n, maxTimestamp: 99n, attributes: batch.LOG_APPEND_TIME_BIT });
      await read({ sink: (out) => ({ record: (view) => out.text(`${view.timestamp} ${view.timestampType}`) }) });
      assert.equal(output.text, '99 LogAppendTime');
    });

    it('may write more for a record than a buffer holds', async () => {
      const { add, output, read } = scene();
      put(add('t'), ['a', 'b']);
      const text = 'é'.repeat(2_000_000);
      await read({ sink: (out) => ({ record: () => out.text(text) }) });
      assert.equal(output.text.length, 8_000_000);
    });
  });

  describe('when things go wrong', () => {
    it('an output that fails ends the run with its error', async () => {
      const { add, output, read } = scene();
      put(add('t'), ['a', 'b']);
      output.onWrite = () => Promise.reject(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
      await assert.rejects(read({ exitAtEnd: false }), (error: Error & { kind?: string }) => {
        assert.equal(error.kind, 'output');
        assert.equal((error.cause as { code?: string }).code, 'EPIPE');
        return true;
      });
    });

    it('ends with unreachable when nobody answers for the whole time, and not before', async () => {
      const { add, broker, clock, read } = scene();
      put(add('t'), ['a']);
      const startMs = clock.monotonicMs();
      broker.fault = ({ api }) => {
        if (clock.monotonicMs() < startMs + 10_000 || (api.key !== Fetch.key && api.key !== Metadata.key))
          return undefined;
        return { kind: 'lose-request' };
      };
      await assert.rejects(read({ exitAtEnd: false, timeoutMs: 5000 }), { kind: 'unreachable' });
      const tookMs = clock.monotonicMs() - startMs;
      assert.ok(tookMs >= 15_000 && tookMs < 17_000, `${tookMs} ms`);
    });

    it('stops when the topic is deleted, or another takes its name', async () => {
      const { add, broker, read } = scene();
      const topic = add('t');
      put(topic, ['a']);
      broker.fault = ({ api }) => {
        if (api.key === Fetch.key) topic.topicId = Buffer.from('another topic id').toString('base64url');
        return undefined;
      };
      await assert.rejects(read({ exitAtEnd: false }), { kind: 'refused', message: /created anew/ });
      broker.fault = ({ api }) => {
        if (api.key === Fetch.key) broker.topics.clear();
        return undefined;
      };
      await assert.rejects(read({ exitAtEnd: false }), { kind: 'not-found' });
    });

    it('gives every buffer back and leaves no timer', async () => {
      const { add, broker, clock, read } = scene();
      const topic = add('t', 3);
      for (let index = 0; index < 30; index++) put(topic, ['x'.repeat(1000)], index % 3);
      await read();
      await read({ maxRecords: 4 });
      await clock.run(clock.sleep(5000));
      assert.equal(broker.releasedCount, broker.requests.length);
      assert.equal(clock.timerCount, 0);
    });

    it('prints every record once and in order whatever is lost (200 seeds)', async () => {
      for (let seed = 1; seed <= 200; seed++) await hardWeather(seed);
    });
  });
});

async function hardWeather(seed: number): Promise<void> {
  const chance = new Prng(seed);
  const { add, broker, output, read } = scene(seed);
  const partitions = chance.between(1, 3);
  const topic = add('t', partitions);
  topic.logs.forEach((_, index) => {
    topic.leaders[index] = chance.between(1, 2);
  });
  const expected: string[][] = topic.logs.map(() => []);
  for (let count = chance.between(0, 60); count > 0; count--) {
    const partition = chance.between(0, partitions - 1);
    const values = Array.from({ length: chance.between(1, 9) }, () => `${partition}:${chance.word()}`);
    expected[partition]?.push(...values);
    put(topic, values, partition);
  }
  broker.latencyMs = () => chance.between(0, 20);
  broker.fault = () => {
    if (!chance.hits(0.2)) return undefined;
    return chance.pick<Fault>([
      { kind: 'refuse', error: 'NOT_LEADER_OR_FOLLOWER' },
      { kind: 'refuse', error: 'LEADER_NOT_AVAILABLE' },
      { kind: 'lose-request' },
      { kind: 'lose-answer', servesRest: true },
    ]);
  };
  await read();
  const lines = output.text.split('\n').slice(0, -1);
  for (const [partition, values] of expected.entries()) {
    const printed = lines.filter((line) => line.startsWith(`${partition}:`));
    assert.deepEqual(printed, values, `seed ${seed} partition ${partition}`);
  }
}
