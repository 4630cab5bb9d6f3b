import assert from 'node:assert/strict';
import { Produce } from '../../src/protocol/apis/index.ts';
import { closedForDamage } from '../../src/protocol/private/closed-for-damage.ts';
import { Prng } from '../sim/prng.ts';
import type { Fault } from './fake-broker.ts';
import { failure, input, produceRequests, scene, values } from './producer-scene.ts';

describe('line producer in trouble', () => {
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

  it('tells what the broker said when the time is up', async () => {
    const { broker, produce } = scene();
    broker.fault = ({ api }) =>
      api.key === Produce.key
        ? { kind: 'refuse', error: 'KAFKA_STORAGE_ERROR', message: 'no room (ENOSPC)' }
        : undefined;
    const error = await failure(produce([input('a\n')], { timeoutMs: 3000 }));
    assert.equal(error.kind, 'refused');
    assert.match(error.message, /no room \(ENOSPC\)/);
  });

  it('ends at once where the broker says that the partition is closed for damage', async () => {
    const { broker, clock, produce } = scene();
    const startMs = clock.monotonicMs();
    const message = closedForDamage('t-0 is damaged at offset 5');
    broker.fault = ({ api }) =>
      api.key === Produce.key ? { kind: 'refuse', error: 'KAFKA_STORAGE_ERROR', message } : undefined;
    const error = await failure(produce([input('a\n')], { timeoutMs: 30_000 }));
    assert.equal(error.kind, 'data');
    assert.match(error.message, /t-0 is damaged at offset 5/);
    assert.equal(produceRequests(broker).length, 1);
    assert.ok(clock.monotonicMs() - startMs < 1000);
  });

  it('a batch that is too large for the broker is a matter of the data', async () => {
    for (const error of ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'] as const) {
      const { broker, produce } = scene();
      broker.fault = ({ api }) => (api.key === Produce.key ? { kind: 'refuse', error } : undefined);
      const { kind, isRestUnsent } = await failure(produce([input('a\n')]));
      assert.deepEqual({ kind, isRestUnsent }, { kind: 'data', isRestUnsent: false });
    }
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
