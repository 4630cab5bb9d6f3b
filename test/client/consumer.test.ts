import assert from 'node:assert/strict';
import type { ConsumeOptions, OffsetSpec } from '../../src/client/consumer.ts';
import { Fetch } from '../../src/protocol/apis/index.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { Prng } from '../sim/prng.ts';
import { dataBatch } from './batches.ts';
import { put, scene } from './consumer-scene.ts';

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
      [{ kind: 'skip', count: 7 }, '789'],
      [{ kind: 'skip', count: 70 }, ''],
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
      await assert.rejects(read({ start: { kind: 'offset', offset: 5 } }), { kind: 'data' });
      assert.equal(output.text, '');
    });
  });

  it('ends before the given place, with and without an exit at the end', async () => {
    const untils: [OffsetSpec, string][] = [
      [{ kind: 'offset', offset: 3 }, '012'],
      [{ kind: 'offset', offset: 0 }, ''],
      [{ kind: 'skip', count: 4 }, '0123'],
      [{ kind: 'tail', count: 1 }, '0123'],
      [{ kind: 'latest' }, '01234'],
      [{ kind: 'time', timestampMs: 1002n }, '01'],
      [{ kind: 'time', timestampMs: 9999n }, '01234'],
    ];
    for (const [until, expected] of untils) {
      for (const exitAtEnd of [true, false]) {
        const { add, output, read } = scene();
        const records = Array.from({ length: 5 }, (_, index) => ({ value: String(index), timestampDelta: index }));
        add('t').logs[0]?.store(dataBatch(records, { baseTimestamp: 1000n }), 5);
        await read({ until, exitAtEnd, delimiter: Buffer.alloc(0) });
        assert.equal(output.text, expected);
      }
    }
  });

  it('waits for an end that is still to come', async () => {
    const { add, output, read } = scene();
    const topic = add('t');
    put(topic, ['a']);
    const reading = read({ until: { kind: 'offset', offset: 2 }, exitAtEnd: false });
    put(topic, ['b', 'c']);
    await reading;
    assert.equal(output.text, 'a\nb\n');
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
    const startMs = clock.monotonicMs();
    const reading = read({ signal: stop.signal, exitAtEnd: false });
    clock.timer(60_000, () => {
      const fetches = broker.requests.filter(({ api }) => api.key === Fetch.key).length;
      assert.ok(fetches <= 3, `${fetches} fetches`);
      stop.abort();
    });
    const { interrupted, records } = await reading;
    assert.deepEqual({ interrupted, records }, { interrupted: true, records: 0 });
    assert.equal(clock.monotonicMs() - startMs, 61_000, 'an output that takes nothing has a second after the signal');
  });

  it('waits after the signal for an output that is slow but takes what was decoded', async () => {
    const { add, clock, output, read } = scene();
    const topic = add('t');
    for (let index = 0; index < 10; index++) put(topic, ['x'.repeat(900_000)]);
    const stop = new AbortController();
    output.onWrite = () => clock.sleep(900);
    clock.timer(1000, () => stop.abort());
    const { interrupted, records } = await read({ signal: stop.signal, exitAtEnd: false });
    assert.equal(interrupted, true);
    assert.ok(records >= 3 && output.text.length === records * 900_001, `${records}, ${output.text.length}`);
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
});
