import assert from 'node:assert/strict';
import { ProduceError } from '../../src/client/client-error.ts';
import { type LineInput, type ProduceOptions, produceLines } from '../../src/client/line-producer.ts';
import { murmur2Partition } from '../../src/kernel/murmur2.ts';
import { Produce } from '../../src/protocol/apis/index.ts';
import type { RequestOf } from '../../src/protocol/schema.ts';
import { Prng } from '../sim/prng.ts';
import { FakeBroker, type FakeTopic, type Fault } from './fake-broker.ts';
import { testEnv, VirtualClock } from './test-env.ts';

const OPTIONS: ProduceOptions = {
  topic: 't',
  delimiter: Buffer.from('\n'),
  codec: 'none',
  acks: -1,
  timeoutMs: 30_000,
};

interface Scene {
  readonly clock: VirtualClock;
  readonly broker: FakeBroker;
  readonly topic: FakeTopic;
  readonly receipts: { lines: number; bytes: number }[];
  produce(inputs: LineInput[], options?: Partial<ProduceOptions>): ReturnType<typeof produceLines>;
}

function scene(options: { seed?: number; partitions?: number; maxMessageBytes?: number } = {}): Scene {
  const clock = new VirtualClock();
  const env = testEnv({ clock, seed: options.seed ?? 1 });
  const broker = new FakeBroker(env);
  const topic = broker.addTopic('t', options);
  const receipts: { lines: number; bytes: number }[] = [];
  return {
    clock,
    broker,
    topic,
    receipts,
    produce: (inputs, more = {}) =>
      clock.run(
        produceLines(env, broker, { ...OPTIONS, ...more }, inputs, {
          onAcked: (lines, bytes) => receipts.push({ lines, bytes }),
        }),
      ),
  };
}

/** Gives the text in pieces of `pieceBytes` at most, each after `delayMs` (a function of the piece's number). */
function input(text: string | Buffer, pieceBytes = Infinity, wait?: (piece: number) => Promise<void>): LineInput {
  const bytes = Buffer.from(text as string, 'latin1');
  let position = 0;
  let piece = 0;
  return {
    name: 'the input',
    read: async (target) => {
      await wait?.(piece++);
      const length = Math.min(target.length, pieceBytes, bytes.length - position);
      bytes.copy(target, 0, position, position + length);
      position += length;
      return length;
    },
  };
}

function values(topic: FakeTopic, partition = 0): (string | null)[] {
  return topic.logs[partition]?.records().map((record) => record.value) ?? [];
}

function produceRequests(broker: FakeBroker): RequestOf<typeof Produce>[] {
  return broker.requests
    .filter(({ api }) => api.key === Produce.key)
    .map(({ message }) => message as RequestOf<typeof Produce>);
}

async function failure(work: Promise<unknown>): Promise<ProduceError> {
  const error = await work.then(
    () => assert.fail('it went well'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ProduceError, String(error));
  return error;
}

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
    assert.equal(error.kind, 'data');
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

  describe('when things go wrong', () => {
    it('sends the five batches in flight again, the same, after a lost connection', async () => {
      const { broker, topic, produce } = scene({ maxMessageBytes: 500 });
      let count = 0;
      broker.fault = ({ api }) =>
        api.key === Produce.key && ++count === 7 ? { kind: 'lose-answer', servesRest: true } : undefined;
      const lines = Array.from({ length: 300 }, (_, index) => `line ${index}`);
      await produce([input(lines.join('\n'))]);
      assert.deepEqual(values(topic), lines);
      assert.ok(count > (topic.logs[0]?.batches.length ?? 0), 'something was sent twice');
    });

    it('ends with unreachable when nobody answers in time', async () => {
      const { broker, clock, produce } = scene();
      const startMs = clock.monotonicMs();
      broker.fault = ({ api }) => (api.key === Produce.key ? { kind: 'hang' } : undefined);
      const error = await failure(produce([input('a\nb\n')], { timeoutMs: 5000 }));
      assert.equal(error.kind, 'unreachable');
      assert.deepEqual([error.ackedLines, error.ackedBytes], [0, 0]);
      const tookMs = clock.monotonicMs() - startMs;
      assert.ok(tookMs >= 5000 && tookMs < 6000, `${tookMs} ms`);
    });

    it('ends with refused when the broker keeps saying no', async () => {
      const { broker, produce } = scene();
      broker.fault = ({ api }) =>
        api.key === Produce.key ? { kind: 'refuse', error: 'NOT_ENOUGH_REPLICAS' } : undefined;
      const error = await failure(produce([input('a\nb\n')], { timeoutMs: 5000 }));
      assert.equal(error.kind, 'refused');
      assert.match(error.message, /not enough replicas/);
    });

    it('goes on for ever with a timeout of 0', async () => {
      const { broker, clock, topic, produce } = scene();
      const startMs = clock.monotonicMs();
      broker.fault = ({ api }) =>
        api.key === Produce.key && clock.monotonicMs() < startMs + 3_600_000 ? { kind: 'lose-request' } : undefined;
      const summary = await produce([input('a\nb\n')], { timeoutMs: 0 });
      assert.equal(summary.lines, 2);
      assert.deepEqual(values(topic), ['a', 'b']);
    });

    it('ends at once at a final no', async () => {
      const { broker, produce } = scene();
      broker.fault = ({ api }) =>
        api.key === Produce.key ? { kind: 'refuse', error: 'TOPIC_AUTHORIZATION_FAILED' } : undefined;
      const error = await failure(produce([input('a\n')]));
      assert.equal(error.kind, 'authorization');
      assert.equal(produceRequests(broker).length, 1);
    });

    it('does not hide that a broker has lost what it acked', async () => {
      const { broker, topic, produce, clock } = scene();
      let sent = 0;
      broker.fault = ({ api }) => {
        if (api.key !== Produce.key || ++sent < 2) return undefined;
        return { kind: 'refuse', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' };
      };
      const error = await failure(produce([input('a\nb\nc\n', 2, () => clock.sleep(10))]));
      assert.equal(error.kind, 'refused');
      assert.deepEqual([error.ackedLines, error.ackedBytes], [1, 2]);
      assert.deepEqual(values(topic), ['a']);
    });

    it('follows the leader', async () => {
      const { broker, topic, produce } = scene();
      broker.fault = ({ api, nodeId }) => {
        if (api.key !== Produce.key || nodeId === 2) return undefined;
        topic.leaders[0] = 2;
        return { kind: 'refuse', error: 'NOT_LEADER_OR_FOLLOWER' };
      };
      await produce([input('a\nb\n')]);
      assert.deepEqual(values(topic), ['a', 'b']);
    });

    it('does not mix two topics of one name', async () => {
      const { broker, topic, produce } = scene();
      broker.fault = ({ api }) => {
        if (api.key !== Produce.key) return undefined;
        topic.topicId = Buffer.from('another topic id').toString('base64url');
        return { kind: 'refuse', error: 'UNKNOWN_TOPIC_ID' };
      };
      const error = await failure(produce([input('a\nb\n')]));
      assert.equal(error.kind, 'refused');
      assert.match(error.message, /created anew/);
    });

    it('leaves no timer behind', async () => {
      const { broker, clock, produce } = scene();
      await produce([input('a\nb\n')]);
      broker.fault = ({ api }) => (api.key === Produce.key ? { kind: 'lose-request' } : undefined);
      await failure(produce([input('a\nb\n')], { timeoutMs: 1000 }));
      assert.equal(clock.timerCount, 0);
    });

    it('keeps every line once and in order whatever is lost (200 seeds)', async () => {
      for (let seed = 1; seed <= 200; seed++) await hardWeather(seed);
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

/** Random lines to random partitions, with any of the faults that a retry may mend. */
async function hardWeather(seed: number): Promise<void> {
  const chance = new Prng(seed);
  const partitions = chance.between(1, 3);
  const isKeyed = chance.hits(0.5);
  const { broker, clock, topic, produce, receipts } = scene({
    seed,
    partitions,
    maxMessageBytes: chance.between(150, 2000),
  });
  topic.leaders.fill(1).forEach((_, index) => {
    topic.leaders[index] = chance.between(1, 2);
  });
  const troubleEndsAt = clock.monotonicMs() + 20_000;
  broker.latencyMs = () => chance.between(0, 20);
  broker.fault = () => {
    if (clock.monotonicMs() > troubleEndsAt || !chance.hits(0.15)) return undefined;
    return chance.pick<Fault>([
      { kind: 'refuse', error: 'NOT_LEADER_OR_FOLLOWER' },
      { kind: 'refuse', error: 'NOT_ENOUGH_REPLICAS' },
      { kind: 'lose-request' },
      { kind: 'lose-answer', servesRest: false },
      { kind: 'lose-answer', servesRest: true },
    ]);
  };
  const lines = Array.from({ length: chance.between(0, 400) }, (_, index) => {
    const key = isKeyed ? `${chance.between(0, 20)}:` : '';
    return `${key}${index} ${'z'.repeat(chance.between(0, 60))}`;
  });
  const text = lines.map((line) => `${line}\n`).join('');
  const pauseMs = chance.between(0, 5);
  const summary = await produce([input(text, chance.between(1, 3000), () => clock.sleep(pauseMs))], {
    ...(isKeyed ? { keyDelimiter: Buffer.from(':') } : {}),
    timeoutMs: 60_000,
  });
  assert.equal(summary.lines, lines.length, `seed ${seed}`);
  const logged = topic.logs.map((log) =>
    log.records().map(({ key, value }) => (key === null ? value : `${key}:${value}`) as string),
  );
  assert.deepEqual(logged.flat().sort(), [...lines].sort(), `seed ${seed}: each line once`);
  const numberOf = (line: string) => Number(line.slice(line.indexOf(':') + 1).split(' ')[0]);
  for (const log of logged) {
    assert.ok(
      log.every((line, index) => index === 0 || numberOf(log[index - 1] as string) < numberOf(line)),
      `seed ${seed}: in order`,
    );
  }
  for (const { lines: count, bytes } of receipts) {
    assert.equal(
      lines.slice(0, count).reduce((sum, line) => sum + line.length + 1, 0),
      bytes,
      `seed ${seed}`,
    );
  }
}
