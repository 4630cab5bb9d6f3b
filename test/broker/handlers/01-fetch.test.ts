import assert from 'node:assert/strict';
import { Departure } from '../../../src/broker/departure.ts';
import { DeleteTopics, Fetch } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { ResponseOf } from '../../../src/protocol/schema.ts';
import { DIRECTORY } from '../../cluster/in-world.ts';
import { type BrokerUnderTest, batchCount, withBroker } from '../broker-in-world.ts';

const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

function partitionOf(answer: ResponseOf<typeof Fetch>, index = 0) {
  const partition = answer.responses[0]?.partitions[index];
  assert.ok(partition !== undefined);
  return { ...partition, error: errorName(partition.errorCode) };
}

async function fill(test: BrokerUnderTest, topic: string, batches: number): Promise<void> {
  await test.createTopic(topic);
  for (let index = 0; index < batches; index += 1) await test.produce(topic, ['x'.repeat(100)]);
}

describe('Fetch', () => {
  it('answers whole batches with the offsets of the log', () =>
    withBroker(async (test) => {
      await fill(test, 't', 3);
      const answer = await test.fetch('t', 0);
      const { error, highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = partitionOf(answer);
      assert.deepEqual([error, highWatermark, lastStableOffset, logStartOffset], ['NONE', 3n, 3n, 0n]);
      assert.equal(abortedTransactions, null);
      assert.equal(batchCount(answer), 3);
      assert.equal(answer.sessionId, 0);
    }));

  it('has an abort list for read_committed only', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      assert.deepEqual(partitionOf(await test.fetch('t', 0, { isolationLevel: 1 })).abortedTransactions, []);
    }));

  it('gives the first batch however small the limits, and later ones within them', () =>
    withBroker(async (test) => {
      await fill(test, 't', 3);
      assert.equal(batchCount(await test.fetch('t', 0, { partitionMaxBytes: 1 })), 1);
      assert.equal(batchCount(await test.fetch('t', 0, { maxBytes: 1 })), 1);
      assert.equal(batchCount(await test.fetch('t', 0, { partitionMaxBytes: 400 })), 2);
      const partitions = [0, 0].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 10_000 }));
      const both = await test.fetch('t', 0, { maxBytes: 1, topics: [{ topic: 't', partitions }] });
      assert.deepEqual(
        both.responses[0]?.partitions.map(({ records }) => records?.length ?? -1),
        [1, 0],
      );
    }));

  it('answers empty records, never null, at the end of the log', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      assert.deepEqual(partitionOf(await test.fetch('t', 1)).records, []);
    }));

  it('refuses an offset that is not in the log', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      for (const offset of [2, -1]) {
        const { error, records, highWatermark } = partitionOf(await test.fetch('t', offset));
        assert.deepEqual([error, records, highWatermark], ['OFFSET_OUT_OF_RANGE', [], -1n]);
      }
    }));

  it('lists every partition asked for, in order', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const partitions = [3, 0].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1000 }));
      const answer = await test.fetch('t', 0, {
        topics: [
          { topic: 'absent', partitions },
          { topic: 't', partitions },
        ],
      });
      assert.deepEqual(
        answer.responses.map(({ topic, partitions: found }) => [
          topic,
          ...found.map(({ partitionIndex, errorCode }) => `${partitionIndex} ${errorName(errorCode)}`),
        ]),
        [
          ['absent', '3 UNKNOWN_TOPIC_OR_PARTITION', '0 UNKNOWN_TOPIC_OR_PARTITION'],
          ['t', '3 UNKNOWN_TOPIC_OR_PARTITION', '0 NONE'],
        ],
      );
    }));

  it('speaks topic ids from version 13 on', () =>
    withBroker(async (test) => {
      const topicId = await test.createTopic('t');
      await test.produce('t', ['a']);
      const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }];
      const answer = await test.fetch('', 0, {
        version: 16,
        topics: [
          { topicId, partitions },
          { topicId: ZERO_ID, partitions },
        ],
      });
      assert.deepEqual(
        answer.responses.map((topic) => errorName(topic.partitions[0]?.errorCode ?? -1)),
        ['NONE', 'UNKNOWN_TOPIC_ID'],
      );
    }));
});

describe('Fetch: who may', () => {
  it('refuses a replica, and a session that was never given', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      assert.equal(partitionOf(await test.fetch('t', 0, { replicaId: 2 })).error, 'TOPIC_AUTHORIZATION_FAILED');
      const topics = [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }];
      const replicaState = { replicaId: 2, replicaEpoch: 1n };
      const asReplica = await test.fetch('', 0, { version: 16, topics, replicaState });
      assert.equal(partitionOf(asReplica).error, 'TOPIC_AUTHORIZATION_FAILED');
      const session = await test.fetch('t', 0, { sessionId: 5, sessionEpoch: 3 });
      assert.equal(errorName(session.errorCode), 'FETCH_SESSION_ID_NOT_FOUND');
      assert.deepEqual(session.responses, []);
    }));

  it('compares leader epochs', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const epoch = test.session.image().topics.get('t')?.partitions[0]?.leaderEpoch ?? -1;
      const ask = async (currentLeaderEpoch: number): Promise<string> => {
        const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000, currentLeaderEpoch }];
        return partitionOf(await test.fetch('t', 0, { topics: [{ topic: 't', partitions }] })).error;
      };
      assert.equal(await ask(epoch), 'NONE');
      assert.equal(await ask(epoch + 1), 'UNKNOWN_LEADER_EPOCH');
      if (epoch > 0) assert.equal(await ask(epoch - 1), 'FENCED_LEADER_EPOCH');
    }));

  it('tells a client that read more than there is where it parted from the log', () =>
    withBroker(async (test) => {
      await fill(test, 't', 2);
      const lastFetchedEpoch = test.session.image().topics.get('t')?.partitions[0]?.leaderEpoch ?? -1;
      const partitions = [{ partition: 0, fetchOffset: 9n, partitionMaxBytes: 1000, lastFetchedEpoch }];
      const answer = await test.fetch('t', 0, { topics: [{ topic: 't', partitions }], maxWaitMs: 1000 });
      const { error, divergingEpoch, records } = partitionOf(answer);
      assert.deepEqual([error, records], ['NONE', []]);
      assert.deepEqual(divergingEpoch, { epoch: lastFetchedEpoch, endOffset: 2n });
    }));
});

describe('Fetch: a damaged log', () => {
  const LOG = `${DIRECTORY}/brokers/1/log/t-0/00000000000000000000.log`;

  /** Three batches, of which the second one's base offset is changed, which only whoever reads it sees. */
  async function fillDamaged(test: BrokerUnderTest): Promise<void> {
    await fill(test, 't', 3);
    const file = await test.env.disk.open(LOG, 'r+');
    const { size = 0 } = (await test.env.disk.stat(LOG)) ?? {};
    await file.writev([Buffer.from([9])], size / 3 + 7);
    await file.close();
  }

  it('is served up to the damage, and told from there on, above its end and in a waiting fetch too', () =>
    withBroker(async (test) => {
      await fillDamaged(test);
      const startMs = test.env.clock.monotonicMs();
      const waiting = test.fetch('t', 3, { maxWaitMs: 60_000 });
      await test.env.clock.sleep(100);
      assert.equal(batchCount(await test.fetch('t', 0)), 1);
      for (const offset of [1, 2, 3, 1000]) {
        assert.equal(partitionOf(await test.fetch('t', offset)).error, 'CORRUPT_MESSAGE', `offset ${offset}`);
      }
      assert.equal(partitionOf(await waiting).error, 'CORRUPT_MESSAGE');
      assert.ok(test.env.clock.monotonicMs() - startMs < 1000);
      assert.equal(partitionOf(await test.fetch('t', -1)).error, 'OFFSET_OUT_OF_RANGE');
      assert.equal(batchCount(await test.fetch('t', 0, { minBytes: 10_000, maxWaitMs: 500 })), 1);
    }));

  it('does not send a client that read more elsewhere', () =>
    withBroker(async (test) => {
      await fillDamaged(test);
      await test.fetch('t', 1);
      const partitions = [{ partition: 0, fetchOffset: 9n, partitionMaxBytes: 1000, lastFetchedEpoch: 7 }];
      const answer = await test.fetch('t', 0, { topics: [{ topic: 't', partitions }] });
      assert.equal(partitionOf(answer).error, 'CORRUPT_MESSAGE');
    }));

  it('takes nothing, and says why and where', () =>
    withBroker(async (test) => {
      await fillDamaged(test);
      await test.fetch('t', 1);
      const { error, partition } = await test.produce('t', ['b']);
      assert.equal(error, 'KAFKA_STORAGE_ERROR');
      assert.match(partition.errorMessage ?? '', /t-0 .*damaged at offset 1/);
    }));
});

describe('Fetch: waiting', () => {
  it('is woken by an append', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const startMs = test.env.clock.monotonicMs();
      const waiting = test.fetch('t', 1, { maxWaitMs: 60_000 });
      await test.env.clock.sleep(100);
      await test.produce('t', ['b']);
      assert.equal(batchCount(await waiting), 1);
      assert.ok(test.env.clock.monotonicMs() - startMs < 1000);
    }));

  it('of very many partitions lets others have their turn', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const partitions = Array.from({ length: 5000 }, () => ({ partition: 1, fetchOffset: 0n, partitionMaxBytes: 1 }));
      let hasEnded = false;
      const fetching = test.fetch('t', 0, { topics: [{ topic: 't', partitions }] }).finally(() => {
        hasEnded = true;
      });
      await test.env.clock.sleep(0);
      assert.equal(hasEnded, false);
      assert.equal(partitionOf(await fetching, 4999).error, 'UNKNOWN_TOPIC_OR_PARTITION');
    }));

  it('waits for minBytes', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const waiting = test.fetch('t', 0, { maxWaitMs: 60_000, minBytes: 400 });
      let isAnswered = false;
      const answered = waiting.then((answer) => {
        isAnswered = true;
        return answer;
      });
      await test.produce('t', ['x'.repeat(100)]);
      await test.env.clock.sleep(100);
      assert.equal(isAnswered, false);
      await test.produce('t', ['x'.repeat(100)]);
      assert.equal(batchCount(await answered), 3);
    }));

  it('ends at maxWaitMs with what is there', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const startMs = test.env.clock.monotonicMs();
      assert.equal(batchCount(await test.fetch('t', 0, { maxWaitMs: 500, minBytes: 10_000 })), 1);
      const tookMs = test.env.clock.monotonicMs() - startMs;
      assert.ok(tookMs >= 500 && tookMs < 600, `${tookMs} ms`);
    }));

  it('does not wait with an error, or without a partition', () =>
    withBroker(async (test) => {
      const startMs = test.env.clock.monotonicMs();
      await test.fetch('absent', 0, { maxWaitMs: 60_000 });
      await test.fetch('absent', 0, { maxWaitMs: 60_000, topics: [] });
      assert.ok(test.env.clock.monotonicMs() - startMs < 1000);
    }));

  it('ends when the topic is deleted', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const waiting = test.fetch('t', 1, { maxWaitMs: 60_000 });
      await test.env.clock.sleep(10);
      const startMs = test.env.clock.monotonicMs();
      await test.call(DeleteTopics, 5, { topicNames: ['t'], timeoutMs: 1000 });
      assert.equal(partitionOf(await waiting).error, 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.ok(test.env.clock.monotonicMs() - startMs < 1000);
    }));

  it('ends at once, empty, when the client goes or the broker stops', () =>
    withBroker(async (test) => {
      await fill(test, 't', 1);
      const departure = new Departure();
      const partitions = [{ partition: 0, fetchOffset: 1n, partitionMaxBytes: 1000 }];
      const request = { maxWaitMs: 60_000, minBytes: 1, sessionEpoch: -1, topics: [{ topic: 't', partitions }] };
      const left = test.call(Fetch, 11, request, { departure });
      const stopped = test.call(Fetch, 11, request);
      await test.env.clock.sleep(10);
      departure.announce();
      assert.deepEqual(partitionOf(await left).records, []);
      const startMs = test.env.clock.monotonicMs();
      const stopping = test.broker.stop();
      assert.deepEqual(partitionOf(await stopped).records, []);
      await stopping;
      assert.ok(test.env.clock.monotonicMs() - startMs < 2000);
    }));
});
