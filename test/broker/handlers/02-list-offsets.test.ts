import assert from 'node:assert/strict';
import { ListOffsets } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

async function ask(
  test: BrokerUnderTest,
  timestamp: bigint,
  options: { version?: number; topic?: string; currentLeaderEpoch?: number } = {},
): Promise<[error: string, offset: number, timestamp: bigint]> {
  const found = await askFor(test, timestamp, options);
  return [errorName(found.errorCode), Number(found.offset), found.timestamp];
}

async function askFor(
  test: BrokerUnderTest,
  timestamp: bigint,
  options: { version?: number; topic?: string; currentLeaderEpoch?: number } = {},
) {
  const { version = 11, topic = 't', currentLeaderEpoch = -1 } = options;
  const answer = await test.call(ListOffsets, version, {
    replicaId: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch, timestamp }] }],
  });
  const found = answer.topics[0]?.partitions[0];
  assert.ok(found !== undefined);
  return found;
}

describe('ListOffsets', () => {
  it('knows the special timestamps', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.deepEqual(await ask(test, -3n), ['NONE', -1, -1n]);
      await test.produce('t', ['a', 'b']);
      assert.deepEqual(await ask(test, -1n), ['NONE', 2, -1n]);
      assert.deepEqual(await ask(test, -2n), ['NONE', 0, -1n]);
      assert.deepEqual((await ask(test, -3n)).slice(0, 2), ['NONE', 0]);
      assert.deepEqual(await ask(test, -4n), ['NONE', 0, -1n]);
      assert.deepEqual(await ask(test, -5n), ['NONE', -1, -1n]);
      assert.deepEqual(await ask(test, -6n), ['NONE', -1, -1n]);
    }));

  it('tells the epoch of the start of the log, and none while it is empty', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.equal((await askFor(test, -2n)).leaderEpoch, -1);
      await test.produce('t', ['a']);
      assert.equal((await askFor(test, -2n)).leaderEpoch, 0);
      assert.equal((await askFor(test, -2n, { version: 3 })).leaderEpoch, -1);
    }));

  it('refuses special timestamps that the version does not have', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      for (const [timestamp, version] of [
        [-3n, 6],
        [-4n, 7],
        [-5n, 8],
        [-6n, 10],
        [-7n, 11],
      ] as const) {
        assert.equal((await ask(test, timestamp, { version }))[0], 'UNSUPPORTED_VERSION');
      }
    }));

  it('finds the first offset at or after a time', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const times: number[] = [];
      for (const value of ['a', 'b', 'c']) {
        await test.env.clock.sleep(1000);
        times.push(test.env.clock.wallMs());
        await test.produce('t', [value]);
      }
      const [first = 0, second = 0, third = 0] = times;
      assert.deepEqual(await ask(test, BigInt(first - 500)), ['NONE', 0, BigInt(first)]);
      assert.deepEqual(await ask(test, BigInt(second)), ['NONE', 1, BigInt(second)]);
      assert.deepEqual(await ask(test, BigInt(second + 1)), ['NONE', 2, BigInt(third)]);
      assert.deepEqual(await ask(test, BigInt(third + 1)), ['NONE', -1, -1n]);
    }));

  it('says what is wrong', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      assert.equal((await ask(test, -1n, { topic: 'absent' }))[0], 'UNKNOWN_TOPIC_OR_PARTITION');
      assert.equal((await ask(test, -1n, { currentLeaderEpoch: 99 }))[0], 'UNKNOWN_LEADER_EPOCH');
      const partition = { partitionIndex: 0, timestamp: -1n };
      const answer = await test.call(ListOffsets, 5, {
        replicaId: -1,
        topics: [{ name: 't', partitions: [partition, partition] }],
      });
      assert.deepEqual(
        answer.topics[0]?.partitions.map(({ errorCode }) => errorName(errorCode)),
        ['INVALID_REQUEST', 'INVALID_REQUEST'],
      );
    }));
});
