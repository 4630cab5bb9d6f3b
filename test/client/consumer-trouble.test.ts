import assert from 'node:assert/strict';
import { Fetch, ListOffsets, Metadata } from '../../src/protocol/apis/index.ts';
import { Prng } from '../sim/prng.ts';
import { put, scene } from './consumer-scene.ts';
import type { Fault } from './fake-broker.ts';

describe('consumer in trouble', () => {
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

  it('does not wait for ever for one partition out of several', async () => {
    for (const trouble of ['no leader', 'error'] as const) {
      const { add, broker, clock, output, read } = scene();
      const topic = add('t', 2);
      put(topic, ['a']);
      put(topic, ['b'], 1);
      topic.leaders[1] = trouble === 'no leader' ? -1 : 2;
      broker.fault = ({ api, nodeId }) => {
        return api.key === Fetch.key && nodeId === 2 ? { kind: 'refuse', error: 'KAFKA_STORAGE_ERROR' } : undefined;
      };
      const startMs = clock.monotonicMs();
      await assert.rejects(read({ start: { kind: 'offset', offset: 0 }, exitAtEnd: false, timeoutMs: 5000 }), {
        kind: 'refused',
      });
      assert.equal(output.text, 'a\n');
      assert.ok(clock.monotonicMs() - startMs < 8000);
    }
  });

  it('ends at once where a partition is damaged, and says from which offset on', async () => {
    const { broker, clock, output, add, read } = scene();
    put(add('t'), ['a', 'b']);
    broker.fault = ({ api, message }) => {
      const { topics } = message as { topics: { partitions: { fetchOffset?: bigint }[] }[] };
      const isSecond = api.key === Fetch.key && topics[0]?.partitions[0]?.fetchOffset === 2n;
      return isSecond ? { kind: 'refuse', error: 'CORRUPT_MESSAGE' } : undefined;
    };
    const startMs = clock.monotonicMs();
    await assert.rejects(read({ exitAtEnd: false }), { kind: 'data', message: /^topic 't' partition 0 .*offset 2 / });
    assert.equal(output.text, 'a\nb\n');
    assert.ok(clock.monotonicMs() - startMs < 1000);
  });

  it('ends at once where a time cannot be looked up because of damage', async () => {
    const { broker, clock, add, read } = scene();
    put(add('t'), ['a', 'b']);
    broker.fault = ({ api }) =>
      api.key === ListOffsets.key ? { kind: 'refuse', error: 'CORRUPT_MESSAGE' } : undefined;
    const startMs = clock.monotonicMs();
    await assert.rejects(read({ start: { kind: 'time', timestampMs: 5n } }), { kind: 'data' });
    assert.ok(clock.monotonicMs() - startMs < 1000);
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
